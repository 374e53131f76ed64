package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Added is an account that waits for its owner.
type Added struct {
	ID    types.ID
	Link  types.Secret  // one-time; for AddUser only
	Valid time.Duration // of the link
}

// AddUser makes an account with roles and returns a one-time enrolment link of fifteen minutes. Doing it again for an
// account that still waits replaces the link.
func (i *Identity) AddUser(ctx context.Context, by *types.Caller, email string, roles []string) (*Added, error) {
	id, link, err := i.links.Add(ctx, by, email, roles, false)
	if err != nil {
		return nil, err
	}
	return &Added{ID: id, Link: link, Valid: 15 * time.Minute}, nil
}

// Invite is AddUser with the link sent by mail, valid for seven days.
func (i *Identity) Invite(ctx context.Context, by *types.Caller, email string, roles []string) (*Added, error) {
	id, _, err := i.links.Add(ctx, by, email, roles, true)
	if err != nil {
		return nil, err
	}
	return &Added{ID: id, Valid: 7 * 24 * time.Hour}, nil
}

// User is an account as operators see it.
type User struct {
	Account *account.Account
	Grants  []grant.Grant
}

// List returns at most limit users with ids above after.
func (i *Identity) List(ctx context.Context, by *types.Caller, after types.ID, limit int) ([]User, error) {
	if err := i.mayManage(by); err != nil {
		return nil, err
	}
	var out []User
	err := i.db.View(ctx, func(r store.Reader) error {
		out = nil
		all, err := i.accounts.List(ctx, r, after, limit)
		if err != nil {
			return err
		}
		for _, a := range all {
			grants, err := i.grants.Of(ctx, r, a.ID)
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

func (i *Identity) mayManage(by *types.Caller) error {
	if by.Unruled() || by.Kind == types.Signed && by.Token == "" && i.grants.Manages(by, "accounts") {
		return nil
	}
	return errManage
}

// ErrNoUser: no account of that address or id.
var ErrNoUser = types.Refuse(types.NotFound, "no_such_account", "no account has this address; list them with: fastness users list")

// Find returns the account of an address or an id.
func (i *Identity) Find(ctx context.Context, by *types.Caller, who string) (*account.Account, error) {
	if err := i.mayManage(by); err != nil {
		return nil, err
	}
	var acc *account.Account
	err := i.db.View(ctx, func(r store.Reader) error {
		var err error
		if id, ok := types.ParseID(who); ok {
			acc, err = i.accounts.Get(ctx, r, id)
			return err
		}
		canonical, err := account.Canonical(who)
		if err != nil {
			return err
		}
		acc, err = i.accounts.Find(ctx, r, canonical)
		return err
	})
	if errors.Is(err, account.ErrNone) {
		return nil, ErrNoUser
	}
	return acc, err
}

// Grant gives a role until a time (zero: without end). Live sessions take a new token at their next use.
func (i *Identity) Grant(ctx context.Context, by *types.Caller, id types.ID, role string, until time.Time) error {
	return i.db.Write(ctx, func(tx store.Tx) error {
		if err := i.grants.Add(ctx, tx, by, id, role, until); err != nil {
			return err
		}
		return i.sessions.RenewSoon(ctx, tx, id)
	})
}

// Revoke withdraws a role, at once.
func (i *Identity) Revoke(ctx context.Context, by *types.Caller, id types.ID, role string) error {
	return i.db.Write(ctx, func(tx store.Tx) error {
		if err := i.grants.Remove(ctx, tx, by, id, role); err != nil {
			return err
		}
		return i.sessions.RenewSoon(ctx, tx, id)
	})
}

// Disable ends every session of an account and lets nobody in until Enable. The last operator stays.
func (i *Identity) Disable(ctx context.Context, by *types.Caller, id types.ID) error {
	return i.setState(ctx, by, id, account.Disabled)
}

// Enable undoes Disable. An account that never enrolled waits again.
func (i *Identity) Enable(ctx context.Context, by *types.Caller, id types.ID) error {
	return i.setState(ctx, by, id, account.Active)
}

func (i *Identity) setState(ctx context.Context, by *types.Caller, id types.ID, to account.State) error {
	if err := i.mayManage(by); err != nil {
		return err
	}
	return i.db.Write(ctx, func(tx store.Tx) error {
		acc, err := i.accounts.Get(ctx, tx, id)
		if errors.Is(err, account.ErrNone) {
			return ErrNoUser
		}
		if err != nil {
			return err
		}
		state := to
		if to == account.Active && acc.PHC.Empty() && acc.Passkeys == 0 {
			state = account.Invited
		}
		if acc.State == account.Erased {
			return types.Refuse(types.Conflict, "account_erased", "the account was erased for good; add a new one")
		}
		if to == account.Disabled {
			if err := i.grants.Guard(ctx, tx, by, id); err != nil {
				return err
			}
			if err := i.sessions.EndAll(ctx, tx, id, ""); err != nil {
				return err
			}
		}
		if err := i.accounts.SetState(ctx, tx, id, state); err != nil {
			return err
		}
		e := types.NewEntry(types.AccountState, types.Done, by, i.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", id, string(state)
		return tx.Record(e)
	})
}

// DevSession opens a one-hour bearer session that counts as freshly proved with every factor. It exists in development
// only: elsewhere it refuses, and sessions of this kind are refused even if one were in the database.
func (i *Identity) DevSession(ctx context.Context, by *types.Caller, id types.ID) (*session.Started, error) {
	if !i.cfg.Plan.Development() {
		return nil, types.Refuse(types.Forbidden, "development_only", "sessions without a proof exist in development only; sign in")
	}
	if !by.Unruled() {
		return nil, errManage
	}
	var out *session.Started
	err := i.db.Write(ctx, func(tx store.Tx) error {
		acc, err := i.accounts.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if acc.State == account.Invited { // an invented person: nobody will come by with the link
			if err := i.accounts.SetState(ctx, tx, id, account.Active); err != nil {
				return err
			}
			acc.Epoch++
		} else if acc.State != account.Active {
			return types.Refuse(types.Conflict, "account_not_active", "the account is not active; enable it first")
		}
		all := types.Password | types.TOTP | types.Passkey | types.RecoveryCode
		out, err = i.sessions.Start(ctx, tx, session.Fresh{Account: id, Epoch: acc.Epoch, Factors: all, Transport: session.Bearer,
			Label: "fastness users session", Dev: true})
		if err != nil {
			return err
		}
		e := types.NewEntry(types.SignIn, types.Done, by, i.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", id, "development"
		return tx.Record(e)
	})
	return out, err
}

// Explain says in plain words what stands between an account and its roles.
func (i *Identity) Explain(ctx context.Context, by *types.Caller, id types.ID) ([]string, error) {
	if err := i.mayManage(by); err != nil {
		return nil, err
	}
	var lines []string
	err := i.db.View(ctx, func(r store.Reader) error {
		lines = nil
		acc, err := i.accounts.Get(ctx, r, id)
		if err != nil {
			return err
		}
		grants, err := i.grants.Of(ctx, r, id)
		if err != nil {
			return err
		}
		live, err := i.sessions.List(ctx, r, id)
		if err != nil {
			return err
		}
		lines = i.explain(acc, grants, len(live))
		return nil
	})
	if errors.Is(err, account.ErrNone) {
		return nil, ErrNoUser
	}
	return lines, err
}

func (i *Identity) explain(acc *account.Account, grants []grant.Grant, sessions int) []string {
	states := map[account.State]string{account.Invited: "waits for its owner to use the enrolment link: it cannot sign in",
		account.Active: "is active", account.Disabled: "was disabled by an operator: it cannot sign in",
		account.Locked: "was locked by its owner: it cannot sign in", account.Erased: "was erased for good"}
	lines := []string{fmt.Sprintf("account %s %s", acc.ID, states[acc.State]),
		fmt.Sprintf("factors: %d authenticator apps, %d passkeys, %d recovery codes; %d live sessions", acc.TOTP, acc.Passkeys, acc.Codes, sessions)}
	if len(grants) == 0 {
		lines = append(lines, "it holds no role")
	}
	now := i.cfg.Clock.Now()
	for _, g := range grants {
		role, declared := i.grants.Role(g.Role)
		line := "role " + g.Role + ": "
		switch {
		case !declared:
			line += "is no longer declared and grants nothing"
		case !g.Expires.IsZero() && !now.Before(g.Expires):
			line += "expired " + stamp(g.Expires)
		case !role.Requires.Met(bestOf(acc)):
			line += "dormant: it requires a factor that the account has not enrolled"
		case !role.Requires.Met(types.Password):
			line += "in force in sessions that proved a second factor"
		default:
			line += "in force"
		}
		if !g.Expires.IsZero() && now.Before(g.Expires) {
			line += ", until " + stamp(g.Expires)
		}
		lines = append(lines, line)
	}
	return lines
}

// bestOf is what the account could prove with everything it has enrolled.
func bestOf(acc *account.Account) types.Factor {
	f := types.Password
	if acc.TOTP > 0 {
		f |= types.TOTP
	}
	if acc.Passkeys > 0 {
		f |= types.Passkey
	}
	return f
}
