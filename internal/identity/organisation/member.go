package organisation

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Member is one membership.
type Member struct {
	Account types.ID
	Role    string
	Joined  time.Time
	Email   string // for who may invite or owns; "" else
}

var (
	membersOf = store.SQL(`SELECT account, role, created FROM memberships WHERE org = ? ORDER BY created, id LIMIT 1000`)
	countOf   = store.SQL(`SELECT count(*) FROM memberships WHERE org = ?`)
	insertOne = store.SQL(`INSERT INTO memberships (id, created, updated, version, org, account, role) VALUES (?, ?, ?, 1, ?, ?, ?)`)
	updateOne = store.SQL(`UPDATE memberships SET role = ?, updated = ?, version = version + 1 WHERE org = ? AND account = ?`)
	removeOne = store.SQL(`DELETE FROM memberships WHERE org = ? AND account = ?`)
	others    = store.SQL(`SELECT count(*) FROM memberships m JOIN fastness_account a ON a.id = m.account
		WHERE m.org = ? AND m.role = ? AND m.account <> ? AND a.state = 'active'`)
)

// Members lists who belongs to an organisation, oldest first. Addresses are shown to those who may invite or own it.
func (o *Organisations) Members(ctx context.Context, by *types.Caller, org types.ID) ([]Member, error) {
	if !by.Unruled() && (by.Kind != types.Signed || by.Org == "" || org != by.Org) {
		return nil, errNone
	}
	var out []Member
	err := o.cfg.DB.View(ctx, func(r store.Reader) error {
		out = nil
		role, err := o.cfg.Roster.role(ctx, r, org, by.Account)
		if err != nil {
			return err
		}
		if role == "" && !by.Unruled() {
			return errNone
		}
		if err := each(ctx, r, membersOf, func(rows store.Rows) {
			out = append(out, Member{Account: types.ID(rows.Text(0)), Role: rows.Text(1), Joined: types.FromMicros(rows.Int(2))})
		}, types.IDValue(org)); err != nil {
			return err
		}
		if !by.Unruled() && (!o.manages(role) || by.Token != "" || !by.Roles.Has(o.cfg.Roster.set(role))) {
			return nil
		}
		for i := range out {
			acc, err := o.cfg.Accounts.Get(ctx, r, out[i].Account)
			if err != nil {
				return err
			}
			out[i].Email = acc.Email
		}
		return nil
	})
	return out, err
}

// manages reports whether a role sees the addresses of members: it owns, or it may invite.
func (o *Organisations) manages(role string) bool {
	return role == o.cfg.Roster.top() || slices.Contains(o.cfg.Invite, role)
}

// put makes a membership, or changes its role.
func (o *Organisations) put(ctx context.Context, tx store.Tx, org, who types.ID, role string) error {
	now := o.cfg.Clock.Now()
	us := types.IntValue(types.Micros(now))
	n, err := tx.Exec(ctx, updateOne, types.TextValue(role), us, types.IDValue(org), types.IDValue(who))
	if err != nil || n > 0 {
		return err
	}
	if n, err := number(ctx, tx, countOf, types.IDValue(org)); err != nil {
		return err
	} else if n >= MaxMembers {
		return errFull
	}
	_, err = tx.Exec(ctx, insertOne, types.IDValue(types.NewID(now)), us, us, types.IDValue(org), types.IDValue(who), types.TextValue(role))
	return err
}

// Put gives a member another role; an operator also makes members. The last owner keeps the highest role.
func (o *Organisations) Put(ctx context.Context, by *types.Caller, org, who types.ID, role string) error {
	if o.cfg.Roster.rank(role) < 0 {
		return invalid("role", "unknown_role", "the declaration has no such role within organisations; it names them under organisations")
	}
	return o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		own, err := o.judge(ctx, tx, by, org, o.owns)
		if err != nil {
			return err
		}
		if err := o.exists(ctx, tx, org); err != nil {
			return err
		}
		had, err := o.cfg.Roster.role(ctx, tx, org, who)
		switch {
		case err != nil:
			return err
		case had == "" && !by.Unruled():
			return errUnknown // people come in by invitation
		case !by.Unruled() && o.cfg.Roster.rank(role) < o.cfg.Roster.rank(own):
			return o.refused(tx, by, org, errLack)
		case had == "":
			if _, err := o.cfg.Accounts.Get(ctx, tx, who); errors.Is(err, account.ErrNone) {
				return errUnknown
			} else if err != nil {
				return err
			}
		}
		if role != o.cfg.Roster.top() {
			if err := o.guard(ctx, tx, by, org, who, had); err != nil {
				return err
			}
		}
		if err := o.put(ctx, tx, org, who, role); err != nil {
			return err
		}
		if err := o.done(tx, by, org, "put "+about(who, role)); err != nil {
			return err
		}
		return o.cfg.Sessions.RenewSoon(ctx, tx, who)
	})
}

// Remove takes a member out. His sessions lose the organisation at once, in every process.
func (o *Organisations) Remove(ctx context.Context, by *types.Caller, org, who types.ID) error {
	return o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := o.judge(ctx, tx, by, org, o.owns); err != nil {
			return err
		}
		return o.takeOut(ctx, tx, by, org, who, "removed ")
	})
}

// Leave takes the caller himself out of the organisation that is active in his session, which gets a new token.
func (o *Organisations) Leave(ctx context.Context, by *types.Caller) (*session.Started, error) {
	if err := needSession(by); err != nil {
		return nil, err
	}
	if by.Org == "" {
		return nil, errNone
	}
	var started *session.Started
	err := o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := o.takeOut(ctx, tx, by, by.Org, by.Account, "left "); err != nil {
			return err
		}
		var err error
		started, err = o.enter(ctx, tx, by, "")
		return err
	})
	return started, err
}

func (o *Organisations) takeOut(ctx context.Context, tx store.Tx, by *types.Caller, org, who types.ID, what string) error {
	had, err := o.cfg.Roster.role(ctx, tx, org, who)
	if err != nil {
		return err
	}
	if err := o.guard(ctx, tx, by, org, who, had); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, removeOne, types.IDValue(org), types.IDValue(who))
	if err != nil {
		return err
	}
	if n == 0 {
		return errUnknown
	}
	if err := o.done(tx, by, org, what+about(who, had)); err != nil {
		return err
	}
	return o.cfg.Sessions.LeaveOrg(ctx, tx, who, org)
}

// guard refuses to take the highest role from the last active member who has it. Of two owners who remove each other at the same
// time, one finds himself gone: transactions are serialised.
func (o *Organisations) guard(ctx context.Context, tx store.Tx, by *types.Caller, org, who types.ID, had string) error {
	if had != o.cfg.Roster.top() {
		return nil
	}
	n, err := number(ctx, tx, others, types.IDValue(org), types.TextValue(had), types.IDValue(who))
	if err != nil {
		return err
	}
	if n == 0 {
		return o.refused(tx, by, org, errLast)
	}
	return nil
}

// exists refuses an id that is no organisation's.
func (o *Organisations) exists(ctx context.Context, r store.Reader, org types.ID) error {
	found := false
	err := each(ctx, r, oneOrg, func(store.Rows) { found = true }, types.IDValue(org))
	if err == nil && !found {
		err = errUnknown
	}
	return err
}
