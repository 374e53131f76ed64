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

var errCredential = types.Refuse(types.Unauthenticated, "credential_invalid", "the session is over or the token is not valid; sign in again")

// Authenticate says who presents a token, as Authorization: Bearer or as the cookie. An error of kind Unauthenticated means that nobody does (the cookie must
// be cleared); any other error means that it could not be told. The SessionChange, when there is one, is a new token that
// the answer must carry as the session cookie. The caller is the request's own.
func (i *Identity) Authenticate(ctx context.Context, presented types.Secret, bearer bool, address netip.Addr, request types.ID) (*types.Caller, *plan.SessionChange, error) {
	secret := presented.Reveal()
	by := session.Cookie
	if bearer {
		by = session.Bearer
	}
	if bearer && strings.HasPrefix(secret, token.Prefix) {
		who, err := i.tokens.Authenticate(ctx, secret)
		if errors.Is(err, token.ErrNone) {
			return nil, nil, errCredential
		}
		if err != nil {
			return nil, nil, err
		}
		who.Address, who.RequestID = address, request
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
	who.Address, who.RequestID = address, request
	if found.Successor.Empty() {
		return who, nil, nil
	}
	return who, &plan.SessionChange{Token: found.Successor, MaxAge: found.MaxAge}, nil
}
