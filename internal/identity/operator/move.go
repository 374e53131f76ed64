package operator

import (
	"context"
	"errors"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errOperator = types.Refuse(types.Forbidden, "not_allowed", "only an operator moves and locks accounts, from the command line: whoever chooses the address can recover the account")
	errSame     = types.Refuse(types.Conflict, "same_address", "the account has this address already; name another one")
)

// Move gives an account another address: for somebody whose old mail is gone, or whose account another one moved away. Every session, API token
// and pending link ends, those that lock it included; password, factors and state stay. The old address is told while the account is active: on
// others sits, maybe, whoever moved it. It is the operator's alone. The reason is evidence.
func (d *Desk) Move(ctx context.Context, by *types.Caller, id types.ID, email, reason string) error {
	if !by.Unruled() {
		return errOperator
	}
	reason, err := reasonOf(reason)
	if err != nil {
		return err
	}
	canonical, err := account.Canonical(email)
	if err != nil {
		return err
	}
	return d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		acc, err := d.over(ctx, tx, by, id)
		switch {
		case err != nil:
			return err
		case acc.State == account.Erased:
			return errErased
		case acc.Email == canonical:
			return errSame
		}
		if err := d.cfg.Accounts.SetEmail(ctx, tx, id, canonical, false); errors.Is(err, account.ErrTaken) {
			return types.Refuse(types.Conflict, "account_exists", "the address has an account already; use users list to find it")
		} else if err != nil {
			return err
		}
		if err := d.cfg.Sessions.RevokeAll(ctx, tx, id, ""); err != nil {
			return err
		}
		if err := d.cfg.Links.Moved(ctx, tx, acc); err != nil {
			return err
		}
		e := types.NewEntry(types.AccountEmail, types.Done, by, d.cfg.Clock.Now())
		e.Collection, e.Row, e.Code, e.Reason = "accounts", id, "moved", reason
		return tx.Record(e)
	})
}

// Lock closes an account as its owner would who fears that another is in it: every session, token and link ends, the password is forgotten,
// and nobody gets in until its owner follows a recovery letter. It is the operator's alone, like Move: whoever has moved the account away
// would get that letter.
func (d *Desk) Lock(ctx context.Context, by *types.Caller, id types.ID) error {
	if !by.Unruled() {
		return errOperator
	}
	return d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		acc, err := d.over(ctx, tx, by, id)
		switch {
		case err != nil:
			return err
		case acc.State != account.Active:
			return errActive
		}
		if err := d.cfg.Grants.Guard(ctx, tx, by, id); err != nil {
			return err
		}
		return d.cfg.Links.LockFor(ctx, tx, acc, by)
	})
}
