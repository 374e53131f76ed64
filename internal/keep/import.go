package keep

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// MaxImport is how many rows one transaction of an import may make.
const MaxImport = 1000

// Import creates rows of one collection in order in one transaction, under the same rules as Create. The first refusal rolls everything
// back; at is then the number of the refused row, from 0, else -1. The evidence of what was made is one entry that lists the ids.
func (k *Keep) Import(ctx context.Context, c *types.Caller, collection string, rows []jsontext.Value) (at int, err error) {
	if len(rows) == 0 || len(rows) > MaxImport {
		return -1, types.Refuse(types.Malformed, "bad_batch", "an import makes 1 to 1000 rows at once")
	}
	acts := make([]*act, len(rows))
	for i, r := range rows {
		if acts[i], err = k.prepare(c, types.Create, Write{Collection: collection, Body: r}); err != nil {
			if refused(err) {
				k.refuse(ctx, c, k.entry(c, types.RowCreate, collection, ""), err)
			}
			return i, err
		}
	}
	err = k.db.Write(turn(ctx, c), func(tx store.Tx) error {
		at = -1
		for i, a := range acts {
			if _, err := a.apply(ctx, tx); err != nil {
				at = i
				return err
			}
		}
		return tx.Record(k.imported(c, acts))
	})
	if err != nil && at >= 0 {
		acts[at].denied(ctx, err)
	}
	return at, err
}

// imported is the evidence of rows that one transaction made: their ids, and the fields that any of them named.
func (k *Keep) imported(c *types.Caller, acts []*act) types.Entry {
	col := acts[0].col
	e := k.entry(c, types.RowImport, col.Name, "")
	var named plan.Mask
	for _, a := range acts {
		named |= a.change.Mask
		e.Rows = append(e.Rows, a.id)
	}
	for _, f := range col.Fields {
		if named.Has(f) {
			e.Fields = append(e.Fields, f.Name)
		}
	}
	e.Version, e.Count = 1, int64(len(acts))
	return e
}
