package decl

import "slices"

// verifyOrganisations checks the block organisations. A role is either an account's or held within organisations, never both.
func (r *reader) verifyOrganisations(f *File) {
	o := f.Organisations
	if o == nil {
		return
	}
	if len(o.Roles) == 0 {
		r.fail(o.Pos, "an organisation has roles, the highest first; add roles: [owner, member]")
	}
	total := len(f.Roles)
	for i, name := range o.Roles {
		r.checkName(name, o.Pos, "role")
		if slices.Contains(o.Roles[:i], name) {
			r.fail(o.Pos, "the role %q is named twice; remove one", name)
		}
		declared := slices.IndexFunc(f.Roles, func(x Role) bool { return x.Name == name })
		if declared < 0 {
			total++
		} else if len(f.Roles[declared].Manages) > 0 {
			r.fail(f.Roles[declared].Pos, "%q is held within an organisation and manages nothing outside it; remove manages", name)
		}
	}
	if total > 64 {
		r.fail(o.Pos, "a declaration has at most 64 roles, those of organisations included")
	}
	for _, name := range o.Invite {
		if !slices.Contains(o.Roles, name) {
			r.unknown(o.Pos, "role", name, "organisations.roles", o.Roles)
		}
	}
	for i := range f.Accounts.Fields {
		field := &f.Accounts.Fields[i]
		if field.To == "organisations" || field.Of != nil && field.Of.To == "organisations" {
			r.fail(field.Pos, "accounts belong to organisations by membership; remove the field")
		}
	}
}

// notWithin refuses roles of organisations where accounts get theirs.
func (r *reader) notWithin(f *File, at Pos, roles []string) {
	if f.Organisations == nil {
		return
	}
	for _, name := range roles {
		if slices.Contains(f.Organisations.Roles, name) {
			r.fail(at, "%q is a role within organisations; an account gets it by joining one", name)
		}
	}
}
