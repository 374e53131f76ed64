package organisation

import (
	"context"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Roster tells what memberships amount to in a session. It reads and never writes.
type Roster struct {
	grants *grant.Grants
	roles  []plan.Role // within organisations, the highest first; none: the service has no organisations
}

// NewRoster returns the roster of a plan.
func NewRoster(p *plan.Plan, grants *grant.Grants) *Roster {
	r := &Roster{grants: grants}
	if p.Decl.Organisations == nil {
		return r
	}
	for _, name := range p.Decl.Organisations.Roles {
		if role, ok := grants.Role(name); ok && role.Org {
			r.roles = append(r.roles, role)
		}
	}
	return r
}

// top is the highest role.
func (r *Roster) top() string { return r.roles[0].Name }

// rank is the place of a role, 0 for the highest; -1 for what is no role within organisations.
func (r *Roster) rank(role string) int {
	return slices.IndexFunc(r.roles, func(x plan.Role) bool { return x.Name == role })
}

func (r *Roster) set(role string) types.RoleSet {
	if i := r.rank(role); i >= 0 {
		return r.roles[i].Set
	}
	return 0
}

// Names lists the roles of a set; Set is its inverse: see grant.Grants.
func (r *Roster) Names(set types.RoleSet) []string { return r.grants.Names(set) }

// Set is the inverse of Names; false when a name is not a role.
func (r *Roster) Set(names []string) (types.RoleSet, bool) { return r.grants.Set(names) }

// InForce is session.RolesOf: the account's own roles and the one it holds in the active organisation. An organisation that it
// does not belong to any more is not active, and its role is gone.
func (r *Roster) InForce(ctx context.Context, rd store.Reader, account, org types.ID, proved types.Factor, now time.Time) (within types.ID, force, dormant types.RoleSet, until time.Time, err error) {
	force, dormant, until, err = r.grants.InForce(ctx, rd, account, proved, now)
	if err != nil || org == "" || len(r.roles) == 0 {
		return "", force, dormant, until, err
	}
	name, err := r.role(ctx, rd, org, account)
	i := r.rank(name)
	if err != nil || i < 0 {
		return "", force, dormant, until, err
	}
	demanded, err := r.grants.Required(ctx, rd, account)
	if err != nil {
		return "", force, dormant, until, err
	}
	if r.roles[i].Requires.Met(proved) && demanded.Met(proved) {
		force |= r.roles[i].Set
	} else {
		dormant |= r.roles[i].Set
	}
	return org, force, dormant, until, nil
}

var (
	roleIn = store.SQL(`SELECT role FROM memberships WHERE org = ? AND account = ?`)
	homeOf = store.SQL(`SELECT m.org FROM memberships m LEFT JOIN fastness_organisation_choice c ON c.account = m.account AND c.org = m.org
		WHERE m.account = ? ORDER BY c.org IS NULL, m.org LIMIT 1`)
	dropChoice = store.SQL(`DELETE FROM fastness_organisation_choice WHERE account = ?`)
	setChoice  = store.SQL(`INSERT INTO fastness_organisation_choice (account, org) VALUES (?, ?)`)
)

// role is the role of an account in an organisation, "" for none. A role that is no longer declared is none.
func (r *Roster) role(ctx context.Context, rd store.Reader, org, account types.ID) (string, error) {
	role := ""
	err := each(ctx, rd, roleIn, func(rows store.Rows) { role = rows.Text(0) }, types.IDValue(org), types.IDValue(account))
	if r.rank(role) < 0 {
		return "", err
	}
	return role, err
}

var membershipsOf = store.SQL(`SELECT org, role FROM memberships WHERE account = ?`)

// Above reports whether an account holds a role that the caller has not in force: see grant.Grants.Above. Of roles within organisations the caller
// has one in force who holds it, or a higher one, in the same organisation, whichever is the active one.
func (r *Roster) Above(ctx context.Context, rd store.Reader, by *types.Caller, account types.ID) (bool, error) {
	above, err := r.grants.Above(ctx, rd, by, account)
	if above || err != nil || by.Unruled() || len(r.roles) == 0 {
		return above, err
	}
	held, err := r.memberships(ctx, rd, account)
	if err != nil || len(held) == 0 {
		return false, err
	}
	own, err := r.memberships(ctx, rd, by.Account)
	if err != nil {
		return false, err
	}
	for org, rank := range held {
		if mine, ok := own[org]; !ok || mine > rank || !r.roles[mine].Requires.Met(by.Factors) {
			return true, nil
		}
	}
	return false, nil
}

// memberships are the ranks of an account in its organisations. A role that is no longer declared is none.
func (r *Roster) memberships(ctx context.Context, rd store.Reader, account types.ID) (map[types.ID]int, error) {
	out := map[types.ID]int{}
	err := each(ctx, rd, membershipsOf, func(rows store.Rows) {
		if rank := r.rank(rows.Text(1)); rank >= 0 {
			out[types.ID(rows.Text(0))] = rank
		}
	}, types.IDValue(account))
	return out, err
}

// Home is session.HomeOf: the organisation that the account chose last, else the oldest that it belongs to.
func (r *Roster) Home(ctx context.Context, rd store.Reader, account types.ID) (types.ID, error) {
	if len(r.roles) == 0 {
		return "", nil
	}
	org := types.ID("")
	err := each(ctx, rd, homeOf, func(rows store.Rows) { org = types.ID(rows.Text(0)) }, types.IDValue(account))
	return org, err
}

// choose remembers where the next session of the account begins.
func choose(ctx context.Context, tx store.Tx, account, org types.ID) error {
	if _, err := tx.Exec(ctx, dropChoice, types.IDValue(account)); err != nil || org == "" {
		return err
	}
	_, err := tx.Exec(ctx, setChoice, types.IDValue(account), types.IDValue(org))
	return err
}

// each calls fn for every row of a query.
func each(ctx context.Context, r store.Reader, s *store.Stmt, fn func(store.Rows), args ...types.Value) error {
	rows, err := r.Query(ctx, s, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		fn(rows)
	}
	return rows.Err()
}

// number is the integer that a query answers.
func number(ctx context.Context, r store.Reader, s *store.Stmt, args ...types.Value) (int64, error) {
	n := int64(0)
	err := each(ctx, r, s, func(rows store.Rows) { n = rows.Int(0) }, args...)
	return n, err
}
