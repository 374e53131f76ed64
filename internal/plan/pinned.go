package plan

import (
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// warnPinned names each reference by which a row may hold on to one whose deleter cannot see it. Only what a role alone decides is proved:
// a reference that its deleter sees by a condition on rows is named as well.
func (c *compiler) warnPinned() {
	for _, col := range c.plan.Collections {
		for _, f := range col.Fields {
			target := c.plan.byName[f.To]
			if target == nil || f.Decl == nil || f.Decl.Hidden != "" || f.Decl.OnDelete == "cascade" || f.Decl.OnDelete == "clear" {
				continue
			}
			if slices.ContainsFunc(target.Deletes, func(r *Rule) bool { return c.pins(col, f, r) }) {
				c.plan.Warnings = append(c.plan.Warnings, fmt.Sprintf("%s.%s: rows that nobody shows to the caller who deletes may hold on to one of %s; add hidden: clear or hidden: cascade, or show them by a rule",
					col.Name, f.Name, target.Name))
			}
		}
	}
}

// pins reports whether a rule lets somebody delete who does not, by role alone, see the field on all rows.
func (c *compiler) pins(col *Collection, f *Field, del *Rule) bool {
	sets := []types.RoleSet{0}
	for _, r := range c.plan.Roles {
		sets = append(sets, r.Set)
	}
	return slices.ContainsFunc(sets, func(roles types.RoleSet) bool {
		if no, ok := rule.Push(rule.Fold(del.When, roles)).(*rule.Fixed); ok && no.Truth != rule.Yes {
			return false
		}
		return !slices.ContainsFunc(col.Reads, func(r *Rule) bool { return r.Mask.Has(f) && always(r.When, roles) })
	})
}

// always reports whether a condition holds on every row of the caller's organisation.
func always(when rule.Expr, roles types.RoleSet) bool {
	return !slices.ContainsFunc(rule.Conjuncts(rule.Push(rule.Fold(when, roles))), func(e rule.Expr) bool {
		f, ok := e.(*rule.Fixed)
		return !rule.BindsOrganisation(e) && !(ok && f.Truth == rule.Yes)
	})
}
