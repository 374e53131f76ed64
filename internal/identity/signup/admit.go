package signup

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Prepare judges what somebody who was invited says of himself and hashes his password, before any transaction.
func (l *Links) Prepare(ctx context.Context, email string, password types.Secret, profile json.RawMessage) (types.Secret, error) {
	if l.cfg.Mode == "closed" {
		return types.Secret{}, errMode
	}
	if err := l.cfg.Profiles.Check(profile); err != nil {
		return types.Secret{}, err
	}
	if err := l.judge(password, email, false); err != nil {
		return types.Secret{}, err
	}
	return l.cfg.Passwords.Hash(ctx, password)
}

// Admit makes the account of an address in the transaction that used up a letter to it, or opens the one that an operator made
// for it and nobody has used. An address whose owner has an account is refused: he signs in.
func (l *Links) Admit(ctx context.Context, tx store.Tx, email string, phc types.Secret, profile json.RawMessage, c signin.Client) (types.ID, error) {
	acc, err := l.cfg.Accounts.Find(ctx, tx, email)
	switch {
	case errors.Is(err, account.ErrNone):
		return l.newcomer(ctx, tx, email, phc, profile, c)
	case err != nil:
		return "", err
	case acc.State != account.Invited:
		return "", types.Refuse(types.Conflict, "account_exists", "the address has an account already; sign in with it and accept the invitation there")
	}
	if len(profile) > 0 {
		if err := l.cfg.Profiles.Set(ctx, tx, acc.ID, profile); err != nil {
			return "", err
		}
	}
	return acc.ID, l.activate(ctx, tx, acc, phc, true, c)
}

// Enter signs in, in the transaction that gave the account a password, the person who chose it. It asks for what the account owes beyond that.
// since was taken before the transaction began.
func (l *Links) Enter(ctx context.Context, tx store.Tx, id types.ID, c signin.Client, since session.Mark) (*signin.Step, error) {
	return l.cfg.Machine.Prove(ctx, tx, signin.Proof{Account: id, Factors: types.Password, Client: c, Since: since})
}
