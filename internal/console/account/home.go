package account

import (
	"context"
	"net/http"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/plan"
)

type homeData struct {
	Account        *account.Account
	Roles, Dormant []string
	Sessions       int
	Tokens         int
}

// home says how the account stands and what would make it safer.
func (p *Pages) home(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, "Your account", "/account/")
	if err != nil {
		return nil, err
	}
	d := homeData{Roles: p.id.Grants().Names(r.Caller.Roles), Dormant: p.id.Grants().Names(r.Caller.Dormant)}
	if d.Account, err = p.id.Self().Account(ctx, r.Caller); err != nil {
		return nil, err
	}
	live, err := p.id.Self().Sessions(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	tokens, err := p.id.Self().Tokens(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	d.Sessions, d.Tokens = len(live), len(tokens)
	v.Data = d
	return p.kit.Render(r, http.StatusOK, "home", v)
}
