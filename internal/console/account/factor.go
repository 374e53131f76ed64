package account

import (
	"context"
	"html/template"
	"net/http"
	"strings"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/identity/passkey"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type factorsData struct {
	Account  *account.Account
	Passkeys []passkey.Listed
	Linked   []oidc.Linked
	More     []oidc.Listed
}

// factors shows everything by which the person can prove who he is.
func (p *Pages) factors(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, "Sign-in and security", "/account/factors")
	if err != nil {
		return nil, err
	}
	var d factorsData
	if d.Account, err = p.id.Self().Account(ctx, r.Caller); err != nil {
		return nil, err
	}
	if d.Passkeys, err = p.id.Self().Passkeys(ctx, r.Caller); err != nil {
		return nil, err
	}
	if d.Linked, d.More, err = p.id.Providers().Mine(ctx, r.Caller); err != nil {
		return nil, err
	}
	v.Data, v.Errors = d, p.providerErrors(r)
	return p.kit.Render(r, http.StatusOK, "factors", v)
}

// ask is a page that asks before something is done.
type ask = page.Ask

func (p *Pages) ask(ctx context.Context, r *plan.Request, title string, d ask) (*plan.Answer, error) {
	return p.askAt(ctx, r, title, "/account/factors", d)
}

func (p *Pages) askAt(ctx context.Context, r *plan.Request, title, here string, d ask) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, title, here)
	if err != nil {
		return nil, err
	}
	if d.Back == "" {
		d.Back = "/account/factors"
	}
	v.Data = d
	return p.kit.Render(r, http.StatusOK, "ask", v)
}

func (p *Pages) showApp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.ask(ctx, r, "Add an authenticator app", ask{Action: "/account/factors/app", Button: "Continue",
		Text: "An authenticator app on your phone shows a new code every 30 seconds. You will scan a picture and type the first code. Any app that reads such pictures will do."})
}

func (p *Pages) beginApp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if _, err := p.id.Self().BeginApp(ctx, r.Caller); err != nil {
		return nil, err
	}
	return page.Redirect("/account/factors/app/confirm", ""), nil
}

type appData struct {
	QR     template.HTML
	Secret string
}

func (p *Pages) appView(ctx context.Context, r *plan.Request) (page.View, error) {
	v, err := p.mine(ctx, r, "Add an authenticator app", "/account/factors")
	if err != nil {
		return v, err
	}
	e, err := p.id.Self().PendingApp(ctx, r.Caller)
	if err != nil {
		return v, err
	}
	qr, err := page.QR(e.URI.Reveal(), p.kit.Text(p.kit.Language(r), "QR code for your authenticator app"))
	if err != nil {
		return v, err
	}
	v.Data = appData{QR: qr, Secret: page.Grouped(e.Secret.Reveal())}
	return v, nil
}

func (p *Pages) showAppCode(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.appView(ctx, r)
	if types.CodeOf(err) == "no_enrolment" {
		return page.Redirect("/account/factors/app", ""), nil
	}
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "app", v)
}

func (p *Pages) confirmApp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	s, err := p.id.Self().ConfirmApp(ctx, r.Caller, strings.Join(strings.Fields(form.Get("code")), ""))
	if err == nil {
		return renewed("/account/factors", "app_added", s), nil
	}
	if types.CodeOf(err) != "factor_refused" {
		return nil, err
	}
	if p.stale(r) { // the picture is not shown to whoever finds the window open
		return page.Redirect("/account/factors/app/confirm", ""), nil
	}
	v, gone := p.appView(ctx, r)
	if gone != nil {
		return nil, gone
	}
	return p.kit.Again(r, "app", v, wrongCode(err, "totp"), nil)
}

// stale reports whether the caller's last proof is too old to be shown what a change shows.
func (p *Pages) stale(r *plan.Request) bool {
	return !r.Caller.Fresh(r.At, freshToSend)
}

func (p *Pages) showAppRemove(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.ask(ctx, r, "Remove the authenticator app?", ask{Action: "/account/factors/app/remove", Button: "Remove the app", Danger: true,
		Text: "Its codes will no longer be asked for or accepted. Every other session ends. If it is your last second factor, your recovery codes go with it."})
}

func (p *Pages) removeApp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	s, err := p.id.Self().RemoveApp(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	return renewed("/account/factors", "app_removed", s), nil
}

func (p *Pages) showCodes(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.ask(ctx, r, "Make new recovery codes?", ask{Action: "/account/factors/codes", Button: "Make ten codes",
		Text: "Recovery codes let you in when your phone or passkey is lost. Each works once. Codes that you made before stop working, and every other session ends."})
}

type codesData struct{ Codes []string }

// renewCodes tells the codes in the answer to the form itself: they are nowhere else to be read again.
func (p *Pages) renewCodes(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, "Your recovery codes", "/account/factors")
	if err != nil {
		return nil, err
	}
	codes, s, err := p.id.Self().RenewCodes(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	var d codesData
	for _, c := range codes {
		d.Codes = append(d.Codes, c.Reveal())
	}
	v.Self, v.Data = "", d
	a, err := p.kit.Render(r, http.StatusOK, "codes", v)
	if err != nil {
		return nil, err
	}
	a.Session = &plan.SessionChange{Token: s.Token, MaxAge: s.MaxAge}
	return a, nil
}
