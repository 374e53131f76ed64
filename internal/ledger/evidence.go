// Package ledger keeps the evidence: who did, or was refused, what and when. Today it is a plain table written in the
// transaction of the act, through the one hook that store offers; the tamper-evident log will take the same hook's place
// without a change for those who record.
//
// Policy: an act without its entry cannot commit, and an entry carries ids and classes, never values.
package ledger

import (
	"context"
	"strings"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Tables returns the table of evidence.
func Tables() []store.Table {
	text := func(name string) store.Column { return store.Column{Name: name, Type: store.TextColumn} }
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	return []store.Table{{
		Name:    "fastness_evidence",
		Primary: []string{"id"},
		Columns: []store.Column{
			{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "event", Type: store.TextColumn, NotNull: true},
			number("outcome"), number("at"), number("kind"), text("account"), text("session"), text("request"),
			text("collection"), text("row_id"), text("row_ids"), number("version"), text("fields"), text("code"), text("reason"),
			text("address"), number("count"),
		},
		Indexes: []store.Index{
			{Name: "fastness_evidence_request", Columns: []string{"request"}},
			{Name: "fastness_evidence_row", Columns: []string{"row_id", "id"}},
		},
	}}
}

var insert = store.SQL(`INSERT INTO fastness_evidence (id, event, outcome, at, kind, account, session, request, collection,
	row_id, row_ids, version, fields, code, reason, address, count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)

// Evidence appends entries to the plain table. It implements store.Recorder; the zero value is ready.
type Evidence struct{}

// Record writes the entry as one row of the transaction.
func (Evidence) Record(ctx context.Context, tx store.Tx, e types.Entry) error {
	text := func(s string) types.Value {
		if s == "" {
			return types.Value{}
		}
		return types.TextValue(s)
	}
	_, err := tx.Exec(ctx, insert, types.IDValue(types.NewID(e.At)), types.TextValue(string(e.Event)),
		types.IntValue(int64(e.Outcome)), types.IntValue(types.Micros(e.At)), types.IntValue(int64(e.Kind)),
		types.IDValue(e.Account), types.IDValue(e.Session), types.IDValue(e.RequestID), text(e.Collection),
		types.IDValue(e.Row), text(joined(e.Rows)), types.IntValue(e.Version), text(strings.Join(e.Fields, ",")), text(e.Code), text(e.Reason),
		text(e.Address), types.IntValue(max(e.Count, 1)))
	return err
}

// joined is a list of ids as the column row_ids holds it: with commas between.
func joined(ids []types.ID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(id))
	}
	return b.String()
}

var byRequest = store.SQL(`SELECT event, outcome, at, account, collection, row_id, version, code, reason, count, row_ids, session, fields
	FROM fastness_evidence WHERE request = ? ORDER BY id LIMIT 200`)

// Found is an entry as it was read back.
type Found struct {
	Event      types.Event
	Outcome    types.Outcome
	At         int64 // microseconds UTC
	Account    types.ID
	Collection string
	Row        types.ID
	Rows       []types.ID // of an act on many rows; Row is "" then
	Version    int64
	Code       string
	Reason     string
	Count      int64
	Session    types.ID
	Fields     []string // that the request named
}

// OfRequest returns the entries of one request, oldest first, at most 200.
func OfRequest(ctx context.Context, r store.Reader, request types.ID) ([]Found, error) {
	rows, err := r.Query(ctx, byRequest, types.IDValue(request))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Found
	for rows.Next() {
		f := Found{Event: types.Event(rows.Text(0)), Outcome: types.Outcome(rows.Int(1)), At: rows.Int(2),
			Account: types.ID(rows.Text(3)), Collection: rows.Text(4), Row: types.ID(rows.Text(5)), Version: rows.Int(6),
			Code: rows.Text(7), Reason: rows.Text(8), Count: rows.Int(9), Session: types.ID(rows.Text(11)),
			Fields: strings.FieldsFunc(rows.Text(12), func(r rune) bool { return r == ',' })}
		if !rows.Missing(10) {
			for id := range strings.SplitSeq(rows.Text(10), ",") {
				f.Rows = append(f.Rows, types.ID(id))
			}
		}
		out = append(out, f)
	}
	return out, rows.Err()
}
