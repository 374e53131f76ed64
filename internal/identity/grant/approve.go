package grant

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Waiting is how long a request for a role waits for its second person.
const Waiting = 72 * time.Hour

// Request is a grant that one person asked for and another must approve: the role says approve: two.
type Request struct {
	ID      types.ID
	Account types.ID // who would get the role
	Role    string
	Expires time.Time // of the grant to be; zero: does not expire
	By      types.ID  // who asked; "" for the operator
	At      time.Time
	Until   time.Time // afterwards the request is void
}

var (
	errApproval  = types.Refuse(types.Forbidden, "approval_required", "two persons give this role: ask for it, and let another one approve")
	errSecond    = types.Refuse(types.Forbidden, "second_person", "who asked for a role, and who would get it, cannot approve it; ask another manager")
	errNoRequest = types.Refuse(types.NotFound, "not_found", "no such request waits; list them, or ask again: they are void after three days, and when whoever asked was signed out for cause")
)

var (
	insertRequest = store.SQL(`INSERT INTO fastness_grant_request (id, account, role, expires, asked_by, at, until, by_account, by_session, by_epoch)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	dropRequest  = store.SQL(`DELETE FROM fastness_grant_request WHERE id = ?`)
	dropRequests = store.SQL(`DELETE FROM fastness_grant_request WHERE until <= ? OR (account = ? AND role = ?)`)
	oneRequest   = store.SQL(`SELECT id, account, role, expires, asked_by, at, until FROM fastness_grant_request WHERE id = ? AND until > ? AND ` + session.Holds)
	allRequests  = store.SQL(`SELECT id, account, role, expires, asked_by, at, until FROM fastness_grant_request WHERE until > ? AND ` + session.Holds + ` ORDER BY id`)
)

// Give grants a role until a time (zero: without end), or, where the role takes two persons, begins a request and returns its id. The
// caller is judged here. The operator may give such a role alone while nobody else could approve it: somebody must be the first.
func (g *Grants) Give(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID, role string, until time.Time) (waits types.ID, err error) {
	r, err := g.judge(ctx, tx, by, account, role, until)
	if err != nil {
		return "", err
	}
	if r.Approve {
		others, err := g.approvers(ctx, tx, r, account)
		if err != nil {
			return "", err
		}
		if others > 0 || by.Kind != types.Operator {
			return g.ask(ctx, tx, by, account, role, until)
		}
	}
	return "", g.write(ctx, tx, by, account, role, until, "role:"+role)
}

func (g *Grants) ask(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID, role string, until time.Time) (types.ID, error) {
	now := g.clock.Now()
	id := types.NewID(now)
	if _, err := tx.Exec(ctx, dropRequests, types.IntValue(types.Micros(now)), types.IDValue(account), types.TextValue(role)); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, insertRequest, append([]types.Value{types.IDValue(id), types.IDValue(account), types.TextValue(role), end(until),
		types.IDValue(by.Account), types.IntValue(types.Micros(now)), types.IntValue(types.Micros(now.Add(Waiting)))}, session.BegunBy(by).Values()...)...); err != nil {
		return "", err
	}
	e := types.NewEntry(types.GrantAsk, types.Done, by, now)
	e.Collection, e.Row, e.Code = "accounts", account, "role:"+role+" request:"+string(id)
	return id, tx.Record(e)
}

// Requests lists what waits for a second person, oldest first.
func (g *Grants) Requests(ctx context.Context, r store.Reader) ([]Request, error) {
	return g.requests(ctx, r, allRequests, types.IntValue(types.Micros(g.clock.Now())))
}

func (g *Grants) requests(ctx context.Context, r store.Reader, s *store.Stmt, args ...types.Value) ([]Request, error) {
	rows, err := r.Query(ctx, s, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Request
	for rows.Next() {
		q := Request{ID: types.ID(rows.Text(0)), Account: types.ID(rows.Text(1)), Role: rows.Text(2), By: types.ID(rows.Text(4)),
			At: types.FromMicros(rows.Int(5)), Until: types.FromMicros(rows.Int(6))}
		if us := rows.Int(3); us != 0 {
			q.Expires = types.FromMicros(us)
		}
		out = append(out, q)
	}
	return out, rows.Err()
}

// Decide approves a request, which grants the role, or denies it. Who approves may grant the role himself, did not ask for it and would
// not get it; who asked must still be somebody who may ask. Denying is open to whoever could approve, and to who asked.
func (g *Grants) Decide(ctx context.Context, tx store.Tx, by *types.Caller, id types.ID, approve bool) (Request, error) {
	now := g.clock.Now()
	found, err := g.requests(ctx, tx, oneRequest, types.IDValue(id), types.IntValue(types.Micros(now)))
	if err != nil {
		return Request{}, err
	}
	if len(found) == 0 {
		return Request{}, errNoRequest
	}
	q := found[0]
	r, ok := g.byName[q.Role]
	if !ok {
		return q, errRole
	}
	if by, err = g.Today(ctx, tx, by); err != nil {
		return q, err
	}
	refuse := func(err *types.Error) error { return g.refused(tx, by, types.GrantAdd, q.Account, q.Role, err, now) }
	if err := g.may(by, r); err != nil {
		return q, refuse(err)
	}
	if approve && (by.Account == q.By || by.Account == q.Account) {
		return q, refuse(errSecond)
	}
	if _, err := tx.Exec(ctx, dropRequest, types.IDValue(id)); err != nil {
		return q, err
	}
	if !approve {
		e := types.NewEntry(types.GrantDeny, types.Done, by, now)
		e.Collection, e.Row, e.Code = "accounts", q.Account, "role:"+q.Role+" request:"+string(id)
		return q, tx.Record(e)
	}
	if still, err := g.still(ctx, tx, q.By, r); err != nil {
		return q, err
	} else if !still {
		return q, errNoRequest
	}
	if !q.Expires.IsZero() && !q.Expires.After(now) {
		return q, errExpiry
	}
	if last, err := g.limits(ctx, tx, q.Account, r, q.Expires); err != nil {
		return q, err
	} else if last { // when it was asked for, somebody else was there
		return q, refuse(errLast)
	}
	return q, g.write(ctx, tx, by, q.Account, q.Role, q.Expires, "role:"+q.Role+" request:"+string(id)+" asked_by:"+string(q.By))
}

var canManage = store.SQL(`SELECT g.role FROM fastness_grant g JOIN fastness_account a ON a.id = g.account
	WHERE g.account = ? AND (g.expires = 0 OR g.expires > ?) AND a.state = 'active'`)

// still reports whether the account is one that could ask for the role today. The operator always is.
func (g *Grants) still(ctx context.Context, r store.Reader, account types.ID, role plan.Role) (bool, error) {
	if account == "" {
		return true, nil
	}
	rows, err := r.Query(ctx, canManage, types.IDValue(account), types.IntValue(types.Micros(g.clock.Now())))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	holds, manager := false, false
	for rows.Next() {
		have := g.byName[rows.Text(0)]
		holds = holds || have.Name == role.Name
		manager = manager || manages(have)
	}
	return holds && manager, rows.Err()
}

var holding = store.SQL(`SELECT g.account FROM fastness_grant g JOIN fastness_account a ON a.id = g.account
	WHERE g.role = ? AND (g.expires = 0 OR g.expires > ?) AND a.state = 'active' AND g.account <> ?`)

// approvers counts the accounts that could approve a grant of the role to the account.
func (g *Grants) approvers(ctx context.Context, r store.Reader, role plan.Role, account types.ID) (int, error) {
	rows, err := r.Query(ctx, holding, types.TextValue(role.Name), types.IntValue(types.Micros(g.clock.Now())), types.IDValue(account))
	if err != nil {
		return 0, err
	}
	var all []types.ID
	for rows.Next() {
		all = append(all, types.ID(rows.Text(0)))
	}
	if err := rows.Err(); err != nil {
		rows.Close()
		return 0, err
	}
	if err := rows.Close(); err != nil {
		return 0, err
	}
	n := 0
	for _, id := range all {
		ok, err := g.still(ctx, r, id, role)
		if err != nil {
			return 0, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

var (
	demand    = store.SQL(`INSERT INTO fastness_requirement (account, requires, at) VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE SET requires = excluded.requires, at = excluded.at`)
	relieve   = store.SQL(`DELETE FROM fastness_requirement WHERE account = ?`)
	required  = store.SQL(`SELECT requires FROM fastness_requirement WHERE account = ?`)
	requiring = map[plan.Requirement]string{plan.NoFactor: "none", plan.AnyMFA: "mfa", plan.PasskeyFactor: "passkey"}
)

// Require demands a factor of one account beyond what its roles demand: until a session has proved it, every role is dormant.
// plan.NoFactor takes the demand back. Whoever calls has judged the caller.
func (g *Grants) Require(ctx context.Context, tx store.Tx, by *types.Caller, account types.ID, what plan.Requirement) error {
	now := g.clock.Now()
	var err error
	if what == plan.NoFactor {
		_, err = tx.Exec(ctx, relieve, types.IDValue(account))
	} else {
		_, err = tx.Exec(ctx, demand, types.IDValue(account), types.IntValue(int64(what)), types.IntValue(types.Micros(now)))
	}
	if err != nil {
		return err
	}
	e := types.NewEntry(types.AccountSet, types.Done, by, now)
	e.Collection, e.Row, e.Code = "accounts", account, "requires:"+requiring[what]
	if err := tx.Record(e); err != nil {
		return err
	}
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: account})
}

// Required is what is demanded of the account beyond its roles.
func (g *Grants) Required(ctx context.Context, r store.Reader, account types.ID) (plan.Requirement, error) {
	rows, err := r.Query(ctx, required, types.IDValue(account))
	if err != nil {
		return plan.NoFactor, err
	}
	defer rows.Close()
	what := plan.NoFactor
	if rows.Next() {
		what = plan.Requirement(rows.Int(0))
	}
	return what, rows.Err()
}
