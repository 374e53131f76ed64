package signup

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Recover sends a link to choose a new password, if the address has an active account. Nil says nothing else.
func (l *Links) Recover(ctx context.Context, email string, c signin.Client) error {
	began := l.cfg.Clock.Now()
	defer l.cfg.Machine.Floor(ctx, began)
	canonical, err := account.Canonical(email)
	if err != nil {
		return err
	}
	if err := l.cfg.Throttle.Take(ctx, throttle.Try{What: "recover", Key: l.cfg.Accounts.Key(canonical), Address: c.Address, Device: c.Device}); err != nil {
		return err
	}
	return l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, valid := link{kind: kindVoid, account: types.RandomID(), email: canonical, mailed: true}, l.cfg.Recover // of nobody, but no shorter
		acc, err := l.cfg.Accounts.Find(ctx, tx, canonical)
		if err != nil && !errors.Is(err, account.ErrNone) {
			return err
		}
		reach := err == nil && recoverable(acc)
		e := types.NewEntry(types.Recover, types.Refused, clientCaller(c), began)
		e.Collection, e.Code = "accounts", "asked"
		if reach {
			n.kind, n.account, n.email, n.epoch = kindRecover, acc.ID, acc.Email, acc.Epoch
			e.Row, e.Outcome = acc.ID, types.Done
		}
		where, err := l.mint(ctx, tx, n, valid)
		if err != nil {
			return err
		}
		if err := tx.Record(e); err != nil {
			return err
		}
		m := Mail{To: canonical, Letter: LetterNone, Link: where, Valid: valid, Language: c.Language}
		if reach {
			m = Mail{To: acc.Email, Letter: LetterRecover, Link: where, Valid: valid, Account: acc.ID, Language: c.Language}
		}
		return l.cfg.Outbox.Add(ctx, tx, m)
	})
}

// recoverable reports whether a letter may open the account: also one that waits to be invited again after it was closed, if mail to its
// address was proved to reach its owner before.
func recoverable(acc *account.Account) bool {
	return acc.State == account.Active || acc.State == account.Locked || acc.State == account.Invited && acc.Verified
}

// ConfirmRecover uses a recovery link: the password is replaced, every session and every other link ends, the owner is
// told. It does not sign in: what the account has enrolled beyond the password is asked for at the next sign-in.
func (l *Links) ConfirmRecover(ctx context.Context, secret, password types.Secret, c signin.Client) error {
	var n *link
	var acc *account.Account
	if err := l.cfg.DB.View(ctx, func(r store.Reader) error {
		var err error
		if n, err = l.peek(ctx, r, secret, kindRecover); err != nil {
			return err
		}
		acc, err = l.cfg.Accounts.Get(ctx, r, n.account)
		return err
	}); err != nil {
		return err
	}
	if err := l.judge(password, acc.Email, acc.Second()); err != nil {
		return err
	}
	phc, err := l.cfg.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, acc, err := l.used(ctx, tx, secret, kindRecover, account.Active, account.Locked, account.Invited)
		if err != nil {
			return err
		}
		if !recoverable(acc) {
			return errLink
		}
		if acc.Email != n.email {
			return errLink
		}
		if acc.State != account.Active { // the owner proved that mail reaches him: this is how a lock is opened
			if err := l.cfg.Accounts.SetState(ctx, tx, acc.ID, account.Active); err != nil {
				return err
			}
		}
		e := types.NewEntry(types.Recover, types.Done, clientCaller(c), l.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", acc.ID, "password"
		if err := tx.Record(e); err != nil {
			return err
		}
		return l.replace(ctx, tx, acc, phc, "", c.Language)
	})
}

// replace sets a password, ends every session but one, kills pending links and tells the owner.
func (l *Links) replace(ctx context.Context, tx store.Tx, acc *account.Account, phc types.Secret, but types.ID, language string) error {
	if err := l.cfg.Accounts.SetPassword(ctx, tx, acc.ID, phc); err != nil {
		return err
	}
	if err := l.cfg.Machine.Renewed(ctx, tx, acc, false); err != nil {
		return err
	}
	if err := l.cfg.Sessions.RevokeAll(ctx, tx, acc.ID, but); err != nil {
		return err
	}
	if err := l.drop(ctx, tx, acc.ID); err != nil {
		return err
	}
	return l.tell(ctx, tx, acc, Mail{Letter: LetterPassword, Language: language})
}

var errUnchanged = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "choose another password",
	Fields: []types.FieldError{{Path: "new_password", Code: "unchanged", Detail: "this is the present password"}}}

// ChangePassword replaces the password of a session's account, who proves the present one. Every other session ends, the
// one that asked gets a new token, and its old one is refused from now on.
func (l *Links) ChangePassword(ctx context.Context, who *types.Caller, present, password types.Secret, c signin.Client) (*session.Started, error) {
	acc, err := l.cfg.Machine.CheckPassword(ctx, who, present, c)
	if err != nil {
		return nil, err
	}
	if norm.NFC.String(password.Reveal()) == norm.NFC.String(present.Reveal()) { // whoever changes it out of fear would be as unsafe as before, and not know
		return nil, errUnchanged
	}
	if err := l.judge(password, acc.Email, acc.Second()); err != nil {
		return nil, ofNew(err)
	}
	phc, err := l.cfg.Passwords.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	var started *session.Started
	err = l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		now, err := l.cfg.Accounts.Get(ctx, tx, acc.ID)
		if err != nil {
			return err
		}
		if now.Epoch != acc.Epoch { // changed by somebody else while the hashes ran
			return types.Refuse(types.Conflict, "changed_meanwhile", "the account changed meanwhile; sign in and try again")
		}
		if err := l.replace(ctx, tx, acc, phc, who.Session, c.Language); err != nil {
			return err
		}
		if err := tx.Record(types.NewEntry(types.PasswordSet, types.Done, who, l.cfg.Clock.Now())); err != nil {
			return err
		}
		if now, err = l.cfg.Accounts.Get(ctx, tx, acc.ID); err != nil {
			return err
		}
		fresh := l.cfg.Clock.Now()
		if now.Second() { // a password alone freshens no such session
			fresh = who.FreshAt
		}
		started, err = l.cfg.Sessions.Renew(ctx, tx, who.Session, session.Level{Factors: who.Factors | types.Password,
			FreshAt: fresh, Cause: true, Epoch: now.Epoch})
		return err
	})
	return started, err
}

// ofNew says of which of the two passwords a refusal is.
func ofNew(err error) error {
	var e *types.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	out := *e
	out.Fields = slices.Clone(e.Fields)
	for i := range out.Fields {
		out.Fields[i].Path = "new_" + out.Fields[i].Path
	}
	return &out
}

// ChangeEmail begins to move an account to another address: a link goes to the new one, a notice to the old one. The
// answer does not tell whether the new address has an account.
func (l *Links) ChangeEmail(ctx context.Context, who *types.Caller, email string) error {
	began := l.cfg.Clock.Now()
	defer l.cfg.Machine.Floor(ctx, began)
	canonical, err := account.Canonical(email)
	if err != nil {
		return err
	}
	if who.Kind != types.Signed || who.Session == "" {
		return types.Refuse(types.Forbidden, "session_required", "sign in to change the address")
	}
	for _, try := range []throttle.Try{{What: "email_to", Key: l.cfg.Accounts.Key(canonical), Address: who.Address}, {What: "email", Key: []byte(who.Account), Address: who.Address}} {
		if err := l.cfg.Throttle.Take(ctx, try); err != nil {
			return err
		}
	}
	return l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		acc, err := l.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		n := link{kind: kindEmail, account: acc.ID, email: canonical, mailed: true, epoch: acc.Epoch, by: session.BegunBy(who)}
		m := Mail{To: canonical, Letter: LetterEmailConfirm, Valid: l.cfg.Confirm, Account: acc.ID, Language: who.Language}
		switch owner, err := l.cfg.Accounts.Find(ctx, tx, canonical); {
		case err == nil:
			n.kind, m = kindVoid, Mail{To: owner.Email, Letter: LetterExists, Account: owner.ID, Valid: l.cfg.Confirm, Language: who.Language}
		case !errors.Is(err, account.ErrNone):
			return err
		}
		where, err := l.mint(ctx, tx, n, l.cfg.Confirm)
		if err != nil {
			return err
		}
		if n.kind == kindEmail {
			m.Link = where
		}
		if err := l.cfg.Outbox.Add(ctx, tx, m); err != nil {
			return err
		}
		if err := l.tell(ctx, tx, acc, Mail{Letter: LetterEmailNotice, Language: who.Language}); err != nil {
			return err
		}
		e := types.NewEntry(types.AccountEmail, types.Done, who, began)
		e.Collection, e.Row, e.Code = "accounts", acc.ID, "asked"
		return tx.Record(e)
	})
}

// ConfirmEmail uses the link that went to the new address. Pending links of the account die, but for those that lock it; the old
// address is told.
func (l *Links) ConfirmEmail(ctx context.Context, secret types.Secret, c signin.Client) error {
	return l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, acc, err := l.used(ctx, tx, secret, kindEmail, account.Active)
		if err != nil {
			return err
		}
		if err := l.cfg.Accounts.SetEmail(ctx, tx, acc.ID, n.email, true); errors.Is(err, account.ErrTaken) {
			return errLink
		} else if err != nil {
			return err
		}
		if err := l.drop(ctx, tx, acc.ID); err != nil {
			return err
		}
		if err := l.tell(ctx, tx, acc, Mail{Letter: LetterEmailMoved, Language: c.Language}); err != nil {
			return err
		}
		e := types.NewEntry(types.AccountEmail, types.Done, clientCaller(c), l.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", acc.ID, "changed"
		return tx.Record(e)
	})
}
