package account

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/console/field"
	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type mount = func(name, path string, access plan.Access, h handler)

// linkPage is a page that a link in a mail leads to.
type linkPage struct {
	name, path, title string
	use               func(ctx context.Context, r *plan.Request, secret types.Secret, form url.Values, enter bool) (entered, error)
	done, field       string // notice after it; the input for a new password, "" for none
	asks, enrol       bool   // the page names the address, see signup.Links.Asks
}

// entered is where a link leads that came with a password.
type entered struct {
	step    *signin.Step // nil: nobody is signed in
	profile bool         // the person has not said who it is
}

func (p *Pages) linkPages() []linkPage {
	links := p.id.Links()
	return []linkPage{
		{name: "confirm", path: "/account/confirm", title: "Confirm your address", done: "confirmed", asks: true,
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, form url.Values, enter bool) (entered, error) {
				h := signup.Holder{Mark: types.NewSecret(r.Cookie(markCookie)), Password: types.NewSecret(form.Get("password")), Enter: enter}
				out, err := links.ConfirmSignUp(ctx, secret, h, client(r))
				if err != nil {
					return entered{}, err
				}
				return entered{out.Step, out.Anew && len(p.enrolFields()) > 0}, nil
			}},
		{name: "enrol", path: "/account/enrol", title: "Welcome", done: "enrolled", field: "password", asks: true, enrol: true,
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, form url.Values, enter bool) (entered, error) {
				profile, err := field.Of(form, p.enrolFields())
				if err != nil {
					return entered{}, err
				}
				step, err := links.Enrol(ctx, secret, types.NewSecret(form.Get("password")), profile, client(r), enter)
				return entered{step: step}, err
			}},
		{name: "recover-confirm", path: "/account/recover/confirm", title: "Choose a new password", done: "password_new", field: "password",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, form url.Values, _ bool) (entered, error) {
				return entered{}, links.ConfirmRecover(ctx, secret, types.NewSecret(form.Get("password")), client(r))
			}},
		{name: "email-confirm", path: "/account/email/confirm", title: "Confirm your new address", done: "email_changed",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, _ url.Values, _ bool) (entered, error) {
				return entered{}, links.ConfirmEmail(ctx, secret, client(r))
			}},
		{name: "lock-confirm", path: "/account/lock/confirm", title: "Lock your account?", done: "locked",
			use: func(ctx context.Context, r *plan.Request, secret types.Secret, _ url.Values, _ bool) (entered, error) {
				return entered{}, links.ConfirmLock(ctx, secret, client(r))
			}},
	}
}

// markCookie is in the browser that signed up, see signup.Holder. It is Lax, so that the page knows it that people come to from their mail.
const markCookie = "sign-up"

// markFor is how long a browser is known as the one that signed up: as long as the link.
const markFor = 24 * time.Hour

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
		get(l.name, l.path, open, func(ctx context.Context, r *plan.Request) (*plan.Answer, error) { return p.showLink(ctx, r, l) })
		post(l.name, l.path, open, func(ctx context.Context, r *plan.Request) (*plan.Answer, error) { return p.useLink(ctx, r, l) })
	}
}

type linkData struct {
	Action   string
	Name     string
	Ready    bool   // a secret is there
	Email    string // whose address it is about; "" where the page does not say
	Password bool
	Hint     string
	Fields   []page.Input
}

// linkView shows the form of a link, and where the link is about a new account, whose: a link that a stranger sent names another address.
func (p *Pages) linkView(ctx context.Context, r *plan.Request, l linkPage, ready bool) (page.View, error) {
	d := linkData{Action: l.path, Name: l.name, Ready: ready, Password: l.field != "", Hint: p.passwordHint(r, false)}
	if ready && l.asks {
		asked, err := p.id.Links().Asks(ctx, types.NewSecret(r.Cookie(linkCookie(l))), types.NewSecret(r.Cookie(markCookie)), l.enrol)
		if d.Ready = err == nil; err != nil && types.CodeOf(err) != "link_over" {
			return page.View{}, err
		}
		d.Email, d.Password = asked.Email, asked.Password
	}
	if l.enrol {
		d.Fields = field.Inputs(p.enrolFields(), nil)
	}
	return page.View{Title: l.title, Self: l.path, Data: d, Values: map[string]string{}}, nil
}

// showLink uses nothing up: it takes the secret out of the address, where it would stay in histories and logs, and shows the form.
func (p *Pages) showLink(ctx context.Context, r *plan.Request, l linkPage) (*plan.Answer, error) {
	if secret := r.Query.Get("token"); secret != "" && len(secret) <= page.MaxSecret {
		return p.kit.Bring(r, linkCookie(l), l.path, l.title, secret)
	}
	v, err := p.linkView(ctx, r, l, r.Cookie(linkCookie(l)) != "")
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "link", v)
}

// useLink uses a link. It signs in only where nobody is: a link must not change whose account a browser is in.
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
		return p.linkAgain(ctx, r, l, form, types.Refuse(types.Invalid, "link_over", "open the link once more"))
	}
	occupied, err := p.id.Occupied(ctx, r)
	if err != nil {
		return nil, err
	}
	in, err := l.use(ctx, r, secret, form, !occupied)
	if err != nil {
		return p.linkAgain(ctx, r, l, form, err)
	}
	a := page.Redirect("/account/sign-in", l.done)
	switch {
	case l.name == "email-confirm":
		a = page.Redirect("/account/factors", l.done)
	case in.step != nil:
		onward := ""
		if in.profile {
			onward = "/account/profile"
		}
		if a, err = p.stepped(ctx, r, in.step, onward, l.done+"_in"); err != nil {
			return nil, err
		}
	}
	a.Cookies = append(a.Cookies, plan.Cookie{Name: linkCookie(l)})
	if l.name == "confirm" {
		a.Cookies = append(a.Cookies, plan.Cookie{Name: markCookie})
	}
	return a, nil
}

func (p *Pages) linkAgain(ctx context.Context, r *plan.Request, l linkPage, form url.Values, err error) (*plan.Answer, error) {
	v, gone := p.linkView(ctx, r, l, r.Cookie(linkCookie(l)) != "" && types.CodeOf(err) != "link_over")
	if gone != nil {
		return nil, gone
	}
	v.Values = page.Typed(form)
	return p.kit.Again(r, "link", v, err, field.Path)
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
	var mark types.Secret
	if profile, err = field.Of(form, p.signUpFields()); err == nil {
		mark, err = p.id.Links().SignUp(ctx, form.Get("email"), types.NewSecret(form.Get("password")), profile, client(r))
	}
	if err != nil {
		v := p.signUpView(r)
		v.Values = page.Typed(form)
		return p.kit.Again(r, "sign-up", v, err, field.Path)
	}
	a := page.Redirect("/account/check-mail", "")
	a.Cookies = []plan.Cookie{{Name: markCookie, Value: mark, MaxAge: markFor}}
	return a, nil
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
