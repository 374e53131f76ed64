package row

import (
	"context"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxBulk is how many rows one statement stores, a power of two. Fewer take a statement for each power of two in their number, so that
// a collection has seven statements at most.
const maxBulk = 64

// bulk names a statement.
type bulk struct {
	col  *plan.Collection
	rows int
}

// InsertAll stores new rows of one collection with their side tables, many rows a statement. A broken constraint of any of them is a
// *store.ConstraintError; some rows may then be stored and others not: run it in a Savepoint.
func (t *Tables) InsertAll(ctx context.Context, tx store.Tx, rows []*Row) error {
	if len(rows) == 0 {
		return nil
	}
	col := rows[0].Collection
	for n, left := maxBulk, rows; len(left) > 0; {
		for n > len(left) {
			n /= 2
		}
		args := make([]types.Value, 0, n*(len(col.System)+len(col.Fields)))
		for _, r := range left[:n] {
			args = r.appendColumns(args)
		}
		if _, err := tx.Exec(ctx, t.bulk(col, n), args...); err != nil {
			return err
		}
		left = left[n:]
	}
	s := t.statements(col)
	for _, f := range col.Fields {
		if err := addSide(ctx, tx, s, f, rows...); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tables) bulk(col *plan.Collection, rows int) *store.Stmt {
	key := bulk{col, rows}
	if s, ok := t.bulks.Load(key); ok {
		return s.(*store.Stmt)
	}
	head, one, _ := strings.Cut(t.statements(col).insert.SQL, " VALUES ")
	s, _ := t.bulks.LoadOrStore(key, store.SQL(head+" VALUES "+strings.TrimSuffix(strings.Repeat(one+", ", rows), ", ")))
	return s.(*store.Stmt)
}

// appendColumns appends the row as its columns hold it.
func (r *Row) appendColumns(dst []types.Value) []types.Value {
	dst = append(dst, types.TextValue(string(r.ID)), types.IntValue(r.Created), types.IntValue(r.Updated), types.IntValue(r.Version))
	if r.Collection.PerOrg {
		dst = append(dst, r.Org)
	}
	for i, f := range r.Collection.Fields {
		dst = append(dst, stored(f, r.Values[i]))
	}
	return dst
}
