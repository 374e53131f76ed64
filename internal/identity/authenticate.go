package identity

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Credential is what a request presented: exactly one token, and how it travelled.
type Credential struct {
	Token     types.Secret
	Bearer    bool // Authorization: Bearer; false: the cookie
	Address   netip.Addr
	RequestID types.ID
}

var errCredential = types.Refuse(types.Unauthenticated, "credential_invalid", "the session is over or the token is not valid; sign in again")

// Authenticate says who presents a credential. An error of kind Unauthenticated means that nobody does (the cookie must
// be cleared); any other error means that it could not be told. The SessionChange, when there is one, is a new token that
// the answer must carry as the session cookie. The caller is the request's own.
func (i *Identity) Authenticate(ctx context.Context, c Credential) (*types.Caller, *plan.SessionChange, error) {
	secret := c.Token.Reveal()
	by := session.Cookie
	if c.Bearer {
		by = session.Bearer
	}
	if c.Bearer && strings.HasPrefix(secret, token.Prefix) {
		who, err := i.tokens.Authenticate(ctx, secret)
		if errors.Is(err, token.ErrNone) {
			return nil, nil, errCredential
		}
		if err != nil {
			return nil, nil, err
		}
		who.Address, who.RequestID = c.Address, c.RequestID
		return who, nil, nil
	}
	found, err := i.sessions.Authenticate(ctx, secret, by)
	if errors.Is(err, session.ErrNone) {
		return nil, nil, errCredential
	}
	if err != nil {
		return nil, nil, err
	}
	who := &found.Caller
	who.Address, who.RequestID = c.Address, c.RequestID
	if found.Successor.Empty() {
		return who, nil, nil
	}
	return who, &plan.SessionChange{Token: found.Successor, MaxAge: found.MaxAge}, nil
}
