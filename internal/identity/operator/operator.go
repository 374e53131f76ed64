// Package operator is the desk at which accounts are managed: add, invite, import, grant, disable, explain. The command line works
// through it, and so does every account whose role manages accounts or roles.
//
// Policy: the caller is judged in each method. An API token never manages. What is done, and what is refused to somebody
// who may manage, is evidence in the transaction of the act.
package operator

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/identity/passkey"
	"github.com/fastness-dev/fastness/internal/identity/recovery"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/identity/totp"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Config is the desk's parts; all are required.
type Config struct {
	DB       store.DB // the feed's
	Clock    types.Clock
	Plan     *plan.Plan
	Accounts *account.Accounts
	Sessions *session.Sessions
	Grants   *grant.Grants
	Links    *signup.Links
	Profiles signup.Profiles
	Tokens   *token.Tokens
	App      *totp.TOTP
	Passkeys *passkey.Passkeys
	Codes    *recovery.Codes
	// Federated reports whether the account is linked to an OpenID provider, which is a way in.
	Federated func(ctx context.Context, r store.Reader, id types.ID) (bool, error)
	// Above reports whether an account holds a role, within an organisation too, that the caller has not in force.
	Above func(ctx context.Context, r store.Reader, by *types.Caller, account types.ID) (bool, error)
	// Belongs lists the organisations of an account, with its role in each; none where there are none.
	Belongs func(ctx context.Context, r store.Reader, id types.ID) ([]organisation.Organisation, error)
}

// Desk is where accounts are managed. It holds no state beyond its parts.
type Desk struct{ cfg Config }

// New returns a desk of the parts.
func New(cfg Config) *Desk { return &Desk{cfg} }

// Added is an account that waits for its owner.
type Added struct {
	ID    types.ID
	Link  types.Secret  // one-time; for AddUser only
	Valid time.Duration // of the link
	Waits []string      // roles that wait for a second person's approval
}

// AddUser makes an account with roles and returns a one-time enrolment link of fifteen minutes. Doing it again for an
// account that still waits replaces the link.
func (d *Desk) AddUser(ctx context.Context, by *types.Caller, email string, roles []string) (*Added, error) {
	id, link, err := d.cfg.Links.Add(ctx, by, email, roles, false)
	if err != nil {
		return nil, err
	}
	waits, err := d.waits(ctx, id)
	return &Added{ID: id, Link: link, Valid: 15 * time.Minute, Waits: waits}, err
}

// Invite is AddUser with the link sent by mail, valid for seven days. The link is returned too, for development, which shows it.
func (d *Desk) Invite(ctx context.Context, by *types.Caller, email string, roles []string) (*Added, error) {
	id, link, err := d.cfg.Links.Add(ctx, by, email, roles, true)
	if err != nil {
		return nil, err
	}
	waits, err := d.waits(ctx, id)
	return &Added{ID: id, Link: link, Valid: 7 * 24 * time.Hour, Waits: waits}, err
}

// waits lists the roles that the account would get if somebody approved.
func (d *Desk) waits(ctx context.Context, id types.ID) ([]string, error) {
	var out []string
	err := d.cfg.DB.View(ctx, func(r store.Reader) error {
		out = nil
		all, err := d.cfg.Grants.Requests(ctx, r)
		for _, q := range all {
			if q.Account == id {
				out = append(out, q.Role)
			}
		}
		return err
	})
	return out, err
}

// User is an account as operators see it.
type User struct {
	Account *account.Account
	Grants  []grant.Grant
}

// List returns at most limit users with ids above after.
func (d *Desk) List(ctx context.Context, by *types.Caller, after types.ID, limit int) ([]User, error) {
	if err := d.mayManage(by); err != nil {
		return nil, err
	}
	var out []User
	err := d.cfg.DB.View(ctx, func(r store.Reader) error {
		out = nil
		all, err := d.cfg.Accounts.List(ctx, r, after, limit)
		if err != nil {
			return err
		}
		for _, a := range all {
			grants, err := d.cfg.Grants.Of(ctx, r, a.ID)
			if err != nil {
				return err
			}
			out = append(out, User{Account: a, Grants: grants})
		}
		return nil
	})
	return out, err
}

var errManage = types.Refuse(types.Forbidden, "not_allowed", "this takes a role that manages accounts; ask an operator")

func (d *Desk) mayManage(by *types.Caller) error {
	if by.Unruled() || by.Kind == types.Signed && by.Token == "" && d.cfg.Grants.Manages(by, "accounts") {
		return nil
	}
	return errManage
}

// still is mayManage as the transaction sees the caller: see grant.Grants.Today.
func (d *Desk) still(ctx context.Context, tx store.Tx, by *types.Caller) error {
	now, err := d.cfg.Grants.Today(ctx, tx, by)
	if err != nil {
		return err
	}
	return d.mayManage(now)
}

var (
	errActive = types.Refuse(types.Conflict, "account_not_active", "the account is not active; users explain says why, and users enable opens it")
	errClosed = types.Refuse(types.Forbidden, "closed_by_owner", "the account was closed by its owner; an operator opens it, from the command line")
)

var errErased = types.Refuse(types.Conflict, "account_erased", "the account was erased for good; add a new one")

// ErrNoUser: no account of that address or id.
var ErrNoUser = types.Refuse(types.NotFound, "no_such_account", "no account has this address; list them with: fastness users list")

// Find returns the account of an address or an id.
func (d *Desk) Find(ctx context.Context, by *types.Caller, who string) (*account.Account, error) {
	if err := d.mayManage(by); err != nil {
		return nil, err
	}
	var acc *account.Account
	err := d.cfg.DB.View(ctx, func(r store.Reader) error {
		var err error
		if id, ok := types.ParseID(who); ok {
			acc, err = d.cfg.Accounts.Get(ctx, r, id)
			return err
		}
		canonical, err := account.Canonical(who)
		if err != nil {
			return err
		}
		acc, err = d.cfg.Accounts.Find(ctx, r, canonical)
		return err
	})
	if errors.Is(err, account.ErrNone) {
		return nil, ErrNoUser
	}
	return acc, err
}

// Grant gives a role until a time (zero: without end); one that takes two persons is refused, see Ask. Live sessions take a new token
// at their next use.
func (d *Desk) Grant(ctx context.Context, by *types.Caller, id types.ID, role string, until time.Time) error {
	return d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := d.cfg.Grants.Add(ctx, tx, by, id, role, until); err != nil {
			return err
		}
		return d.cfg.Sessions.RenewSoon(ctx, tx, id)
	})
}

// Revoke withdraws a role, at once.
func (d *Desk) Revoke(ctx context.Context, by *types.Caller, id types.ID, role string) error {
	return d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := d.cfg.Grants.Remove(ctx, tx, by, id, role); err != nil {
			return err
		}
		return d.cfg.Sessions.RenewSoon(ctx, tx, id)
	})
}

// Disable ends every session of an account and lets nobody in until Enable. The last operator stays.
func (d *Desk) Disable(ctx context.Context, by *types.Caller, id types.ID) error {
	return d.setState(ctx, by, id, account.Disabled)
}

// Enable undoes Disable, and opens what its owner locked. An account that has no way in waits to be invited again.
func (d *Desk) Enable(ctx context.Context, by *types.Caller, id types.ID) error {
	return d.setState(ctx, by, id, account.Active)
}

func (d *Desk) setState(ctx context.Context, by *types.Caller, id types.ID, to account.State) error {
	if err := d.mayManage(by); err != nil {
		return err
	}
	return d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := d.still(ctx, tx, by); err != nil {
			return err
		}
		acc, err := d.over(ctx, tx, by, id)
		if err != nil {
			return err
		}
		state := to
		federated, err := d.cfg.Federated(ctx, tx, id)
		if err != nil {
			return err
		}
		if to == account.Active && acc.PHC.Empty() && acc.Passkeys == 0 && !federated {
			state = account.Invited
		}
		if acc.State == account.Erased {
			return errErased
		}
		closed := acc.State == account.Locked || to == account.Active && acc.State != account.Active && acc.PHC.Empty() && !acc.PasswordAt.IsZero()
		if closed && !by.Unruled() {
			return errClosed // maybe against whoever would come in now
		}
		if closed && to == account.Active {
			if err := d.cfg.Accounts.Opened(ctx, tx, id); err != nil {
				return err
			}
		}
		if to == account.Disabled {
			if err := d.cfg.Grants.Guard(ctx, tx, by, id); err != nil {
				return err
			}
			if err := d.cfg.Sessions.RevokeAll(ctx, tx, id, ""); err != nil {
				return err
			}
		}
		if err := d.cfg.Accounts.SetState(ctx, tx, id, state); err != nil {
			return err
		}
		e := types.NewEntry(types.AccountState, types.Done, by, d.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", id, string(state)
		return tx.Record(e)
	})
}

// DevSession opens a one-hour bearer session that counts as freshly proved with every factor. It exists in development
// only: elsewhere it refuses, and sessions of this kind are refused even if one were in the database.
func (d *Desk) DevSession(ctx context.Context, by *types.Caller, id types.ID) (*session.Started, error) {
	if !d.cfg.Plan.Development() {
		return nil, types.Refuse(types.Forbidden, "development_only", "sessions without a proof exist in development only; sign in")
	}
	if !by.Unruled() {
		return nil, errManage
	}
	var out *session.Started
	err := d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		acc, err := d.cfg.Accounts.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if acc.State == account.Invited { // an invented person: nobody will come by with the link
			if err := d.cfg.Accounts.SetState(ctx, tx, id, account.Active); err != nil {
				return err
			}
			acc.Epoch++
		} else if acc.State != account.Active {
			return errActive
		}
		all := types.Password | types.TOTP | types.Passkey | types.RecoveryCode
		out, err = d.cfg.Sessions.Start(ctx, tx, session.Fresh{Account: id, Epoch: acc.Epoch, Factors: all, Transport: session.Bearer,
			Label: "fastness users session", Dev: true})
		if err != nil {
			return err
		}
		e := types.NewEntry(types.SignIn, types.Done, by, d.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", id, "development"
		return tx.Record(e)
	})
	return out, err
}
