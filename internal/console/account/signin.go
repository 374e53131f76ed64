package account

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// passkeyForm is the button of a ceremony; see asset/passkey.js.
type passkeyForm struct {
	Action, Options, Ceremony, Label, To, Look string
	Body                                       string // of the request for options; "" for none
	Named                                      any    // an input for a name; nil: none
}

type signInData struct {
	To        string
	Passkey   passkeyForm
	Providers []oidc.Listed
	SignUp    bool
}

func (p *Pages) signInView(onward string) page.View {
	d := signInData{To: onward, SignUp: p.cfg.Plan.Decl.SignUp.Mode == "open",
		Passkey: passkeyForm{Action: "/account/sign-in/passkey", Options: "/auth/sign-in/passkey/options", Ceremony: "get", Body: "{}", Label: "Sign in with a passkey", To: onward, Look: "secondary"}}
	for _, l := range p.id.Providers().List() {
		l.Start = page.With(l.Start, "return", onward)
		d.Providers = append(d.Providers, l)
	}
	return page.View{Title: "Sign in", Self: page.With("/account/sign-in", "return", onward), Scripts: true, Data: d}
}

func (p *Pages) showSignIn(_ context.Context, r *plan.Request) (*plan.Answer, error) {
	v := p.signInView(page.Onward(r.Query.Get("return"), ""))
	v.Errors = p.providerErrors(r)
	return p.kit.Render(r, http.StatusOK, "sign-in", v)
}

func (p *Pages) signIn(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	onward := page.Onward(form.Get("return"), "")
	step, err := p.id.Machine().Password(ctx, form.Get("email"), types.NewSecret(form.Get("password")), client(r))
	if err != nil {
		v := p.signInView(onward)
		v.Values = page.Typed(form)
		return p.kit.Again(r, "sign-in", v, err, nil)
	}
	return p.stepped(ctx, r, step, onward, "")
}

// signInPasskey ends a sign-in that began with a passkey, which names its account by itself.
func (p *Pages) signInPasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	onward := page.Onward(form.Get("return"), "")
	step, err := p.id.Machine().Factor(ctx, types.NewSecret(form.Get("attempt")), "passkey", json.RawMessage(form.Get("response")), client(r))
	if err != nil {
		return p.kit.Again(r, "sign-in", p.signInView(onward), passkeyRefused(err), nil)
	}
	return p.stepped(ctx, r, step, onward, "")
}

// passkeyRefused says of a passkey what a code's refusal does not.
func passkeyRefused(err error) error {
	if types.CodeOf(err) == "factor_refused" || types.CodeOf(err) == "attempt_over" {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "try again or choose another way", Fields: []types.FieldError{{Code: "wrong_passkey"}}}
	}
	return err
}

// stepped goes where a sign-in stands: on, or to the factor that is still owed. The attempt waits in a cookie that no other site's page
// can make the browser send.
func (p *Pages) stepped(ctx context.Context, r *plan.Request, step *signin.Step, onward, notice string) (*plan.Answer, error) {
	if step.Session == nil {
		a := page.Redirect(page.With(factorPath, "return", onward), "")
		a.Cookies = []plan.Cookie{{Name: oidc.AttemptCookie, Value: step.Attempt, MaxAge: step.Expires.Sub(p.cfg.Clock.Now()), Strict: true}}
		return a, nil
	}
	a, err := p.id.Stepped(ctx, r, step)
	if err != nil {
		return nil, err
	}
	on := page.Redirect(page.Onward(onward, "/account/"), notice)
	on.Session, on.Cookies = a.Session, slices.Concat(on.Cookies, a.Cookies, []plan.Cookie{{Name: oidc.AttemptCookie}})
	return on, nil
}

type factorData struct {
	To        string
	App       bool
	Codes     bool
	Passkey   *passkeyForm
	Password  bool          // of a step-up
	Providers []oidc.Linked // of a step-up
}

// factorView is the page that asks for one of the factors an attempt owes.
func (p *Pages) factorView(ctx context.Context, r *plan.Request, onward string) (page.View, error) {
	asked, err := p.id.Machine().Asked(ctx, types.NewSecret(r.Cookie(oidc.AttemptCookie)))
	if err != nil {
		return page.View{}, err
	}
	d := factorData{To: onward, App: slices.Contains(asked, "totp"), Codes: slices.Contains(asked, "recovery-code")}
	if slices.Contains(asked, "passkey") {
		d.Passkey = &passkeyForm{Action: factorPath, Options: factorPath + "/options", Ceremony: "get", Body: "{}", Label: "Use a passkey", To: onward}
		if d.App {
			d.Passkey.Look = "secondary"
		}
	}
	return page.View{Title: "One more step", Self: page.With(factorPath, "return", onward), Scripts: d.Passkey != nil, Data: d}, nil
}

func (p *Pages) showFactor(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	onward := page.Onward(r.Query.Get("return"), "")
	v, err := p.factorView(ctx, r, onward)
	if err != nil {
		return p.over(r, onward, err)
	}
	return p.kit.Render(r, http.StatusOK, "factor", v)
}

// over begins a sign-in again that took too long or was refused.
func (p *Pages) over(r *plan.Request, onward string, err error) (*plan.Answer, error) {
	if types.CodeOf(err) != "attempt_over" {
		return nil, err
	}
	a, err := p.kit.Again(r, "sign-in", p.signInView(onward), err, nil)
	if err == nil {
		a.Cookies = append(a.Cookies, plan.Cookie{Name: oidc.AttemptCookie})
	}
	return a, err
}

// response reads what a form says for a factor: a code, or what a passkey answered.
func response(name string, form url.Values) json.RawMessage {
	code := form.Get("code")
	switch name {
	case "passkey":
		return json.RawMessage(form.Get("response"))
	case "recovery-code":
		code = form.Get("recovery")
	}
	b, _ := json.Marshal(map[string]string{"code": strings.Join(strings.Fields(code), "")}) // a map of strings cannot fail
	return b
}

func factorOf(name, answer string) string {
	if answer != "" {
		return "passkey"
	}
	return name
}

func (p *Pages) factor(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	onward := page.Onward(form.Get("return"), "")
	name := factorOf(form.Get("factor"), form.Get("response"))
	step, err := p.id.Machine().Factor(ctx, types.NewSecret(r.Cookie(oidc.AttemptCookie)), name, response(name, form), client(r))
	if err == nil {
		return p.stepped(ctx, r, step, onward, "")
	}
	v, gone := p.factorView(ctx, r, onward)
	if gone != nil {
		return p.over(r, onward, gone)
	}
	if name == "passkey" {
		return p.kit.Again(r, "factor", v, passkeyRefused(err), nil)
	}
	return p.kit.Again(r, "factor", v, wrongCode(err, name), nil)
}

// wrongCode puts a refusal beside the input of the code.
func wrongCode(err error, name string) error {
	if types.CodeOf(err) != "factor_refused" {
		return err
	}
	field, code := "code", "wrong_code"
	if name == "recovery-code" {
		field, code = "recovery", "wrong_recovery_code"
	}
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the code", Fields: []types.FieldError{{Path: field, Code: code}}}
}

// factorOptions are what the browser needs to ask a passkey as the second step.
func (p *Pages) factorOptions(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	options, err := p.id.Machine().Challenge(ctx, types.NewSecret(r.Cookie(oidc.AttemptCookie)), "passkey")
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(map[string]any{"options": options})
	return &plan.Answer{Status: http.StatusOK, Body: b}, err
}

func (p *Pages) signOut(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if err := p.id.Self().SignOut(ctx, r.Caller); err != nil {
		return nil, err
	}
	a := page.Redirect("/account/sign-in", "signed_out")
	a.Session = &plan.SessionChange{}
	return a, nil
}

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
