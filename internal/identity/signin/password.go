package signin

import (
	"context"
	"errors"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// MaxPassword bounds a presented password in bytes: hashing megabytes is a denial of service.
const MaxPassword = 1024

var errTooLong = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
	Fields: []types.FieldError{{Path: "password", Code: "too_long", Limit: "1024", Detail: "use at most 1024 bytes"}}}

// Password is the first step with an address and a password.
func (m *Machine) Password(ctx context.Context, email string, password types.Secret, c Client) (*Step, error) {
	if len(password.Reveal()) > MaxPassword {
		return nil, errTooLong
	}
	began := m.cfg.Clock.Now()
	step, err := m.password(ctx, email, password, c)
	if err != nil {
		m.floor(ctx, began)
	}
	return step, err
}

func (m *Machine) password(ctx context.Context, email string, password types.Secret, c Client) (*Step, error) {
	canonical, err := account.Canonical(email)
	if err != nil {
		canonical = "\x00" + email[:min(len(email), account.MaxAddress)] // no account can have it; counted and hashed all the same
	}
	try := throttle.Try{What: "sign_in", Key: m.cfg.Accounts.Key(canonical), Address: c.Address, Device: c.Device}
	if err := m.cfg.Throttle.Take(ctx, try); err != nil {
		return nil, err
	}
	acc, err := m.candidate(ctx, canonical)
	if err != nil {
		return nil, err
	}
	ok, stale, err := m.compare(ctx, try, acc, password)
	if err != nil {
		return nil, err
	}
	if !ok {
		var id types.ID
		if acc != nil {
			id = acc.ID
		}
		return nil, firstOf(m.refusal(ctx, c, id, "password"), errRefused)
	}
	var better types.Secret
	if stale {
		better, err = m.cfg.Passwords.Hash(ctx, password)
		if types.KindOf(err) == types.Unavailable { // the password was right: it is upgraded at the next sign-in
			stale, err = false, nil
		}
		if err != nil {
			return nil, err
		}
	}
	var step *Step
	since := m.cfg.Sessions.Mark()
	err = m.cfg.DB.Write(ctx, func(tx store.Tx) error {
		now, err := m.unchanged(ctx, tx, acc)
		if err != nil {
			return err
		}
		if stale {
			if err := m.cfg.Accounts.Rehash(ctx, tx, acc, better); err != nil {
				return err
			}
		}
		if err := m.cfg.Throttle.Right(ctx, tx, try); err != nil {
			return err
		}
		step, err = m.prove(ctx, tx, now, Proof{Account: acc.ID, Factors: types.Password, Client: c, Since: since})
		return err
	})
	return step, err
}

// candidate returns the account of the address, nil when there is none.
func (m *Machine) candidate(ctx context.Context, canonical string) (*account.Account, error) {
	var acc *account.Account
	err := m.cfg.DB.View(ctx, func(r store.Reader) error {
		var err error
		acc, err = m.cfg.Accounts.Find(ctx, r, canonical)
		return err
	})
	if errors.Is(err, account.ErrNone) {
		return nil, nil
	}
	return acc, err
}

// compare does one hash whatever the account: an absent one, one without a password or one that is not active gets the
// dummy, so that neither the time nor the answer tells.
func (m *Machine) compare(ctx context.Context, try throttle.Try, acc *account.Account, password types.Secret) (ok, stale bool, err error) {
	if acc == nil || acc.PHC.Empty() || acc.State != account.Active {
		err = m.cfg.Passwords.Dummy(ctx, password)
	} else {
		ok, stale, err = m.cfg.Passwords.Verify(ctx, password, acc.PHC)
	}
	if err = m.cfg.Throttle.Settle(ctx, try, err); err != nil {
		return false, false, err
	}
	return ok, stale, nil
}

// unchanged reads the account again, and refuses when its password, factors or state changed while its password was being hashed.
func (m *Machine) unchanged(ctx context.Context, tx store.Tx, acc *account.Account) (*account.Account, error) {
	now, err := m.cfg.Accounts.Get(ctx, tx, acc.ID)
	if err != nil {
		return nil, err
	}
	if now.Epoch != acc.Epoch || now.State != acc.State {
		return nil, errRefused
	}
	return now, nil
}
