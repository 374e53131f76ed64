package operator

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Ask gives a role until a time (zero: without end). Where the role takes two persons it begins a request instead, whose id it returns:
// somebody else must Decide.
func (d *Desk) Ask(ctx context.Context, by *types.Caller, id types.ID, role string, until time.Time) (request types.ID, err error) {
	err = d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		var err error
		if request, err = d.cfg.Grants.Give(ctx, tx, by, id, role, until); err != nil {
			return unknown(err)
		}
		if acc, err := d.cfg.Accounts.Get(ctx, tx, id); err != nil {
			return unknown(err)
		} else if acc.State == account.Erased {
			return errErased
		}
		return d.cfg.Sessions.RenewSoon(ctx, tx, id)
	})
	return request, err
}

// unknown says that there is no such account, where that is what went wrong.
func unknown(err error) error {
	var c *store.ConstraintError
	if errors.Is(err, account.ErrNone) || errors.As(err, &c) && c.Kind == store.Foreign {
		return ErrNoUser
	}
	return err
}

// Requests lists the grants that wait for a second person, oldest first.
func (d *Desk) Requests(ctx context.Context, by *types.Caller) ([]grant.Request, error) {
	if !by.Unruled() && (by.Kind != types.Signed || by.Token != "" || !d.cfg.Grants.Manages(by, "roles")) {
		return nil, errRoles
	}
	var out []grant.Request
	err := d.cfg.DB.View(ctx, func(r store.Reader) error {
		var err error
		out, err = d.cfg.Grants.Requests(ctx, r)
		return err
	})
	return out, err
}

var errRoles = types.Refuse(types.Forbidden, "not_allowed", "this takes a role that manages roles; ask an operator")

// Decide approves or denies what somebody else asked for.
func (d *Desk) Decide(ctx context.Context, by *types.Caller, request types.ID, approve bool) (grant.Request, error) {
	var q grant.Request
	err := d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		var err error
		if q, err = d.cfg.Grants.Decide(ctx, tx, by, request, approve); err != nil {
			return err
		}
		return d.cfg.Sessions.RenewSoon(ctx, tx, q.Account)
	})
	return q, err
}

// Require demands a factor of one account, whatever its roles: until a session has proved it all roles are dormant, and API tokens that
// were issued before end. plan.NoFactor takes the demand back, which nobody does for himself.
func (d *Desk) Require(ctx context.Context, by *types.Caller, id types.ID, what plan.Requirement) error {
	if err := d.mayManage(by); err != nil {
		return err
	}
	return d.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := d.still(ctx, tx, by); err != nil {
			return err
		}
		if _, err := d.over(ctx, tx, by, id); err != nil {
			return err
		}
		if err := d.cfg.Grants.Require(ctx, tx, by, id, what); err != nil {
			return err
		}
		if what != plan.NoFactor {
			if err := d.cfg.Tokens.EndAll(ctx, tx, by, id); err != nil {
				return err
			}
		}
		return d.cfg.Sessions.RenewSoon(ctx, tx, id)
	})
}
