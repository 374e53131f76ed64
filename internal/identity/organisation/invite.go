package organisation

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Valid is how long an invitation may be used.
const Valid = 7 * 24 * time.Hour

// page is where the letter's link leads, on the configured host.
const page = "/account/organisation"

// Invitation is one that waits, as those see it who may invite.
type Invitation struct {
	ID      types.ID
	Email   string
	Role    string
	Expires time.Time
}

var (
	insertInvitation = store.SQL(`INSERT INTO fastness_organisation_invitation (hash, id, org, email, email_key, role, invited_by, created, expires,
		by_account, by_session, by_epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	replaceInvitation = store.SQL(`DELETE FROM fastness_organisation_invitation WHERE org = ? AND email_key = ?`)
	cancelInvitation  = store.SQL(`DELETE FROM fastness_organisation_invitation WHERE org = ? AND id = ?`)
	listInvitations   = store.SQL(`SELECT id, email, role, expires FROM fastness_organisation_invitation WHERE org = ? AND expires > ? AND ` + session.Holds + ` ORDER BY created, id`)
	countInvitations  = store.SQL(`SELECT count(*) FROM fastness_organisation_invitation WHERE org = ? AND expires > ? AND ` + session.Holds)
	sweepInvitations  = store.SQL(`DELETE FROM fastness_organisation_invitation WHERE expires <= ?`)
)

// Invite sends a letter with a link to an address, whether or not an account has it, and says nothing about that. An earlier
// invitation of the address to the organisation dies.
func (o *Organisations) Invite(ctx context.Context, by *types.Caller, org types.ID, email, role string) error {
	canonical, err := account.Canonical(email)
	if err != nil {
		return err
	}
	if o.cfg.Roster.rank(role) < 0 {
		return invalid("role", "unknown_role", "name a role within organisations")
	}
	if err := o.throttled(ctx, by, org, canonical); err != nil {
		return err
	}
	return o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		own, err := o.judge(ctx, tx, by, org, o.invites)
		if err != nil {
			return err
		}
		if !by.Unruled() && o.cfg.Roster.rank(role) < o.cfg.Roster.rank(own) {
			return o.refused(tx, by, org, errLack)
		}
		if err := o.exists(ctx, tx, org); err != nil {
			return err
		}
		if n, err := number(ctx, tx, countInvitations, types.IDValue(org), types.IntValue(types.Micros(o.cfg.Clock.Now()))); err != nil {
			return err
		} else if n >= MaxInvitations {
			return types.Refuse(types.Conflict, "too_many_invitations", "an organisation has at most 200 open invitations; cancel one first")
		}
		link, err := o.mint(ctx, tx, by, org, canonical, role)
		if err != nil {
			return err
		}
		m := signup.Mail{To: canonical, Letter: signup.LetterOrgInvite, Link: link, Valid: Valid, Language: by.Language}
		if m.Organisation, m.By, err = o.words(ctx, tx, by, org); err != nil {
			return err
		}
		if acc, err := o.cfg.Accounts.Find(ctx, tx, canonical); err == nil {
			m.To, m.Account = acc.Email, acc.ID
		} else if !errors.Is(err, account.ErrNone) {
			return err
		}
		if err := o.cfg.Outbox.Add(ctx, tx, m); err != nil {
			return err
		}
		return o.done(tx, by, org, "invited role:"+role)
	})
}

// words are what the letter says of who invites and whereto. Whoever sends it makes them harmless.
func (o *Organisations) words(ctx context.Context, tx store.Tx, by *types.Caller, org types.ID) (name, who string, err error) {
	if err := each(ctx, tx, oneOrg, func(rows store.Rows) { name = rows.Text(0) }, types.IDValue(org)); err != nil || by.Unruled() {
		return name, "an operator", err
	}
	acc, err := o.cfg.Accounts.Get(ctx, tx, by.Account)
	if err != nil {
		return "", "", err
	}
	return name, acc.Email, nil
}

// throttled counts the letter: by address, so that nobody is flooded, and by inviter, so that nobody is a mail server. Who may not
// invite is refused in the transaction and counts nothing: he must not use up what others may send.
func (o *Organisations) throttled(ctx context.Context, by *types.Caller, org types.ID, email string) error {
	if by.Unruled() {
		return nil
	}
	if err := needSession(by); err != nil {
		return err
	}
	may := func(role string) bool { return by.Roles.Has(o.cfg.Roster.set(role)) }
	if org != by.Org || !slices.ContainsFunc(o.cfg.Invite, may) {
		return nil
	}
	if err := o.cfg.Throttle.Take(ctx, throttle.Try{What: "org_invite", Key: o.cfg.Accounts.Key(email), Address: by.Address}); err != nil {
		return err
	}
	return o.cfg.Throttle.Take(ctx, throttle.Try{What: "org_inviter", Key: []byte(by.Account), Address: by.Address})
}

// mint stores an invitation and returns its address. The secret is stored as a hash, the mail address sealed.
func (o *Organisations) mint(ctx context.Context, tx store.Tx, by *types.Caller, org types.ID, email, role string) (types.Secret, error) {
	secret, id, now := types.Token(32), types.RandomID(), o.cfg.Clock.Now()
	sealed, err := o.cfg.Ring.Seal(nil, seal.Link, []byte(email), "fastness_organisation_invitation", string(id), "email")
	if err != nil {
		return types.Secret{}, err
	}
	key := types.BytesValue(o.cfg.Accounts.Key(email))
	if _, err := tx.Exec(ctx, replaceInvitation, types.IDValue(org), key); err != nil {
		return types.Secret{}, err
	}
	_, err = tx.Exec(ctx, insertInvitation, append([]types.Value{hashOf(secret), types.IDValue(id), types.IDValue(org), types.BytesValue(sealed), key,
		types.TextValue(role), types.IDValue(by.Account), types.IntValue(types.Micros(now)), types.IntValue(types.Micros(now.Add(Valid)))},
		session.BegunBy(by).Values()...)...)
	return types.NewSecret(o.cfg.Base + page + "?token=" + url.QueryEscape(secret)), err
}

func hashOf(secret string) types.Value {
	h := sha256.Sum256([]byte(secret))
	return types.BytesValue(h[:])
}

// Invitations lists what waits, oldest first, for those who may invite.
func (o *Organisations) Invitations(ctx context.Context, by *types.Caller, org types.ID) ([]Invitation, error) {
	var out []Invitation
	err := o.cfg.DB.Write(ctx, func(tx store.Tx) error { // a refusal is evidence
		out = nil
		if _, err := o.judge(ctx, tx, by, org, o.invites); err != nil {
			return err
		}
		var failed error
		err := each(ctx, tx, listInvitations, func(rows store.Rows) {
			plain, err := o.cfg.Ring.Open(nil, seal.Link, rows.Bytes(1), "fastness_organisation_invitation", rows.Text(0), "email")
			if err != nil {
				failed = err
			}
			out = append(out, Invitation{ID: types.ID(rows.Text(0)), Email: string(plain), Role: rows.Text(2), Expires: types.FromMicros(rows.Int(3))})
		}, types.IDValue(org), types.IntValue(types.Micros(o.cfg.Clock.Now())))
		return errors.Join(err, failed)
	})
	return out, err
}

// Cancel makes an invitation void.
func (o *Organisations) Cancel(ctx context.Context, by *types.Caller, org, invitation types.ID) error {
	return o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := o.judge(ctx, tx, by, org, o.invites); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, cancelInvitation, types.IDValue(org), types.IDValue(invitation))
		if err != nil {
			return err
		}
		if n == 0 {
			return errUnknown
		}
		return o.done(tx, by, org, "invitation cancelled")
	})
}

// Sweep deletes invitations that are over.
func (o *Organisations) Sweep(ctx context.Context) error {
	return o.cfg.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, sweepInvitations, types.IntValue(types.Micros(o.cfg.Clock.Now())))
		return err
	})
}
