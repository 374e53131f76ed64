package keep

import (
	"context"
	"errors"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxCascade bounds how many rows one delete may take along.
const maxCascade = 10000

// delete removes the row; rows that go with it by cascade are recorded each.
func (a *act) delete(ctx context.Context, tx store.Tx) error {
	left := maxCascade
	if err := a.cascade(ctx, tx, a.col, a.id, &left); err != nil {
		return err
	}
	return stillReferenced(a.k.tables.Remove(ctx, tx, a.col, a.id))
}

// stillReferenced turns the database's refusal to leave a reference dangling into an answer.
func stillReferenced(err error) error {
	var broken *store.ConstraintError
	if errors.As(err, &broken) && broken.Kind == store.Foreign {
		return &types.Error{Kind: types.Conflict, Code: "still_referenced", Detail: "other rows point at this one; remove them first", Err: err}
	}
	return err
}

// cascade follows the references to a row: what points at it by on_delete: cascade is deleted, deepest first; what points at it
// by on_delete: clear loses the reference and gets a new version. Each is an entry.
func (a *act) cascade(ctx context.Context, tx store.Tx, col *plan.Collection, id types.ID, left *int) error {
	for _, child := range a.k.plan.Collections {
		for _, f := range child.Fields {
			if f.To != col.Name || f.Type == plan.ListField || f.Decl.OnDelete != "cascade" && f.Decl.OnDelete != "clear" {
				continue
			}
			rows, err := a.pointing(ctx, tx, child, f, id)
			if err != nil {
				return err
			}
			if *left -= len(rows); *left < 0 {
				return types.Refuse(types.Conflict, "too_many_rows", "too many rows go with this one; remove them first")
			}
			for _, r := range rows {
				if f.Decl.OnDelete == "clear" {
					err = a.clear(ctx, tx, child, f, r)
				} else {
					err = a.takeAlong(ctx, tx, child, r, left)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pointer is a row that points at another.
type pointer struct {
	id               types.ID
	version, updated int64
}

func (a *act) pointing(ctx context.Context, tx store.Tx, child *plan.Collection, f *plan.Field, id types.ID) ([]pointer, error) {
	rows, err := tx.Query(ctx, a.k.tables.Stmt(`SELECT "id", "version", "updated" FROM `+store.Quote(child.Table)+" WHERE "+store.Quote(f.Column)+" = ?"),
		types.TextValue(string(id)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []pointer
	for rows.Next() {
		out = append(out, pointer{types.ID(rows.Text(0)), rows.Int(1), rows.Int(2)})
	}
	return out, rows.Err()
}

func (a *act) takeAlong(ctx context.Context, tx store.Tx, child *plan.Collection, r pointer, left *int) error {
	if err := a.cascade(ctx, tx, child, r.id, left); err != nil {
		return err
	}
	if err := a.k.tables.Remove(ctx, tx, child, r.id); err != nil {
		return stillReferenced(err)
	}
	e := a.k.entry(a.c, types.RowDelete, child.Name, r.id)
	e.Code = "cascade"
	return tx.Record(e)
}

func (a *act) clear(ctx context.Context, tx store.Tx, child *plan.Collection, f *plan.Field, r pointer) error {
	n := &row.Row{Collection: child, ID: r.id, Version: r.version + 1, Updated: max(types.Micros(a.b.Now), r.updated), Values: make([]types.Value, len(child.Fields))}
	if err := a.k.tables.Update(ctx, tx, n, []*plan.Field{f}); err != nil {
		return err
	}
	e := a.k.entry(a.c, types.RowUpdate, child.Name, r.id)
	e.Code, e.Version, e.Fields = "clear", n.Version, []string{f.Name}
	return tx.Record(e)
}
