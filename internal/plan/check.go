package plan

import (
	"slices"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
)

// check refuses what compiles and is unsafe, and warns about what is slow.
func (c *compiler) check() {
	for _, col := range c.plan.Collections {
		for _, r := range col.Reads {
			c.checkSQL(col, r)
			c.checkPublic(col, r)
		}
		c.checkOrganisations(col)
		for _, r := range col.Updates {
			c.checkRewritable(col, r)
		}
		if len(col.Reads) == 0 && len(col.Updates)+len(col.Deletes) > 0 {
			c.fail(col.Decl.Pos, "%s has rules to update or delete and none to read: a write needs a readable row; add to: read", col.Name)
		}
	}
}

// checkSQL proves that a read rule becomes SQL in both dialects.
func (c *compiler) checkSQL(col *Collection, r *Rule) {
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		if _, err := rule.ToSQL(rule.Push(rule.Fold(r.When, 0)), rule.SQLOptions{Dialect: d, Shapes: c.plan.Shapes, Alias: "r", Self: col.Name}); err != nil {
			c.fail(at(r), "this read rule cannot become SQL: %v; use fields, references and lists of the row only", err)
		}
	}
}

func at(r *Rule) decl.Pos { return decl.Pos{Line: r.Line, Col: r.Col} }

// checkPublic: personal data must not be readable by anonymous callers unless the rule says why.
func (c *compiler) checkPublic(col *Collection, r *Rule) {
	if r.Public == "" {
		return
	}
	for _, f := range col.Fields {
		if (f.Sensitive || f.Encrypted) && r.Mask.Has(f) {
			c.fail(at(r), "a public rule grants %s.%s, which is sealed; leave it out with only: […]", col.Name, f.Name)
		}
	}
}

// checkRewritable: an update rule that reads row.f to decide, while the same rule lets the caller write f without looking at
// new.f, lets a caller give the row away or take it (row.owner == me.id, and owner among the fields that may be written).
func (c *compiler) checkRewritable(col *Collection, r *Rule) {
	readsNew := map[string]bool{}
	uses := rule.Uses(r.When)
	for _, u := range uses {
		if u.Root == rule.NewRoot {
			readsNew[u.Field] = true
		}
	}
	for _, u := range uses {
		if u.Root != rule.RowRoot || !u.Direct || readsNew[u.Field] {
			continue
		}
		if f := col.Field(u.Field); f != nil && !f.System && !f.Fixed && f.Type != StateField && r.Mask.Has(f) && !onlyHas(r.When, u.Field) {
			c.fail(at(r), "this rule decides by row.%s and lets the caller rewrite it; leave it out of only, make it fixed, or say what new.%s may be", u.Field, u.Field)
		}
	}
}

// onlyHas reports whether the rule merely asks whether the field is empty, and so cannot be kept by rewriting it.
func onlyHas(e rule.Expr, field string) bool {
	for _, part := range rule.Conjuncts(rule.Push(e)) {
		if n, ok := part.(*rule.Not); ok {
			if h, ok := n.Expr.(*rule.Has); ok && h.Path.Field == field && len(h.Path.Refs) == 0 {
				return true
			}
		}
	}
	return false
}

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

// unbuilt refuses by name what the declaration can say and this program cannot do yet: never ignored, never half done.
func (c *compiler) unbuilt() {
	d := c.plan.Decl
	refuse := func(present bool, at decl.Pos, word string) {
		if present {
			c.fail(at, "%s is part of the grammar and not built yet; remove it until it is", word)
		}
	}
	refuse(d.Keys.Rotate != 0 || d.Keys.EraseAfter != 0, d.Keys.Root.Pos, "keys: rotate and erase_after")
	refuse(d.Keys.Root.Value != "" && d.Keys.Root.Value != "file", d.Keys.Root.Pos, "keys: a root that is not a file")
	refuse(d.Ledger.Keep != 0, decl.Pos{Line: 1, Col: 1}, "ledger: keep")
}
