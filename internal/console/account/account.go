// Package account is the people's pages at /account/: signing in and out, making an account, and everything a person may do with his
// own: profile, password, factors, sessions, tokens. They are a second face of what /auth/ offers to programs, and call the same
// methods of the room identity.
//
// Policy: pages tell nobody more than the interface does. A link's GET never uses its secret up, since scanners of mail follow links: it
// moves the secret out of the address into a cookie and shows a form, whose POST uses it. What changes factors, address or tokens
// demands a factor proved within minutes: the page that offers the change demands it already, so that after the detour the person is
// where he wanted to be. A form is answered with 303, except where something is told once and nowhere else. Credentials other than the
// browser's session have no business here.
//
// The map: account.go (routes), signin.go (and step-up), link.go (what begins with a link), home.go, profile.go (with console/field), factor.go, passkey.go,
// provider.go, token.go, organisation.go (invitations; the rest is in console/membership), security.go (password, address, lock, sessions); template/ holds a file per page, de.txt the German.
package account

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/console/membership"
	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

//go:embed template/*.html
var templates embed.FS

//go:embed de.txt
var german string

// Config is the parts. They are required unless they say otherwise.
type Config struct {
	Plan     *plan.Plan
	Identity *identity.Identity
	Keep     *keep.Keep
	Clock    types.Clock
	// Page is what every page looks like. Links are added behind our own; Templates and German are ours.
	Page page.Config
}

// factorPath is where a sign-in goes on that still owes a factor: ours, and one by a provider (oidc.AttemptCookie carries either).
const factorPath = "/account/sign-in/factor"

// Pages is the pages. It is safe for concurrent use.
type Pages struct {
	cfg Config
	id  *identity.Identity
	kit *page.Kit

	members *membership.Pages
}

// New parses the pages.
func New(cfg Config) (*Pages, error) {
	if cfg.Plan == nil || cfg.Identity == nil || cfg.Keep == nil || cfg.Clock == nil {
		return nil, errors.New("account pages: new: a required part is missing")
	}
	cfg.Page.Clock, cfg.Page.Templates, cfg.Page.German = cfg.Clock, templates, german
	cfg.Page.Links = append([]page.Link{{Path: "/account/", Label: "Overview", Icon: "home"}, {Path: "/account/profile", Label: "Profile", Icon: "person"},
		{Path: "/account/factors", Label: "Security", Icon: "shield"}, {Path: "/account/sessions", Label: "Sessions", Icon: "device"},
		{Path: "/account/tokens", Label: "API tokens", Icon: "token"}}, cfg.Page.Links...)
	if cfg.Plan.Decl.Organisations != nil {
		cfg.Page.Links = slices.Insert(cfg.Page.Links, 2, page.Link{Path: organisations, Label: "Organisations", Icon: "group"})
	}
	kit, err := page.New(cfg.Page)
	p := &Pages{cfg: cfg, id: cfg.Identity, kit: kit}
	p.members = membership.New(membership.Config{Plan: cfg.Plan, Identity: cfg.Identity, Keep: cfg.Keep, Kit: kit, Mine: p.mine})
	return p, err
}

// Own reads a team's own pages and texts, see [page.LoadOwn].
func Own(folder, logo string) (*page.Own, error) {
	return page.LoadOwn(folder, templates, german, logo)
}

type handler = func(context.Context, *plan.Request) (*plan.Answer, error)

// How recently a factor must have been proved: to be shown the page of a change, and a little longer to send it.
const (
	freshToShow = 4 * time.Minute
	freshToSend = 5 * time.Minute
)

var (
	open = plan.Access{Public: "pages that lead to an account must be reachable", Ignore: true}
	own  = plan.Access{SignedIn: true}
	show = plan.Access{SignedIn: true, Fresh: freshToShow}
	send = plan.Access{SignedIn: true, Fresh: freshToSend}
)

// Routes lists the pages.
func (p *Pages) Routes() []plan.Route {
	out := p.kit.Routes()
	add := func(method, name, at string, access plan.Access, h handler) {
		if access.SignedIn {
			h = personal(h)
		}
		h = p.reading(h)
		problem := p.kit.Problem
		if method == "POST" && !slices.ContainsFunc(out, func(r plan.Route) bool { return r.Method == "GET" && r.Path == at }) {
			problem = func(r *plan.Request, status int, e *types.Error) *plan.Answer {
				r.URL = path.Dir(r.URL) // a detour comes back by GET: to the page that has the form
				return p.kit.Problem(r, status, e)
			}
		}
		out = append(out, plan.Route{Name: "page_" + name, Method: method, Path: at, Access: access, Page: true, MaxBody: 64 << 10,
			Status: http.StatusOK, Handle: h, Problem: problem})
	}
	get := func(name, path string, access plan.Access, h handler) { add("GET", name, path, access, h) }
	post := func(name, path string, access plan.Access, h handler) { add("POST", name+"_send", path, access, h) }
	get("root", "/{$}", open, to("/account/"))
	get("account", "/account", open, to("/account/"))
	get("home", "/account/{$}", own, p.home)
	get("unknown", "/account/{rest...}", own, p.unknown)
	get("sign_in", "/account/sign-in", open, p.showSignIn)
	post("sign_in", "/account/sign-in", open, p.signIn)
	post("sign_in_passkey", "/account/sign-in/passkey", open, p.signInPasskey)
	get("sign_in_factor", factorPath, open, p.showFactor)
	post("sign_in_factor", factorPath, open, p.factor)
	post("sign_in_options", factorPath+"/options", open, p.factorOptions)
	post("sign_out", "/account/sign-out", own, p.signOut)
	get("step_up", "/account/step-up", own, p.showStepUp)
	post("step_up", "/account/step-up", own, p.stepUp)
	p.linkRoutes(get, post)
	if p.cfg.Plan.Decl.Organisations != nil {
		p.organisationRoutes(get, post)
	}
	get("profile", "/account/profile", own, p.showProfile)
	post("profile", "/account/profile", own, p.saveProfile)
	get("factors", "/account/factors", own, p.factors)
	get("app", "/account/factors/app", show, p.showApp)
	post("app", "/account/factors/app", send, p.beginApp)
	get("app_confirm", "/account/factors/app/confirm", show, p.showAppCode)
	post("app_confirm", "/account/factors/app/confirm", own, p.confirmApp)
	get("app_remove", "/account/factors/app/remove", show, p.showAppRemove)
	post("app_remove", "/account/factors/app/remove", send, p.removeApp)
	get("codes", "/account/factors/codes", show, p.showCodes)
	post("codes", "/account/factors/codes", send, p.renewCodes)
	get("passkey_add", "/account/factors/passkeys/add", show, p.showPasskeyAdd)
	post("passkey_add", "/account/factors/passkeys/add", own, p.addPasskey)
	get("passkey_name", "/account/factors/passkeys/{id}", own, p.showPasskey)
	post("passkey_name", "/account/factors/passkeys/{id}", own, p.renamePasskey)
	get("passkey_remove", "/account/factors/passkeys/{id}/remove", show, p.showPasskeyRemove)
	post("passkey_remove", "/account/factors/passkeys/{id}/remove", send, p.removePasskey)
	get("provider_link", "/account/factors/providers/{name}", show, p.showProviderLink)
	get("provider_unlink", "/account/factors/providers/{name}/remove", show, p.showProviderUnlink)
	post("provider_unlink", "/account/factors/providers/{name}/remove", send, p.unlinkProvider)
	get("sessions", "/account/sessions", own, p.sessions)
	post("session_end", "/account/sessions/end", own, p.endSession)
	post("sessions_end", "/account/sessions/end-others", own, p.endOthers)
	get("tokens", "/account/tokens", own, p.tokens)
	get("token_new", "/account/tokens/new", show, p.showTokenNew)
	post("token_new", "/account/tokens/new", send, p.issueToken)
	post("token_revoke", "/account/tokens/revoke", own, p.revokeToken)
	get("password", "/account/password", own, p.showPassword)
	post("password", "/account/password", own, p.changePassword)
	get("email", "/account/email", show, p.showEmail)
	post("email", "/account/email", send, p.changeEmail)
	get("lock", "/account/lock", own, p.showLock)
	post("lock", "/account/lock", own, p.lock)
	return out
}

// reading makes letters that a page causes come in the language in which the page is read.
func (p *Pages) reading(h handler) handler {
	return func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
		if r.Caller != nil {
			r.Caller.Language = p.kit.Language(r).String()
		}
		return h(ctx, r)
	}
}

func to(path string) handler {
	return func(context.Context, *plan.Request) (*plan.Answer, error) { return page.Redirect(path, ""), nil }
}

// personal lets only sessions of browsers in: a bearer token renewed here would be lost.
func personal(h handler) handler {
	return func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
		if r.Caller.Session == "" || r.Header.Get("Authorization") != "" {
			return nil, types.Refuse(types.Forbidden, "session_required", "pages are for browsers; programs use the interface under /auth/")
		}
		return h(ctx, r)
	}
}

func (p *Pages) unknown(context.Context, *plan.Request) (*plan.Answer, error) {
	return nil, types.Refuse(types.NotFound, "not_found", "there is nothing here; begin at /account/")
}

// client gathers what a request says about who sends it.
func client(r *plan.Request) signin.Client {
	return signin.Client{Address: r.Address, Device: r.Device, Label: session.Label(r.Header.Get("User-Agent")), RequestID: r.Caller.RequestID, Language: r.Caller.Language}
}

// mine begins the view of a page of a signed-in person.
func (p *Pages) mine(ctx context.Context, r *plan.Request, title, here string) (page.View, error) {
	acc, err := p.id.Self().Account(ctx, r.Caller)
	if err != nil {
		return page.View{}, err
	}
	return page.View{Title: title, Here: here, Person: acc.Email, Self: r.URL, Values: map[string]string{}}, nil
}

// renewed redirects with the session's new token.
func renewed(path, notice string, s *session.Started) *plan.Answer {
	a := page.Redirect(path, notice)
	a.Session = &plan.SessionChange{Token: s.Token, MaxAge: s.MaxAge}
	return a
}

// Adopt gives pages of other rooms, such as the beginning of a sign-in with a provider, the look of ours when they have to say no.
func (p *Pages) Adopt(routes []plan.Route) []plan.Route {
	for i := range routes {
		if routes[i].Page && routes[i].Problem == nil {
			routes[i].Problem = p.kit.Problem
		}
	}
	return routes
}
