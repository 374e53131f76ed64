package plan

import (
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
