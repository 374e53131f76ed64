package keep

import (
	"context"
	"errors"

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
	err := a.k.tables.Remove(ctx, tx, a.col, a.id)
	var broken *store.ConstraintError
	if errors.As(err, &broken) && broken.Kind == store.Foreign {
		return &types.Error{Kind: types.Conflict, Code: "still_referenced", Detail: "other rows point at this one; remove them first", Err: err}
	}
	return err
}

// cascade deletes what points at the row by on_delete: cascade, deepest first, with an entry for each.
func (a *act) cascade(ctx context.Context, tx store.Tx, col *plan.Collection, id types.ID, left *int) error {
	for _, child := range a.k.plan.Collections {
		for _, f := range child.Fields {
			if f.To != col.Name || f.Type == plan.ListField || f.Decl.OnDelete != "cascade" {
				continue
			}
			children := a.k.tables.Stmt(`SELECT "id" FROM ` + store.Quote(child.Table) + " WHERE " + store.Quote(f.Column) + " = ?")
			rows, err := tx.Query(ctx, children, types.TextValue(string(id)))
			if err != nil {
				return err
			}
			var ids []types.ID
			for rows.Next() {
				ids = append(ids, types.ID(rows.Text(0)))
			}
			if err := rows.Close(); err != nil {
				return err
			}
			if *left -= len(ids); *left < 0 {
				return types.Refuse(types.Conflict, "too_many_rows", "too many rows go with this one; remove them first")
			}
			for _, row := range ids {
				if err := a.cascade(ctx, tx, child, row, left); err != nil {
					return err
				}
				if err := a.k.tables.Remove(ctx, tx, child, row); err != nil {
					return err
				}
				e := types.NewEntry(types.RowDelete, types.Done, a.c, a.b.Now)
				e.Collection, e.Row, e.Code = child.Name, row, "cascade"
				if err := tx.Record(e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
