package signup

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// system is in whose name newcomers get their first roles.
func system(reason string) *types.Caller { return &types.Caller{Kind: types.System, Reason: reason} }

var (
	errMode   = types.Refuse(types.Forbidden, "sign_up_closed", "accounts are made by invitation here; ask an operator for one")
	errManage = types.Refuse(types.Forbidden, "not_allowed", "adding accounts takes a role that manages accounts; ask an operator")
	errAbove  = types.Refuse(types.Forbidden, "role_not_held", "the account holds roles that you have not in force yourself; ask somebody who has them")
	errTaken  = types.Refuse(types.Conflict, "account_exists", "the address has an account already; use users list to find it, and users enable first if its owner has lost every way in")
)

// SignUp begins an account: one hash, one pending link, one letter, whether or not the address has an account. No error means
// "look into your mail", and says nothing else. mark is for the browser that signed up, see Holder.
func (l *Links) SignUp(ctx context.Context, email string, password types.Secret, profile json.RawMessage, c signin.Client) (mark types.Secret, err error) {
	if l.cfg.Mode != "open" {
		return mark, errMode
	}
	began := l.cfg.Clock.Now()
	defer l.cfg.Machine.Floor(ctx, began)
	canonical, err := account.Canonical(email)
	if err != nil {
		return mark, err
	}
	if err := l.cfg.Profiles.Check(profile); err != nil {
		return mark, err
	}
	if err := l.judge(password, canonical, false); err != nil {
		return mark, err
	}
	try := throttle.Try{What: "sign_up", Key: l.cfg.Accounts.Key(canonical), Address: c.Address}
	if err := l.cfg.Throttle.Take(ctx, try); err != nil {
		return mark, err
	}
	phc, err := l.cfg.Passwords.Hash(ctx, password)
	if err = l.cfg.Throttle.Settle(ctx, try, err); err != nil {
		return mark, err
	}
	err = l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n := link{kind: kindSignUp, email: canonical, password: phc, profile: profile, mailed: true}
		m := Mail{To: canonical, Letter: LetterConfirm, Valid: l.cfg.Confirm, Language: c.Language}
		switch owner, err := l.cfg.Accounts.Find(ctx, tx, canonical); {
		case err == nil:
			n.kind, m = kindVoid, Mail{To: owner.Email, Letter: LetterExists, Account: owner.ID, Valid: l.cfg.Confirm, Language: c.Language}
		case !errors.Is(err, account.ErrNone):
			return err
		}
		n.id = types.RandomID()
		where, err := l.mint(ctx, tx, n, l.cfg.Confirm)
		if err != nil {
			return err
		}
		if mark, err = l.mark(n.id); err != nil {
			return err
		}
		if n.kind == kindSignUp {
			m.Link = where
		}
		return l.cfg.Outbox.Add(ctx, tx, m)
	})
	return mark, err
}

// judge applies the policy for passwords. The words of the address and the service's name must not carry it.
func (l *Links) judge(password types.Secret, email string, mfa bool) error {
	if len(password.Reveal()) > signin.MaxPassword {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
			Fields: []types.FieldError{{Path: "password", Code: "too_long", Limit: "1024", Detail: "use at most 1024 bytes"}}}
	}
	words := strings.FieldsFunc(email, func(r rune) bool { return strings.ContainsRune("@.+-_", r) })
	return l.cfg.Policy.Check(password, mfa, append(words, email, l.cfg.Service))
}

// newcomer makes the active account of an address that a letter has proved, with what newcomers get. Whatever else was pending
// for the address dies.
func (l *Links) newcomer(ctx context.Context, tx store.Tx, email string, phc types.Secret, profile json.RawMessage, c signin.Client) (types.ID, error) {
	id := types.NewID(l.cfg.Clock.Now())
	if profile == nil {
		profile = json.RawMessage("{}")
	}
	if err := l.cfg.Profiles.Create(ctx, tx, id, profile); err != nil {
		return "", err
	}
	if err := l.cfg.Accounts.Create(ctx, tx, account.Fresh{ID: id, State: account.Active, Email: email, Verified: true, PHC: phc}); err != nil {
		return "", err
	}
	for _, role := range l.cfg.Roles {
		if err := l.cfg.Grants.Add(ctx, tx, system("sign-up"), id, role, time.Time{}); err != nil {
			return "", err
		}
	}
	if _, err := tx.Exec(ctx, dropAddress, types.BytesValue(l.cfg.Accounts.Key(email))); err != nil {
		return "", err
	}
	e := types.NewEntry(types.SignUp, types.Done, clientCaller(c), l.cfg.Clock.Now())
	e.Collection, e.Row = "accounts", id
	return id, tx.Record(e)
}

func clientCaller(c signin.Client) *types.Caller {
	return &types.Caller{Address: c.Address, RequestID: c.RequestID}
}

// Add makes an account that waits for its owner, with roles, and returns the enrolment link. mail sends the link instead
// of leaving it to whoever asked, and makes it last longer. An account that still waits gets a new link in place of its
// old ones. by is judged: the operator, or somebody whose role manages accounts (and, for roles, roles). A role that
// takes two persons waits for the second.
func (l *Links) Add(ctx context.Context, by *types.Caller, email string, roles []string, mail bool) (types.ID, types.Secret, error) {
	canonical, err := account.Canonical(email)
	if err != nil {
		return "", types.Secret{}, err
	}
	var id types.ID
	var where types.Secret
	err = l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		now, err := l.cfg.Grants.Today(ctx, tx, by)
		if err != nil {
			return err
		}
		if !now.Unruled() && !l.cfg.Grants.Manages(now, "accounts") {
			return errManage
		}
		acc, err := l.waiting(ctx, tx, now, canonical)
		if err != nil {
			return err
		}
		id = acc.ID
		for _, role := range roles {
			if _, err := l.cfg.Grants.Give(ctx, tx, by, id, role, time.Time{}); err != nil {
				return err
			}
		}
		valid := l.cfg.Enrol
		if mail {
			valid = l.cfg.InviteValid
		}
		if where, err = l.mint(ctx, tx, link{kind: kindEnrol, account: id, email: canonical, mailed: mail, epoch: acc.Epoch, by: session.BegunBy(by)}, valid); err != nil || !mail {
			return err
		}
		return l.cfg.Outbox.Add(ctx, tx, Mail{To: canonical, Letter: LetterInvite, Link: where, Valid: valid, Account: id, Language: by.Language})
	})
	return id, where, err
}

// waiting returns the invited account of the address, made now if there is none; errTaken when it is somebody's already.
func (l *Links) waiting(ctx context.Context, tx store.Tx, by *types.Caller, email string) (*account.Account, error) {
	acc, err := l.cfg.Accounts.Find(ctx, tx, email)
	switch {
	case err == nil && acc.State != account.Invited:
		return nil, errTaken
	case err == nil:
		above, err := l.cfg.Above(ctx, tx, by, acc.ID)
		if err != nil {
			return nil, err
		}
		if above { // the new link would make him that somebody
			return nil, errAbove
		}
		_, err = tx.Exec(ctx, dropAccount, types.IDValue(acc.ID))
		return acc, err
	case !errors.Is(err, account.ErrNone):
		return nil, err
	}
	now := l.cfg.Clock.Now()
	id := types.NewID(now)
	if err := l.cfg.Profiles.Create(ctx, tx, id, nil); err != nil {
		return nil, err
	}
	if err := l.cfg.Accounts.Create(ctx, tx, account.Fresh{ID: id, State: account.Invited, Email: email}); err != nil {
		return nil, err
	}
	e := types.NewEntry(types.AccountState, types.Done, by, now)
	e.Collection, e.Row, e.Code = "accounts", id, string(account.Invited)
	if err := tx.Record(e); err != nil {
		return nil, err
	}
	return l.cfg.Accounts.Get(ctx, tx, id)
}

// Enrol uses an enrolment link: the owner sets a password (and profile fields, if any) and the account becomes active. With
// enter the owner is signed in by that password, or owes a factor that the account kept; without, the step is nil.
func (l *Links) Enrol(ctx context.Context, secret, password types.Secret, profile json.RawMessage, c signin.Client, enter bool) (*signin.Step, error) {
	var email string
	if err := l.cfg.DB.View(ctx, func(r store.Reader) error {
		n, err := l.peek(ctx, r, secret, kindEnrol)
		if err == nil {
			email = n.email
		}
		return err
	}); err != nil {
		return nil, err
	}
	if len(profile) > 0 {
		if err := l.cfg.Profiles.Check(profile); err != nil {
			return nil, err
		}
	}
	if err := l.judge(password, email, false); err != nil {
		return nil, err
	}
	phc, err := l.cfg.Passwords.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	var step *signin.Step
	since := l.cfg.Sessions.Mark()
	err = l.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, acc, err := l.used(ctx, tx, secret, kindEnrol, account.Invited)
		if err != nil {
			return err
		}
		if len(profile) > 0 {
			if err := l.cfg.Profiles.Set(ctx, tx, acc.ID, profile); err != nil {
				return err
			}
		}
		if err := l.activate(ctx, tx, acc, phc, n.mailed, c); err != nil || !enter {
			return err
		}
		step, err = l.Enter(ctx, tx, acc.ID, c, since)
		return err
	})
	return step, err
}

func (l *Links) activate(ctx context.Context, tx store.Tx, acc *account.Account, phc types.Secret, verified bool, c signin.Client) error {
	id := acc.ID
	if err := l.cfg.Accounts.SetPassword(ctx, tx, id, phc); err != nil {
		return err
	}
	if err := l.cfg.Machine.Renewed(ctx, tx, acc, false); err != nil {
		return err
	}
	if err := l.cfg.Accounts.SetState(ctx, tx, id, account.Active); err != nil {
		return err
	}
	if verified {
		if err := l.cfg.Accounts.SetVerified(ctx, tx, id); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, dropAccount, types.IDValue(id)); err != nil {
		return err
	}
	for _, ev := range []types.Event{types.AccountState, types.PasswordSet} {
		e := types.NewEntry(ev, types.Done, clientCaller(c), l.cfg.Clock.Now())
		e.Collection, e.Row, e.Code = "accounts", id, "enrolled"
		if err := tx.Record(e); err != nil {
			return err
		}
	}
	return nil
}
