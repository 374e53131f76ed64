package plan

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// A list is flat in the size of its collection when an index holds the rows that a rule grants in the order that was asked for.
// Where none does, it looks at the rows of one condition, or walks the order until the page is full, whatever is less. That may grow with
// the table: check says so, because nobody sees it before the table is large.

// warnUncovered names each read rule with the orders that no index covers.
func (c *compiler) warnUncovered() {
	for _, col := range c.plan.Collections {
		for _, r := range col.Reads {
			for _, roles := range []types.RoleSet{0, ^types.RoleSet(0)} { // as those see it who have none of its roles, and all
				for _, branch := range rule.Branches(rule.Push(rule.Fold(r.When, roles))) {
					if w := uncovered(col, r, branch); w != "" && !slices.Contains(c.plan.Warnings, w) {
						c.plan.Warnings = append(c.plan.Warnings, w)
					}
				}
			}
		}
	}
}

// uncovered is the warning about one alternative of a rule, "" when there is none.
func uncovered(col *Collection, r *Rule, branch rule.Expr) string {
	var fields []string
	conditions, member := 0, ""
	for _, e := range rule.Conjuncts(branch) {
		if rule.BindsOrganisation(e) {
			continue // every index of the collection begins with the organisation
		}
		direct := len(rule.Uses(e)) == 1 && rule.Uses(e)[0].Direct
		switch x := e.(type) {
		case *rule.Compare:
			conditions++
			if f := col.Field(rule.Uses(e)[0].Field); direct && x.Op == rule.Equal && f != nil && f.Indexed && !slices.Contains(fields, f.Name) {
				fields = append(fields, f.Name)
			}
		case *rule.In:
			conditions++
			if path, ok := x.List.(*rule.Path); ok && direct {
				member = path.Field
			}
		case *rule.Fixed:
		default:
			conditions++
		}
	}
	orders := missingOrders(col, r, fields)
	if len(fields) > 1 && !slices.ContainsFunc(col.Decl.Index, func(index []string) bool { return leading(index, fields) == len(fields) }) {
		return fmt.Sprintf("%s, rule on line %d: no index holds the rows that meet both conditions, on %s; where each is met often and both seldom, a list works through the rows of one; add index: [[%s, -created]]",
			col.Name, r.Line, strings.Join(fields, " and "), strings.Join(fields, ", "))
	}
	switch {
	case conditions == 0 || len(orders) == 0 || slices.Contains(fields, "id"):
		return ""
	case member != "":
		return fmt.Sprintf("%s, rule on line %d: rows are found through the list %s and sorted at each request, or tested along the order, whatever is less", col.Name, r.Line, member)
	case len(fields) == 0:
		return fmt.Sprintf("%s, rule on line %d: no index finds the rows that it grants; a list tests rows one by one, in whatever order", col.Name, r.Line)
	}
	return fmt.Sprintf("%s, rule on line %d: no index holds the rows of one %s in the order of %s; a list in such an order works through all of them, or through the order until its page is full; add index: [[%s, %s]]",
		col.Name, r.Line, strings.Join(fields, " and "), strings.Join(orders, ", "), strings.Join(fields, ", "), orders[0])
}

// pairsNamed is how many pairs a note names: what clients filter by is theirs to choose, and few of the pairs are.
const pairsNamed = 3

// notePairs names, in one line for each collection, pairs of fields that clients may filter by at once and that no index holds together.
// Fields of few values come first: it is these whose values are each common and together rare.
func (c *compiler) notePairs() {
	for _, col := range c.plan.Collections {
		var pairs [][2]string
		fields := slices.SortedStableFunc(slices.Values(col.Fields), func(a, b *Field) int { return a.spread() - b.spread() })
		for i, a := range fields {
			for _, b := range fields[i+1:] {
				if a.common() && b.common() && col.together(a, b) && !col.holdsBoth(a.Name, b.Name) {
					pairs = append(pairs, [2]string{a.Name, b.Name})
				}
			}
		}
		if len(pairs) == 0 {
			continue
		}
		var lines []string
		for _, p := range pairs[:min(len(pairs), pairsNamed)] {
			lines = append(lines, "["+p[0]+", "+p[1]+", -created]")
		}
		more := ""
		if n := len(pairs) - len(lines); n > 0 {
			more = fmt.Sprintf(" (%d more pairs have none)", n)
		}
		c.plan.Notes = append(c.plan.Notes, fmt.Sprintf("%s: no index holds two of the fields that clients may filter by; where two values are each common and together rare, "+
			"a list works through the rows of one; for the pairs that your clients ask, add index: [%s]%s", col.Name, strings.Join(lines, ", "), more))
	}
}

// common reports whether clients may filter by a field of which many rows may have one value.
func (f *Field) common() bool { return f.Indexed && !f.Unique && !f.Encrypted && f.Type != ListField }

// spread orders fields by how many values they are likely to have.
func (f *Field) spread() int {
	switch f.Type {
	case BoolField:
		return 0
	case StateField, EnumField:
		return 1
	case AccountField, RefField:
		return 2
	}
	return 3
}

// together reports whether a rule grants both fields, so that somebody may filter by them at once.
func (c *Collection) together(a, b *Field) bool {
	return slices.ContainsFunc(c.Reads, func(r *Rule) bool { return r.Mask.Has(a) && r.Mask.Has(b) })
}

// holdsBoth reports whether an index, or a set that is unique, begins with both fields.
func (c *Collection) holdsBoth(a, b string) bool {
	both := []string{a, b}
	return slices.ContainsFunc(c.Decl.Index, func(index []string) bool { return leading(index, both) == 2 }) ||
		slices.ContainsFunc(c.Decl.Unique, func(set []string) bool { return leading(set, both) == 2 })
}

// missingOrders lists what rows may be sorted by and no index holds behind one of the fields.
func missingOrders(col *Collection, r *Rule, fields []string) []string {
	var out []string
	for _, f := range append(slices.Clone(col.System), col.Fields...) {
		if !f.Indexed || f.Type == ListField || f.Name == "id" || !f.System && !r.Mask.Has(f) || slices.Contains(fields, f.Name) {
			continue
		}
		covered := slices.ContainsFunc(col.Decl.Index, func(index []string) bool {
			n := leading(index, fields)
			return n > 0 && n == len(index)-1 && trimMinus(index[n]) == f.Name
		})
		if !covered {
			out = append(out, f.Name)
		}
	}
	return out
}

// leading is how many columns of an index, from its first, are among the fields.
func leading(index, fields []string) int {
	if n := slices.IndexFunc(index, func(c string) bool { return !slices.Contains(fields, trimMinus(c)) }); n >= 0 {
		return n
	}
	return len(index)
}

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

// warnUnseen says that production listens on a port of its own while everything that is made for the world (links in letters, passkeys, the Origin
// that pages must have) is made for port 443. A balancer may stand there; if none does, no link works and every form of a page is refused.
func (c *compiler) warnUnseen() {
	s := c.plan.Decl.Service
	_, port, err := net.SplitHostPort(c.plan.Listens())
	if err != nil || port == "443" || c.plan.Development() || s.Origin != "" || s.Host == "" {
		return
	}
	c.plan.Warnings = append(c.plan.Warnings, fmt.Sprintf("service: the server listens on port %s, while links, passkeys and Origin checks are for https://%s, port 443; "+
		"say what the world sees: add origin: https://%s if something in front listens there, or origin: https://%s:%s", port, s.Host, s.Host, s.Host, port))
}
