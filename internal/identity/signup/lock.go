package signup

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// tell sends the owner a notice, to the address that acc holds, with a link by which he locks the account if it was not him.
func (l *Links) tell(ctx context.Context, tx store.Tx, acc *account.Account, m Mail) error {
	where, err := l.mint(ctx, tx, link{kind: kindLock, account: acc.ID, email: acc.Email, mailed: true}, l.cfg.LockValid)
	if err != nil {
		return err
	}
	m.To, m.Account, m.Lock = acc.Email, acc.ID, where
	return l.cfg.Outbox.Add(ctx, tx, m)
}

// Notify tells the owner what the machine of sign-ins saw; see signin.Config.
func (l *Links) Notify(ctx context.Context, tx store.Tx, n signin.Notice) error {
	m := Mail{Letter: LetterSignIn, Device: n.Device, Factor: n.Factor, Language: n.Language}
	switch n.What {
	case types.SignInFail:
		m.Letter = LetterGuessed
	case types.FactorAdd:
		m.Letter = LetterFactorAdded
	case types.FactorRemove:
		m.Letter = LetterFactorRemoved
	}
	return l.tell(ctx, tx, n.Account, m)
}

// Moved ends every link of an account whose operator gives it another address, and tells the old one, acc's, if the account is active.
func (l *Links) Moved(ctx context.Context, tx store.Tx, acc *account.Account) error {
	if _, err := tx.Exec(ctx, dropAccount, types.IDValue(acc.ID)); err != nil || acc.State != account.Active {
		return err
	}
	return l.tell(ctx, tx, acc, Mail{Letter: LetterEmailMoved})
}

// Lock closes the caller's own account at once, for somebody who fears that another is in it: every session and link ends, the
// password is forgotten, and nobody gets in until a recovery link was used.
func (l *Links) Lock(ctx context.Context, who *types.Caller) error {
	if who.Kind != types.Signed || who.Session == "" {
		return types.Refuse(types.Forbidden, "session_required", "sign in to lock the account")
	}
	return l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		if err := session.Stands(ctx, tx, who); err != nil {
			return err
		}
		acc, err := l.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		return l.lock(ctx, tx, acc, account.Locked, who, time.Time{})
	})
}

// LockFor is Lock by an operator, for an owner who called him. Links that went to addresses which the account has left end as well: one of
// them may have gone to whoever moved it.
func (l *Links) LockFor(ctx context.Context, tx store.Tx, acc *account.Account, by *types.Caller) error {
	if _, err := tx.Exec(ctx, dropAccount, types.IDValue(acc.ID)); err != nil {
		return err
	}
	return l.lock(ctx, tx, acc, account.Locked, by, time.Time{})
}

// about is how long before its letter an act was begun, at most.
const about = time.Minute

// ConfirmLock uses the link of a notice: whoever reads the owner's mail says that it was not him. The account is locked as by Lock.
// If it has moved to another address since, a recovery link would go to whoever moved it: then it is disabled, and an operator
// has to look, even if he who moved it has locked it meanwhile. An account that is locked already is locked again: an older letter may tell of
// more. What the letter tells of is undone where it let somebody in, and so is what
// came after it: factors and links to providers. Factors from before stay, or whoever reads the mail would be past them.
func (l *Links) ConfirmLock(ctx context.Context, secret types.Secret, c signin.Client) error {
	return l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, acc, err := l.used(ctx, tx, secret, kindLock, account.Active, account.Locked)
		if err != nil {
			return err
		}
		to := account.Locked
		if acc.Email != n.email {
			to = account.Disabled
		}
		by := clientCaller(c)
		by.Language = c.Language
		return l.lock(ctx, tx, acc, to, by, n.expires.Add(-l.cfg.LockValid-about))
	})
}

// lock ends everything that the account allows, with the factors since a moment, and tells its owner how it is opened again.
func (l *Links) lock(ctx context.Context, tx store.Tx, acc *account.Account, to account.State, by *types.Caller, since time.Time) error {
	if err := l.cfg.Close(ctx, tx, acc.ID, since); err != nil {
		return err
	}
	if err := l.cfg.Accounts.SetState(ctx, tx, acc.ID, to); err != nil {
		return err
	}
	if err := l.cfg.Accounts.SetPassword(ctx, tx, acc.ID, types.Secret{}); err != nil { // he fears that somebody knows it, whoever opens the account
		return err
	}
	if err := l.cfg.Sessions.RevokeAll(ctx, tx, acc.ID, ""); err != nil {
		return err
	}
	if err := l.drop(ctx, tx, acc.ID); err != nil {
		return err
	}
	e := types.NewEntry(types.AccountState, types.Done, by, l.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = "accounts", acc.ID, string(to)
	if err := tx.Record(e); err != nil || to != account.Locked {
		return err
	}
	return l.cfg.Outbox.Add(ctx, tx, Mail{To: acc.Email, Letter: LetterLocked, Account: acc.ID, Language: by.Language})
}
