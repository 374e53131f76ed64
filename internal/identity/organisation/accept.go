package organisation

import (
	"context"
	"encoding/json"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errLink  = types.Refuse(types.Invalid, "link_over", "the link was used, replaced or is too old; ask for a new one")
	errOther = types.Refuse(types.Forbidden, "other_address", "this invitation was sent to another address than your account's; ask for one to yours")
)

var (
	readInvitation = store.SQL(`SELECT id, org, email, role, invited_by, expires FROM fastness_organisation_invitation WHERE hash = ? AND ` + session.Holds)
	dropInvitation = store.SQL(`DELETE FROM fastness_organisation_invitation WHERE hash = ?`)
)

// invitation is a stored one, opened.
type invitation struct {
	org, by     types.ID
	email, role string
}

// peek reads an invitation that may still be used.
func (o *Organisations) peek(ctx context.Context, r store.Reader, secret types.Secret) (*invitation, error) {
	rows, err := r.Query(ctx, readInvitation, hashOf(secret.Reveal()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, err
		}
		return nil, errLink
	}
	if types.Micros(o.cfg.Clock.Now()) >= rows.Int(5) {
		return nil, errLink
	}
	plain, err := o.cfg.Ring.Open(nil, seal.Link, rows.Bytes(2), "fastness_organisation_invitation", rows.Text(0), "email")
	if err != nil {
		return nil, err
	}
	return &invitation{org: types.ID(rows.Text(1)), by: types.ID(rows.Text(4)), email: string(plain), role: rows.Text(3)}, nil
}

// Asked is what an invitation says to whoever holds its link.
type Asked struct {
	Organisation string
	By           string // the address of the inviter; "" for an operator
}

// Asks tells who invites whereto, and uses nothing up. A link that is over says so.
func (o *Organisations) Asks(ctx context.Context, secret types.Secret) (a Asked, err error) {
	err = o.cfg.DB.View(ctx, func(r store.Reader) error {
		n, err := o.peek(ctx, r, secret)
		if err != nil {
			return err
		}
		if err := each(ctx, r, oneOrg, func(rows store.Rows) { a.Organisation = rows.Text(0) }, types.IDValue(n.org)); err != nil || n.by == "" {
			return err
		}
		acc, err := o.cfg.Accounts.Get(ctx, r, n.by)
		if err == nil {
			a.By = acc.Email
		}
		return err
	})
	return a, err
}

// use reads an invitation and deletes it: it works once. Whoever sent it must still be somebody who may.
func (o *Organisations) use(ctx context.Context, tx store.Tx, secret types.Secret) (*invitation, error) {
	n, err := o.peek(ctx, tx, secret)
	if err != nil {
		return nil, err
	}
	gone, err := tx.Exec(ctx, dropInvitation, hashOf(secret.Reveal()))
	if err == nil && gone == 0 {
		err = errLink
	}
	if err != nil || n.by == "" {
		return n, err
	}
	role, err := o.cfg.Roster.role(ctx, tx, n.org, n.by)
	if err != nil {
		return nil, err
	}
	if role == "" || o.invites(role) != nil || o.cfg.Roster.rank(n.role) < o.cfg.Roster.rank(role) {
		return nil, errLink
	}
	return n, nil
}

// Accept makes the caller a member, if the invitation was sent to his account's address. Who is a member already stays what he
// is. It does not become the active organisation.
func (o *Organisations) Accept(ctx context.Context, by *types.Caller, secret types.Secret) (*Organisation, error) {
	if err := needSession(by); err != nil {
		return nil, err
	}
	var out *Organisation
	err := o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, by); err != nil {
			return err
		}
		n, err := o.use(ctx, tx, secret)
		if err != nil {
			return err
		}
		acc, err := o.cfg.Accounts.Get(ctx, tx, by.Account)
		if err != nil {
			return err
		}
		if acc.Email != n.email {
			return o.refused(tx, by, n.org, errOther)
		}
		out, err = o.join(ctx, tx, by, n, by.Account)
		return err
	})
	return out, err
}

// Join makes an account for the invited address, which has none, and its owner a member. With enter the owner is signed in by the password that
// was chosen; without, the step is nil.
func (o *Organisations) Join(ctx context.Context, secret, password types.Secret, profile json.RawMessage, c signin.Client, enter bool) (*Organisation, *signin.Step, error) {
	var email string
	if err := o.cfg.DB.View(ctx, func(r store.Reader) error {
		n, err := o.peek(ctx, r, secret)
		if err == nil {
			email = n.email
		}
		return err
	}); err != nil {
		return nil, nil, err
	}
	phc, err := o.cfg.Doors.Prepare(ctx, email, password, profile)
	if err != nil {
		return nil, nil, err
	}
	var out *Organisation
	var step *signin.Step
	since := o.cfg.Sessions.Mark()
	err = o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, err := o.use(ctx, tx, secret)
		if err != nil {
			return err
		}
		id, err := o.cfg.Doors.Admit(ctx, tx, n.email, phc, profile, c)
		if err != nil {
			return err
		}
		out, err = o.join(ctx, tx, &types.Caller{Address: c.Address, RequestID: c.RequestID}, n, id)
		if err != nil || !enter {
			return err
		}
		step, err = o.cfg.Doors.Enter(ctx, tx, id, c, since)
		return err
	})
	return out, step, err
}

func (o *Organisations) join(ctx context.Context, tx store.Tx, by *types.Caller, n *invitation, who types.ID) (*Organisation, error) {
	role, err := o.cfg.Roster.role(ctx, tx, n.org, who)
	if err != nil {
		return nil, err
	}
	if role == "" {
		role = n.role
		if err := o.put(ctx, tx, n.org, who, role); err != nil {
			return nil, err
		}
	}
	out := &Organisation{ID: n.org, Role: role}
	if err := each(ctx, tx, oneOrg, func(rows store.Rows) { out.Name = rows.Text(0) }, types.IDValue(n.org)); err != nil {
		return nil, err
	}
	return out, o.done(tx, by, n.org, "joined "+about(who, role))
}
