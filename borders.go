package fastness

import (
	"context"
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness/internal/store"
)

// checkBorders refuses to make a collection per: organisation while it holds rows: whose they are, only their owner can say.
func (a *App) checkBorders(ctx context.Context, changes []store.Change) error {
	for _, c := range a.Plan.Collections {
		becomes := slices.ContainsFunc(changes, func(x store.Change) bool {
			add, ok := x.(store.AddColumn)
			return ok && c.PerOrg && add.Table == c.Table && add.Column.Name == "org"
		})
		if !becomes {
			continue
		}
		table := c.Table
		if slices.ContainsFunc(changes, func(x store.Change) bool { r, ok := x.(store.RenameTable); return ok && r.To == c.Table }) {
			table = c.Decl.Was
		}
		holds := false
		err := a.DB.View(ctx, func(r store.Reader) error {
			rows, err := r.Query(ctx, store.SQL("SELECT 1 FROM "+store.Quote(table)+" LIMIT 1"))
			if err != nil {
				return err
			}
			defer rows.Close()
			holds = rows.Next()
			return rows.Err()
		})
		if err != nil {
			return err
		}
		if holds {
			return fmt.Errorf("fastness: %s became per: organisation and holds rows that belong to none; under the declaration before, "+
				"write them to a file (fastness rows export %s --system --reason WHY > FILE) and delete them, then start with this declaration and give them to an organisation: "+
				"fastness rows import %s FILE --org ID --system --reason WHY", c.Name, table, c.Name)
		}
	}
	return nil
}
