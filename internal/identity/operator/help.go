package operator

import (
	"context"
	"errors"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errOwn    = types.Refuse(types.Forbidden, "own_account", "nobody does this to his own account; ask another operator, or change your factors yourself")
	errAbove  = types.Refuse(types.Forbidden, "role_not_held", "the account holds roles that you have not in force yourself; ask somebody who has them")
	errReason = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
		Fields: []types.FieldError{{Path: "reason", Code: "length", Limit: "200", Detail: "say in 4 to 200 characters why, and how you know who asked"}}}
)

// over returns the account when the caller stands above it: not his own, and none of its roles is one that he lacks. Whoever could
// take the factors off somebody mightier would become him. The operator stands above everybody. ErrNoUser: there is no such account.
func (d *Desk) over(ctx context.Context, r store.Reader, by *types.Caller, id types.ID) (*account.Account, error) {
	acc, err := d.cfg.Accounts.Get(ctx, r, id)
	if errors.Is(err, account.ErrNone) {
		return nil, ErrNoUser
	}
	if err != nil || by.Unruled() {
		return acc, err
	}
	if by, err = d.cfg.Grants.Today(ctx, r, by); err != nil {
		return nil, err
	}
	if by.Account == id {
		return nil, errOwn
	}
	above, err := d.cfg.Above(ctx, r, by, id)
	if err == nil && above {
		err = errAbove
	}
	return acc, err
}

// SessionsOf lists an account's live sessions, last used first.
func (d *Desk) SessionsOf(ctx context.Context, by *types.Caller, id types.ID) ([]session.Listed, error) {
	if err := d.mayManage(by); err != nil {
		return nil, err
	}
	var out []session.Listed
	err := d.cfg.DB.View(ctx, func(r store.Reader) error {
		if _, err := d.cfg.Accounts.Get(ctx, r, id); errors.Is(err, account.ErrNone) {
			return ErrNoUser
		} else if err != nil {
			return err
		}
		var err error
		out, err = d.cfg.Sessions.List(ctx, r, id)
		return err
	})
	return out, err
}

// EndSessionOf ends one session of an account for cause, or all (""). With one ends what was begun in it, with all whatever was begun or issued
// before: API tokens too.
func (d *Desk) EndSessionOf(ctx context.Context, by *types.Caller, id, which types.ID) error {
	if err := d.mayManage(by); err != nil {
		return err
	}
	err := d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := d.still(ctx, tx, by); err != nil {
			return err
		}
		if _, err := d.over(ctx, tx, by, id); err != nil && !errors.Is(err, errOwn) { // one's own are nobody's secret
			return err
		}
		var err error
		if which == "" {
			err = d.cfg.Sessions.RevokeAll(ctx, tx, id, "")
		} else {
			err = errors.Join(d.cfg.Sessions.Revoke(ctx, tx, id, which), d.cfg.Links.Distrust(ctx, tx, id, ""))
		}
		if err != nil {
			return err
		}
		e := types.NewEntry(types.SignOut, types.Done, by, d.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", id, "by_operator"
		return tx.Record(e)
	})
	if errors.Is(err, session.ErrNone) {
		return types.Refuse(types.NotFound, "not_found", "the account has no such session; list them first")
	}
	return err
}

// ResetFactors helps somebody who lost everything: authenticator app, passkeys and recovery codes are forgotten, every session and API
// token ends, and what the account has proved it owns is told about it. The password stays, but every role is dormant until a second
// factor is enrolled anew. The reason is evidence.
func (d *Desk) ResetFactors(ctx context.Context, by *types.Caller, id types.ID, reason string) error {
	if err := d.mayManage(by); err != nil {
		return err
	}
	reason, err := reasonOf(reason)
	if err != nil {
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
		if acc.State == account.Erased {
			return errErased
		}
		had := types.Factor(0)
		for _, f := range []struct {
			kind   types.Factor
			count  int
			forget func(context.Context, store.Tx, types.ID) error
		}{{types.TOTP, acc.TOTP, d.cfg.App.Forget}, {types.Passkey, acc.Passkeys, d.cfg.Passkeys.Forget}, {types.RecoveryCode, acc.Codes, d.cfg.Codes.Clear}} {
			if err := f.forget(ctx, tx, id); err != nil {
				return err
			}
			if err := d.cfg.Accounts.SetFactors(ctx, tx, id, f.kind, 0); err != nil {
				return err
			}
			if f.count > 0 {
				had |= f.kind
			}
		}
		if err := d.cfg.Sessions.RevokeAll(ctx, tx, id, ""); err != nil {
			return err
		}
		if err := d.keepDemand(ctx, tx, by, id, had); err != nil {
			return err
		}
		e := types.NewEntry(types.FactorRemove, types.Done, by, d.cfg.Clock.Now())
		e.Collection, e.Row, e.Code, e.Reason = "accounts", id, "reset", reason
		if err := tx.Record(e); err != nil {
			return err
		}
		return d.cfg.Links.Notify(ctx, tx, signin.Notice{Account: acc, What: types.FactorRemove, Factor: had})
	})
}

// reasonOf takes a reason that is worth keeping.
func reasonOf(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if n := len([]rune(reason)); n < 4 || n > 200 {
		return "", errReason
	}
	return reason, nil
}

// keepDemand makes up for factors that are gone: whoever had one must have one again before any role is in force.
func (d *Desk) keepDemand(ctx context.Context, tx store.Tx, by *types.Caller, id types.ID, had types.Factor) error {
	demanded, err := d.cfg.Grants.Required(ctx, tx, id)
	if err != nil || demanded != plan.NoFactor || had == 0 {
		return err
	}
	return d.cfg.Grants.Require(ctx, tx, by, id, plan.AnyMFA)
}
