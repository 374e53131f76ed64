package account

import (
	"context"
	"net/http"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// stepUpView asks for any factor that the account could prove: not for the password where there is a second one.
func (p *Pages) stepUpView(ctx context.Context, r *plan.Request, onward string) (page.View, error) {
	acc, err := p.id.Self().Account(ctx, r.Caller)
	if err != nil {
		return page.View{}, err
	}
	d := factorData{To: onward, App: acc.TOTP > 0, Codes: acc.Codes > 0, Password: !acc.PHC.Empty() && !acc.Second()}
	if acc.Passkeys > 0 {
		d.Passkey = &passkeyForm{Action: "/account/step-up", Options: "/auth/step-up/passkey/options", Ceremony: "get", Label: "Use a passkey", To: onward}
	}
	if d.Providers, err = p.id.Providers().Provers(ctx, r.Caller); err != nil {
		return page.View{}, err
	}
	return page.View{Title: "Is it still you?", Person: acc.Email, Self: page.With("/account/step-up", "return", onward), Scripts: d.Passkey != nil, Data: d}, nil
}

func (p *Pages) showStepUp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.stepUpView(ctx, r, page.Onward(r.Query.Get("return"), ""))
	if err != nil {
		return nil, err
	}
	v.Errors = p.providerErrors(r)
	return p.kit.Render(r, http.StatusOK, "step-up", v)
}

// stepUp proves a factor again and goes on with what was asked.
func (p *Pages) stepUp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	onward := page.Onward(form.Get("return"), "")
	var s *session.Started
	name := factorOf(form.Get("factor"), form.Get("response"))
	if name == "password" {
		s, err = p.id.Machine().StepUpPassword(ctx, r.Caller, types.NewSecret(form.Get("password")), client(r))
	} else {
		s, err = p.id.Machine().StepUpFactor(ctx, r.Caller, types.NewSecret(form.Get("attempt")), name, response(name, form), client(r))
	}
	if err == nil {
		return renewed(page.Onward(onward, "/account/"), "", s), nil
	}
	v, gone := p.stepUpView(ctx, r, onward)
	if gone != nil {
		return nil, gone
	}
	switch name {
	case "passkey":
		err = passkeyRefused(err)
	case "password":
		if types.CodeOf(err) == "factor_refused" {
			err = wrongPassword("password")
		}
	default:
		err = wrongCode(err, name)
	}
	return p.kit.Again(r, "step-up", v, err, nil)
}

// wrongPassword puts a refusal beside the input of the password.
func wrongPassword(field string) error {
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the password", Fields: []types.FieldError{{Path: field, Code: "wrong_password"}}}
}
