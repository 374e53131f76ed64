package plan

import (
	"slices"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// organisations is a built-in collection: its rows come and go with organisations, and a session reads the one that is active in
// it. Which others an account belongs to is told by the room of identity.
func organisations(o *decl.Organisations) *decl.Collection {
	return &decl.Collection{Name: "organisations", Pos: o.Pos,
		Fields: []decl.Field{{Name: "name", Type: "text", Min: &decl.Text{Value: "1", Pos: o.Pos}, Max: &decl.Text{Value: "120", Pos: o.Pos}, Pos: o.Pos}},
		Allow:  []decl.Allow{{To: []string{"read"}, When: decl.Expr{Text: "row.id == me.org", Pos: o.Pos}, Pos: o.Pos}}}
}

// memberships is a built-in collection: who belongs to the active organisation, with which role. Rules ask it like any other.
func memberships(o *decl.Organisations) *decl.Collection {
	return &decl.Collection{Name: "memberships", Per: "organisation", Pos: o.Pos, Unique: [][]string{{"account"}},
		Fields: []decl.Field{{Name: "account", Type: "account", Fixed: true, OnDelete: "cascade", Pos: o.Pos},
			{Name: "role", Type: "enum", Values: o.Roles, Pos: o.Pos}},
		Allow: []decl.Allow{{To: []string{"read"}, Pos: o.Pos}}}
}

// organisationRoles marks the roles that are held within an organisation and adds those that the block roles does not name.
func (c *compiler) organisationRoles() {
	if c.plan.Decl.Organisations == nil {
		return
	}
	for _, name := range c.plan.Decl.Organisations.Roles {
		i := slices.IndexFunc(c.plan.Roles, func(r Role) bool { return r.Name == name })
		if i < 0 {
			i = len(c.plan.Roles)
			c.plan.Roles = append(c.plan.Roles, Role{Name: name, Set: types.RoleSet(1) << i})
		}
		c.plan.Roles[i].Org = true
	}
}

// orgField is the system field of a row that belongs to an organisation.
func orgField() *Field {
	return &Field{Name: "org", Column: "org", Bit: 99, Type: RefField, To: "organisations", System: true,
		Rule: rule.Type{Kind: rule.RefType, To: "organisations"}}
}

// inOrganisation binds a rule to the caller's active organisation. Alternatives are bound one by one, so that each keeps an
// access path of its own.
func inOrganisation(col *Collection, a types.Action, when rule.Expr) rule.Expr {
	if or, ok := when.(*rule.Or); ok {
		bound := &rule.Or{}
		for _, x := range or.Any {
			bound.Any = append(bound.Any, inOrganisation(col, a, x))
		}
		return bound
	}
	root := rule.RowRoot
	if a == types.Create {
		root = rule.NewRoot
	}
	bond := rule.InOrganisation(rule.Path{Root: root, From: col.Name})
	if f, ok := when.(*rule.Fixed); ok && f.Truth == rule.Yes {
		return bond
	}
	return &rule.And{All: []rule.Expr{bond, when}}
}

// checkOrganisations: rows of an organisation are nobody else's, so no public rule grants them, and nothing outside points at them:
// such a reference would carry their ids out, and hold or take rows across the border.
func (c *compiler) checkOrganisations(col *Collection) {
	if col.PerOrg {
		for _, r := range slices.Concat(col.Reads, col.Creates, col.Updates, col.Deletes) {
			if r.Public != "" {
				c.fail(at(r), "%s is per: organisation, and whoever is not signed in is in none; remove public", col.Name)
			}
		}
		return
	}
	for _, f := range col.Fields {
		to := f.To
		if f.Elem != nil {
			to = f.Elem.To
		}
		if target := c.plan.Collection(to); target != nil && target.PerOrg {
			c.fail(f.Decl.Pos, "%s.%s points at %s, whose rows belong to organisations; add per: organisation to %s, or remove the field", col.Name, f.Name, to, col.Name)
		}
	}
}
