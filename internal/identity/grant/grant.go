// Package grant keeps which account holds which of the plan's roles, since when, by whom and until when.
//
// Policy: a role is in force only while its grant has not expired and the session has proved what the role requires;
// until then it is dormant. Only a role that manages roles may grant or withdraw, nobody grants what he does not himself
// have in force, nobody changes his own grants upwards, and the last account that can manage roles keeps that role,
// whoever asks. A role that says approve: two is given by one who asks and another who approves. The operator at the machine is bound
// by the last two rules only. A factor that is demanded of an account makes all its roles dormant until a session has proved it.
//
// The map: grant.go (grants, who may give them), approve.go (requests, demands on one account).
package grant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Grant is one role of one account.
type Grant struct {
	Role    string
	Expires time.Time // zero: does not expire
	By      types.ID  // the account that granted it; "" for the operator or the program
	At      time.Time
}

// Grants reads and writes grants against the roles of a plan.
type Grants struct {
	roles  []plan.Role
	byName map[string]plan.Role
	clock  types.Clock
}

// New returns grants of the declared roles.
func New(roles []plan.Role, clock types.Clock) *Grants {
	g := &Grants{roles: roles, byName: map[string]plan.Role{}, clock: clock}
	for _, r := range roles {
		g.byName[r.Name] = r
	}
	return g
}

// Role returns the declared role of the name.
func (g *Grants) Role(name string) (plan.Role, bool) {
	r, ok := g.byName[name]
	return r, ok
}

// Names lists the roles of a set in order of declaration.
func (g *Grants) Names(set types.RoleSet) []string {
	out := []string{}
	for _, r := range g.roles {
		if set.Has(r.Set) {
			out = append(out, r.Name)
		}
	}
	return out
}

// Set is the inverse of Names; false when a name is not a role.
func (g *Grants) Set(names []string) (types.RoleSet, bool) {
	var set types.RoleSet
	for _, n := range names {
		r, ok := g.byName[n]
		if !ok {
			return 0, false
		}
		set |= r.Set
	}
	return set, true
}

var of = store.SQL(`SELECT role, expires, granted_by, at FROM fastness_grant WHERE account = ? ORDER BY role`)

// Of returns the grants of the account, expired ones and those of roles that are no longer declared included.
func (g *Grants) Of(ctx context.Context, r store.Reader, account types.ID) ([]Grant, error) {
	rows, err := r.Query(ctx, of, types.IDValue(account))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Grant
	for rows.Next() {
		one := Grant{Role: rows.Text(0), By: types.ID(rows.Text(2)), At: types.FromMicros(rows.Int(3))}
		if us := rows.Int(1); us != 0 {
			one.Expires = types.FromMicros(us)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// InForce tells what the account's grants amount to for a session that proved the factors: the roles in force, the
// dormant ones, and the next moment at which a grant expires (zero: never).
func (g *Grants) InForce(ctx context.Context, r store.Reader, account types.ID, proved types.Factor, now time.Time) (force, dormant types.RoleSet, until time.Time, err error) {
	grants, err := g.Of(ctx, r, account)
	if err != nil {
		return 0, 0, time.Time{}, err
	}
	demanded, err := g.Required(ctx, r, account)
	if err != nil {
		return 0, 0, time.Time{}, err
	}
	for _, one := range grants {
		role, declared := g.byName[one.Role]
		if !declared || role.Org || (!one.Expires.IsZero() && !now.Before(one.Expires)) {
			continue
		}
		if !one.Expires.IsZero() && (until.IsZero() || one.Expires.Before(until)) {
			until = one.Expires
		}
		if role.Requires.Met(proved) && demanded.Met(proved) {
			force |= role.Set
		} else {
			dormant |= role.Set
		}
	}
	return force, dormant, until, nil
}

// Refusals of Add and Remove.
var (
	errRole    = types.Refuse(types.Invalid, "unknown_role", "the declaration has no such role; it names them under roles")
	errOrg     = types.Refuse(types.Invalid, "organisation_role", "this role is held within an organisation; give it with: fastness organisations put")
	errManage  = types.Refuse(types.Forbidden, "not_allowed", "granting takes a role that manages roles; ask an operator")
	errLack    = types.Refuse(types.Forbidden, "role_not_held", "you can only grant or withdraw roles that you have in force yourself; ask somebody who has it")
	errSelf    = types.Refuse(types.Forbidden, "own_grant", "nobody changes his own roles upwards; ask another operator")
	errLast    = types.Refuse(types.Conflict, "last_operator", "this is the last account that manages roles; give another account that role first")
	errExpiry  = types.Refuse(types.Invalid, "expires_in_past", "the grant would be over before it begins; name a later time")
	errNoGrant = types.Refuse(types.NotFound, "not_found", "the account does not hold this role; list its roles first")
)

var (
	upsert = store.SQL(`INSERT INTO fastness_grant (account, role, expires, granted_by, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account, role) DO UPDATE SET expires = excluded.expires, granted_by = excluded.granted_by, at = excluded.at`)
	withdraw = store.SQL(`DELETE FROM fastness_grant WHERE account = ? AND role = ?`)
)

// Add grants a role until a time (zero: without end). The caller is judged here. A role that takes two persons is refused: see Give.
func (g *Grants) Add(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID, role string, until time.Time) error {
	r, err := g.judge(ctx, tx, by, account, role, until)
	if err != nil {
		return err
	}
	if r.Approve {
		return g.refused(tx, by, types.GrantAdd, account, role, errApproval, g.clock.Now())
	}
	return g.write(ctx, tx, by, account, role, until, "role:"+role)
}

// judge says whether the caller may grant the role to the account until then.
func (g *Grants) judge(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID, role string, until time.Time) (plan.Role, error) {
	now := g.clock.Now()
	refuse := func(err *types.Error) error { return g.refused(tx, by, types.GrantAdd, account, role, err, now) }
	r, ok := g.byName[role]
	if !ok {
		return r, errRole
	}
	if r.Org {
		return r, errOrg
	}
	by, err := g.Today(ctx, tx, by)
	if err != nil {
		return r, err
	}
	if err := g.may(by, r); err != nil {
		return r, refuse(err)
	}
	if by.Kind == types.Signed && by.Account == account {
		return r, refuse(errSelf)
	}
	if !until.IsZero() && !until.After(now) {
		return r, errExpiry
	}
	last, err := g.limits(ctx, tx, account, r, until)
	if last {
		err = refuse(errLast)
	}
	return r, err
}

// limits reports whether a grant until then would take the role from the last who manages roles: an end in sight is a removal.
func (g *Grants) limits(ctx context.Context, tx store.Tx, account types.ID, r plan.Role, until time.Time) (bool, error) {
	if until.IsZero() || !manages(r) {
		return false, nil
	}
	return g.last(ctx, tx, account)
}

func (g *Grants) write(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID, role string, until time.Time, code string) error {
	now := g.clock.Now()
	if _, err := tx.Exec(ctx, upsert, types.IDValue(account), types.TextValue(role), end(until), types.IDValue(by.Account),
		types.IntValue(types.Micros(now))); err != nil {
		return err
	}
	return g.done(ctx, tx, by, types.GrantAdd, account, code, now)
}

// end is when a grant expires as it is stored: 0 for never.
func end(until time.Time) types.Value {
	if until.IsZero() {
		return types.IntValue(0)
	}
	return types.IntValue(types.Micros(until))
}

// Remove withdraws a role. The caller is judged here; whoever manages roles may also give up his own.
func (g *Grants) Remove(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID, role string) error {
	now := g.clock.Now()
	by, err := g.Today(ctx, tx, by)
	if err != nil {
		return err
	}
	if r, ok := g.byName[role]; ok { // a role that is no longer declared may always be cleared away by the operator
		if err := g.may(by, r); err != nil {
			return g.refused(tx, by, types.GrantRemove, account, role, err, now)
		}
		if manages(r) {
			if last, err := g.last(ctx, tx, account); err != nil {
				return err
			} else if last {
				return g.refused(tx, by, types.GrantRemove, account, role, errLast, now)
			}
		}
	} else if by.Kind != types.Operator && by.Kind != types.System {
		return errRole
	}
	n, err := tx.Exec(ctx, withdraw, types.IDValue(account), types.TextValue(role))
	if err != nil {
		return err
	}
	if n == 0 {
		return errNoGrant
	}
	return g.done(ctx, tx, by, types.GrantRemove, account, "role:"+role, now)
}

// Guard refuses when taking the account away (disabling, erasing) would leave nobody who manages roles.
func (g *Grants) Guard(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID) error {
	now := g.clock.Now()
	last, err := g.last(ctx, tx, account)
	if err != nil {
		return err
	}
	if last {
		return g.refused(tx, by, types.AccountState, account, "", errLast, now)
	}
	return nil
}

// Above reports whether an account holds a role that the caller has not in force: whoever took its factors or got its links would become
// somebody mightier. The operator and the program stand above everybody.
func (g *Grants) Above(ctx context.Context, r store.Reader, by *types.Caller, account types.ID) (bool, error) {
	if by.Unruled() {
		return false, nil
	}
	grants, err := g.Of(ctx, r, account)
	now := g.clock.Now()
	for _, held := range grants {
		over := !held.Expires.IsZero() && !now.Before(held.Expires)
		if role, ok := g.Role(held.Role); ok && !over && !by.Roles.Has(role.Set) {
			return true, nil
		}
	}
	return false, err
}

// Today is the caller as the transaction sees him, with those of his roles that he still holds: whoever was let in before somebody withdrew
// a role from him, or ended his session, does nothing more with it. Unauthenticated when his session is over.
func (g *Grants) Today(ctx context.Context, r store.Reader, by *types.Caller) (*types.Caller, error) {
	if by.Kind != types.Signed || by.Token != "" { // an API token manages nothing anyhow
		return by, nil
	}
	if err := session.Stands(ctx, r, by); err != nil {
		return nil, err
	}
	force, _, _, err := g.InForce(ctx, r, by.Account, by.Factors, g.clock.Now())
	now := *by
	now.Roles &= force
	return &now, err
}

// may judges the caller alone: the operator and the program may; an account needs a role in force that manages roles,
// and the role itself.
func (g *Grants) may(by *types.Caller, r plan.Role) *types.Error {
	if by.Unruled() {
		return nil
	}
	if by.Kind != types.Signed || by.Token != "" || !g.Manages(by, "roles") {
		return errManage
	}
	if !by.Roles.Has(r.Set) {
		return errLack
	}
	return nil
}

// Manages reports whether a role in force of the caller manages what ("accounts", "roles").
func (g *Grants) Manages(by *types.Caller, what string) bool {
	for _, r := range g.roles {
		if by.Roles.Has(r.Set) && slices.Contains(r.Manages, what) && !r.ReadOnly {
			return true
		}
	}
	return false
}

func manages(r plan.Role) bool { return slices.Contains(r.Manages, "roles") && !r.ReadOnly }

var holders = store.SQL(`SELECT g.account FROM fastness_grant g JOIN fastness_account a ON a.id = g.account
	WHERE g.role = ? AND g.expires = 0 AND a.state IN ('active', 'locked')`) // whoever locked his account opens it himself

// last reports whether the account is the only active one with a lasting grant of a role that manages roles. Two at once
// are decided by the store: transactions are serialised.
func (g *Grants) last(ctx context.Context, r store.Reader, account types.ID) (bool, error) {
	self := false
	for _, role := range g.roles {
		if !manages(role) {
			continue
		}
		rows, err := r.Query(ctx, holders, types.TextValue(role.Name))
		if err != nil {
			return false, err
		}
		others := false
		for rows.Next() {
			if types.ID(rows.Text(0)) == account {
				self = true
			} else {
				others = true
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || others {
			return false, err
		}
	}
	return self, nil
}

func (g *Grants) refused(tx store.Tx, by *types.Caller, ev types.Event, account types.ID, role string, why *types.Error, now time.Time) error {
	e := types.NewEntry(ev, types.Refused, by, now)
	e.Collection, e.Row, e.Code = "accounts", account, why.Code
	if role != "" {
		e.Code += " role:" + role
	}
	if err := tx.Record(e); err != nil {
		return err
	}
	return store.Keep(why)
}

func (g *Grants) done(ctx context.Context, tx store.Tx, by *types.Caller, ev types.Event, account types.ID, code string, now time.Time) error {
	e := types.NewEntry(ev, types.Done, by, now)
	e.Collection, e.Row, e.Code = "accounts", account, code
	if err := tx.Record(e); err != nil {
		return err
	}
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: account})
}

// Tables returns the tables of grants, of requests for them, and of what is demanded of single accounts.
func Tables() []store.Table {
	text := func(name string) store.Column {
		return store.Column{Name: name, Type: store.TextColumn, NotNull: true}
	}
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	owner := func(name string) []store.ForeignKey {
		return []store.ForeignKey{{Name: name, Columns: []string{"account"}, RefTable: "fastness_account", RefColumn: "id", OnDelete: store.Cascade}}
	}
	return []store.Table{
		{Name: "fastness_grant", Primary: []string{"account", "role"},
			Columns: []store.Column{text("account"), text("role"), number("expires"), {Name: "granted_by", Type: store.TextColumn}, number("at")},
			Indexes: []store.Index{{Name: "fastness_grant_role", Columns: []string{"role", "account"}}},
			Foreign: owner("fastness_grant_owner")},
		{Name: "fastness_grant_request", Primary: []string{"id"},
			Columns: append([]store.Column{text("id"), text("account"), text("role"), number("expires"), {Name: "asked_by", Type: store.TextColumn},
				number("at"), number("until")}, session.Columns()...),
			Indexes: []store.Index{{Name: "fastness_grant_request_account", Columns: []string{"account"}}},
			Foreign: owner("fastness_grant_request_owner")},
		{Name: "fastness_requirement", Primary: []string{"account"},
			Columns: []store.Column{text("account"), number("requires"), number("at")},
			Foreign: owner("fastness_requirement_owner")},
	}
}
