package page

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// cursorLife is how long a cursor may be used.
const cursorLife = 24 * time.Hour

// longestPlain is how long what is sealed in a cursor may be, so that filters fit beside it into a query string.
const longestPlain = 1000

// cursor is where a list goes on: the sort key and id of the last row. It travels sealed, bound to caller, query and plan. Of a key that
// is too long it carries a digest, and the key is read from the row again.
type cursor struct {
	Key    types.Value
	ID     types.ID
	Issued int64 // microseconds
	Long   bool  `json:",omitempty"` // Key is a digest
}

var (
	errCursor = types.Refuse(types.Malformed, "cursor_invalid", "this cursor is not of this query, caller and declaration, or older than a day; start again without after")
	errMoved  = types.Refuse(types.Malformed, "cursor_invalid", "the row at which the page before ended is not what it was; start again without after")
)

// sealCursor binds the cursor to what it may be used with: collection, query shape, caller and plan version.
func (l *Lists) sealCursor(c *types.Caller, cur cursor, query string) (string, error) {
	plain, err := json.Marshal(cur)
	if err == nil && len(plain) > longestPlain {
		cur.Key, cur.Long = l.digest(cur), true
		plain, err = json.Marshal(cur)
	}
	if err != nil {
		return "", err
	}
	sealed, err := l.tables().Ring.Seal(nil, seal.Cursor, plain, l.cursorPlace(c, query)...)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (l *Lists) openCursor(c *types.Caller, text, query string) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(text) > 4096 || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil, errCursor
	}
	plain, err := l.tables().Ring.Open(nil, seal.Cursor, sealed, l.cursorPlace(c, query)...)
	if err != nil {
		return nil, errCursor
	}
	var cur cursor
	if json.Unmarshal(plain, &cur) != nil {
		return nil, errCursor
	}
	if age := l.Clock.Now().Sub(types.FromMicros(cur.Issued)); age > cursorLife || age < -time.Minute {
		return nil, errCursor
	}
	return &cur, nil
}

// digest stands for a key that is too long.
func (l *Lists) digest(cur cursor) types.Value {
	return types.TextValue(base64.RawURLEncoding.EncodeToString(l.tables().Ring.MAC(seal.Cursor, string(cur.ID), cur.Key.Text)))
}

// find reads the key that a cursor has a digest of. A row that is gone, that has another key by now, or whose key the caller does not see
// any more is refused alike: the caller learns nothing that reading the row would not tell.
func (p *Page) find(ctx context.Context, r store.Reader, b *rule.Bindings) error {
	if p.after == nil || !p.after.Long {
		return nil
	}
	m, ok, err := p.view.Readable(ctx, r, b, p.after.ID)
	if err != nil {
		return err
	}
	if !ok || !p.sort.System && !m.Has(p.sort) {
		return errMoved
	}
	text := "SELECT " + store.Quote(p.sort.Column) + " FROM " + store.Quote(p.view.Collection.Table) + ` WHERE "id" = ?`
	rows, err := r.Query(ctx, p.lists.tables().Stmt(text), types.IDValue(p.after.ID))
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return errMoved
	}
	found := cursor{Key: p.key(rows, 0), ID: p.after.ID}
	if p.lists.digest(found).Text != p.after.Key.Text {
		return errMoved
	}
	p.after = &found
	return rows.Err()
}

func (l *Lists) cursorPlace(c *types.Caller, query string) []string {
	return []string{query, strconv.Itoa(int(c.Kind)), string(c.Account), string(c.Org), l.tables().Plan.Version}
}
