package plan

import (
	"strings"

	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// For returns the rules that a caller's roles leave possible, folded: rules whose condition became No are
// dropped. Anonymous callers get public rules only. read_only roles do not help a write.
func (p *Plan) For(c *Collection, a types.Action, caller *types.Caller) []Folded {
	roles := p.Counted(a, caller.Roles)
	var out []Folded
	for _, r := range c.Rules(a) {
		if caller.Kind == types.Anonymous && r.Public == "" {
			continue
		}
		when := rule.Fold(r.When, roles)
		if f, ok := when.(*rule.Fixed); ok && f.Truth != rule.Yes {
			continue
		}
		out = append(out, Folded{Rule: r, When: rule.Push(when)})
	}
	return out
}

// Counted is what of a set of roles counts for an action: roles that only read count for nothing else.
func (p *Plan) Counted(a types.Action, roles types.RoleSet) types.RoleSet {
	if a == types.Read {
		return roles
	}
	for _, r := range p.Roles {
		if r.ReadOnly {
			roles &^= r.Set
		}
	}
	return roles
}

// Folded is a rule under one set of roles.
type Folded struct {
	*Rule
	When rule.Expr
}

// Names lists the fields of its collection that a rule grants.
func (r *Rule) Names(c *Collection) []string {
	var out []string
	for _, f := range c.Fields {
		if r.Mask.Has(f) {
			out = append(out, f.Name)
		}
	}
	return out
}

// Words says which fields a rule grants: "title, body".
func (r *Rule) Words(c *Collection) string {
	if r.Whole {
		return "all fields"
	}
	return strings.Join(r.Names(c), ", ")
}

// Terms says what a rule asks beside its condition: ", with a factor proved within 5m".
func (r *Rule) Terms() string {
	s := ""
	if r.Public != "" {
		s = ", also without signing in (" + r.Public + ")"
	}
	if r.Fresh > 0 {
		s += ", with a factor proved within " + span(r.Fresh)
	}
	return s
}
