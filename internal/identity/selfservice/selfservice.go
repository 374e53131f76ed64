// Package selfservice is what a signed-in person does with what is his own: factors, sessions. The JSON interface under /auth/ and the
// pages under /account/ are two faces of it.
//
// Policy: the caller is a parameter of every method and acts on himself alone; another's session or passkey is one that does not exist.
// Every change of factors runs in one transaction with its evidence, ends every other session and gives the caller's a new token. That
// a factor was proved recently is demanded by the routes, which must say so.
//
// The map: selfservice.go (parts), factor.go (authenticator app, recovery codes), passkey.go, session.go.
package selfservice

import (
	"context"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/passkey"
	"github.com/fastness-dev/fastness/internal/identity/recovery"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/identity/totp"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Config is the parts; all required.
type Config struct {
	DB       store.DB // the feed's
	Clock    types.Clock
	Accounts *account.Accounts
	Sessions *session.Sessions
	Machine  *signin.Machine
	App      *totp.TOTP
	Passkeys *passkey.Passkeys
	Codes    *recovery.Codes
	Tokens   *token.Tokens
	// Federated reports whether the account is linked to an OpenID provider, which is a way in.
	Federated func(ctx context.Context, r store.Reader, id types.ID) (bool, error)
	// Distrust is signup.Links.Distrust.
	Distrust func(ctx context.Context, tx store.Tx, id, but types.ID) error
}

// Self is the room's self-service. It is safe for concurrent use.
type Self struct{ cfg Config }

// New returns self-service of the parts.
func New(cfg Config) *Self { return &Self{cfg} }

// Refusals that more than one part gives.
var (
	errLastWay  = types.Refuse(types.Conflict, "last_way_in", "this is the only way into the account; set a password or add a passkey first")
	errNotFound = types.Refuse(types.NotFound, "not_found", "there is no such thing, or it is not yours; list what you have first")
)

// Account returns the caller's own account.
func (s *Self) Account(ctx context.Context, who *types.Caller) (*account.Account, error) {
	var acc *account.Account
	err := s.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		acc, err = s.cfg.Accounts.Get(ctx, r, who.Account)
		return err
	})
	return acc, err
}

// changed runs a change of factors in one transaction.
func (s *Self) changed(ctx context.Context, fn func(store.Tx) (*session.Started, error)) (*session.Started, error) {
	var out *session.Started
	err := s.cfg.DB.Write(ctx, func(tx store.Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	return out, err
}

// forgetCodes forgets the recovery codes of an account that has no second factor left for them to stand for.
func (s *Self) forgetCodes(ctx context.Context, tx store.Tx, id types.ID) error {
	if err := s.cfg.Codes.Clear(ctx, tx, id); err != nil {
		return err
	}
	return s.cfg.Accounts.SetFactors(ctx, tx, id, types.RecoveryCode, 0)
}
