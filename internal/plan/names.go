package plan

import (
	"slices"

	"github.com/fastness-dev/fastness/internal/store"
)

// hidden are the columns that PostgreSQL gives each table; a field of that name cannot be made there.
var hidden = []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// checkNames refuses names that a database cannot hold beside each other: tables and indexes share one room of names.
func (c *compiler) checkNames() {
	owner := map[string]string{}
	for _, col := range c.plan.Collections {
		own := []string{col.Table}
		for _, f := range col.Fields {
			if slices.Contains(hidden, f.Name) {
				c.fail(f.Decl.Pos, "PostgreSQL keeps the name %q for itself; choose another name for the field", f.Name)
			}
			if f.Side != "" {
				own = append(own, f.Side, store.Name(f.Side, "_value"))
			}
		}
		for _, i := range col.Indexes() {
			own = append(own, i.Name)
		}
		for n, name := range own {
			if other, taken := owner[name]; taken && other != col.Name {
				c.fail(col.Decl.Pos, "%s needs the name %q in the database, and so does %s; rename one of them", col.Name, name, other)
			} else if slices.Contains(own[:n], name) {
				c.fail(col.Decl.Pos, "two indexes of %s are called %q; take one away", col.Name, name)
			}
			owner[name] = col.Name
		}
	}
}
