package account

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/console/field"
	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type mount = func(name, path string, access plan.Access, h handler)

// linkPage is a page that a link in a mail leads to.
type linkPage struct {
	name, path, title string
	use               func(ctx context.Context, r *plan.Request, secret types.Secret, form url.Values) error
	done, field       string // notice after it; the input for a new password, "" for none
}

func (p *Pages) linkPages() []linkPage {
	links := p.id.Links()
	return []linkPage{
		{name: "confirm", path: "/account/confirm", title: "Confirm your address", done: "confirmed",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, _ url.Values) error {
				_, err := links.ConfirmSignUp(ctx, secret, client(r))
				return err
			}},
		{name: "enrol", path: "/account/enrol", title: "Welcome", done: "enrolled", field: "password",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, form url.Values) error {
				profile, err := field.Of(form, p.enrolFields())
				if err != nil {
					return err
				}
				return links.Enrol(ctx, secret, types.NewSecret(form.Get("password")), profile, client(r))
			}},
		{name: "recover-confirm", path: "/account/recover/confirm", title: "Choose a new password", done: "password_new", field: "password",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, form url.Values) error {
				return links.ConfirmRecover(ctx, secret, types.NewSecret(form.Get("password")), client(r))
			}},
		{name: "email-confirm", path: "/account/email/confirm", title: "Confirm your new address", done: "email_changed",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, _ url.Values) error {
				return links.ConfirmEmail(ctx, secret, client(r))
			}},
		{name: "lock-confirm", path: "/account/lock/confirm", title: "Lock your account?", done: "locked",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, _ url.Values) error {
				return links.ConfirmLock(ctx, secret, client(r))
			}},
	}
}

// linkCookie carries a link's secret from its GET to its POST. It is Lax, since people come from their mail.
func linkCookie(l linkPage) string { return "link-" + l.name }

func (p *Pages) linkRoutes(get, post mount) {
	get("sign_up", "/account/sign-up", open, p.showSignUp)
	post("sign_up", "/account/sign-up", open, p.signUp)
	get("recover", "/account/recover", open, p.showRecover)
	post("recover", "/account/recover", open, p.recover)
	get("check_mail", "/account/check-mail", open, func(_ context.Context, r *plan.Request) (*plan.Answer, error) {
		return p.kit.Render(r, http.StatusOK, "check-mail", page.View{Title: "Look into your mail", Self: r.URL})
	})
	for _, l := range p.linkPages() {
		get(l.name, l.path, open, func(_ context.Context, r *plan.Request) (*plan.Answer, error) { return p.showLink(r, l) })
		post(l.name, l.path, open, func(ctx context.Context, r *plan.Request) (*plan.Answer, error) { return p.useLink(ctx, r, l) })
	}
}

type linkData struct {
	Action   string
	Name     string
	Ready    bool // a secret is there
	Password bool
	Hint     string
	Fields   []page.Input
}

func (p *Pages) linkView(r *plan.Request, l linkPage, ready bool) page.View {
	d := linkData{Action: l.path, Name: l.name, Ready: ready, Password: l.field != "", Hint: p.passwordHint(r, false)}
	if l.name == "enrol" {
		d.Fields = field.Inputs(p.enrolFields(), nil)
	}
	return page.View{Title: l.title, Self: l.path, Data: d, Values: map[string]string{}}
}

// showLink uses nothing up: it takes the secret out of the address, where it would stay in histories and logs, and shows the form.
func (p *Pages) showLink(r *plan.Request, l linkPage) (*plan.Answer, error) {
	if secret := r.Query.Get("token"); secret != "" && len(secret) <= page.MaxSecret {
		return p.kit.Bring(r, linkCookie(l), l.path, l.title, secret)
	}
	return p.kit.Render(r, http.StatusOK, "link", p.linkView(r, l, r.Cookie(linkCookie(l)) != ""))
}

func (p *Pages) useLink(ctx context.Context, r *plan.Request, l linkPage) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	if other := form.Get("token"); other != "" && len(other) <= page.MaxSecret {
		return page.Instead(linkCookie(l), l.path, other), nil
	}
	secret := types.NewSecret(r.Cookie(linkCookie(l)))
	if secret.Empty() {
		return p.kit.Again(r, "link", p.linkView(r, l, false), types.Refuse(types.Invalid, "link_over", "open the link once more"), nil)
	}
	if err := l.use(ctx, r, secret, form); err != nil {
		v := p.linkView(r, l, types.CodeOf(err) != "link_over")
		v.Values = page.Typed(form)
		return p.kit.Again(r, "link", v, err, field.Path)
	}
	a := page.Redirect("/account/sign-in", l.done)
	if l.name == "email-confirm" {
		a = page.Redirect("/account/factors", l.done)
	}
	a.Cookies = append(a.Cookies, plan.Cookie{Name: linkCookie(l)})
	return a, nil
}

// passwordHint says what a new password needs; mfa: the account has a second factor.
func (p *Pages) passwordHint(r *plan.Request, mfa bool) string {
	least := p.cfg.Plan.Decl.Password.Min
	if least == 0 {
		least = 15
	}
	if mfa {
		if least = p.cfg.Plan.Decl.Password.MinWithMFA; least == 0 {
			least = 8
		}
	}
	l := p.kit.Language(r)
	hint := p.kit.Text(l, "At least %s characters. A few words that do not belong together do well.", strconv.Itoa(least))
	var kinds []string
	for _, c := range p.cfg.Plan.Decl.Password.Compose {
		kinds = append(kinds, p.kit.Class(l, c))
	}
	if len(kinds) > 0 {
		hint += " " + p.kit.Text(l, "It must contain: %s.", strings.Join(kinds, ", "))
	}
	return hint
}

func (p *Pages) signUpView(r *plan.Request) page.View {
	return page.View{Title: "Create an account", Self: "/account/sign-up", Values: map[string]string{}, Data: linkData{Action: "/account/sign-up",
		Ready: p.cfg.Plan.Decl.SignUp.Mode == "open", Hint: p.passwordHint(r, false), Fields: field.Inputs(p.signUpFields(), nil)}}
}

func (p *Pages) showSignUp(_ context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.kit.Render(r, http.StatusOK, "sign-up", p.signUpView(r))
}

func (p *Pages) signUp(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	var profile json.RawMessage
	if profile, err = field.Of(form, p.signUpFields()); err == nil {
		err = p.id.Links().SignUp(ctx, form.Get("email"), types.NewSecret(form.Get("password")), profile, client(r))
	}
	if err != nil {
		v := p.signUpView(r)
		v.Values = page.Typed(form)
		return p.kit.Again(r, "sign-up", v, err, field.Path)
	}
	return page.Redirect("/account/check-mail", ""), nil
}

func (p *Pages) showRecover(_ context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.kit.Render(r, http.StatusOK, "recover", page.View{Title: "Recover your account", Self: "/account/recover"})
}

func (p *Pages) recover(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	if err := p.id.Links().Recover(ctx, form.Get("email"), client(r)); err != nil {
		return p.kit.Again(r, "recover", page.View{Title: "Recover your account", Self: "/account/recover", Values: page.Typed(form)}, err, nil)
	}
	return page.Redirect("/account/check-mail", ""), nil
}
