package oidc

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/exact"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// AttemptCookie is the short name of the cookie that carries an attempt to the page that asks for the second factor.
const AttemptCookie = "attempt"

// Where a sign-in goes on, and where it is told why it did not.
const (
	factorPage = "/account/sign-in/factor"
	signInPage = "/account/sign-in"
	stepUpPage = "/account/step-up"
)

// maxBody bounds the one body there is: a path to return to.
const maxBody = 4 << 10

// Routes lists the endpoints under /auth/oidc; none when no provider is declared.
func (p *Providers) Routes() []plan.Route {
	if len(p.parties) == 0 {
		return nil
	}
	open := plan.Access{Public: "sign-in must be reachable", Ignore: true}
	own, fresh := plan.Access{SignedIn: true}, plan.Access{SignedIn: true, Fresh: 5 * time.Minute}
	text := func(n int) *plan.Schema { return &plan.Schema{Type: "string", MaxLength: n} }
	list := func(required []string, of map[string]*plan.Schema) *plan.Schema {
		return &plan.Schema{Type: "object", Closed: true, Required: []string{"items"}, Properties: map[string]*plan.Schema{"items": {Type: "array", MaxItems: 100,
			Items: &plan.Schema{Type: "object", Closed: true, Required: required, Properties: of}}}}
	}
	at := &plan.Schema{Type: "string", Format: "date-time", MaxLength: 40}
	return []plan.Route{
		{Name: "providers", Method: "GET", Path: "/auth/oidc", Summary: "the providers that one can sign in with", Access: open, Status: 200, Handle: p.list,
			Out: list([]string{"name", "label", "start"}, map[string]*plan.Schema{"name": text(32), "label": text(200), "start": text(100)})},
		{Name: "provider_links", Method: "GET", Path: "/auth/oidc/links", Summary: "the providers that my account is linked to", Access: own, Status: 200, Handle: p.links,
			Out: list([]string{"name", "label", "linked", "used"}, map[string]*plan.Schema{"name": text(32), "label": text(400), "linked": at, "used": at})},
		{Name: "provider_begin", Method: "GET", Path: "/auth/oidc/{provider}", Summary: "begin to sign in with a provider", Access: open, Status: 303, Page: true, Handle: p.start,
			Query: []plan.Param{{Name: "return", Summary: "a path of this service to come back to", Type: "string"}}},
		{Name: "provider_end", Method: "GET", Path: "/auth/oidc/{provider}/callback", Summary: "where a provider sends the browser back to", Access: open, Status: 303, Page: true, Handle: p.callback},
		{Name: "provider_link", Method: "POST", Path: "/auth/oidc/{provider}/link", Summary: "begin to link my account with a provider", Access: fresh, Status: 200, Page: true,
			MaxBody: maxBody, Handle: p.linkStart},
		{Name: "provider_step_up", Method: "POST", Path: "/auth/oidc/{provider}/step-up", Summary: "begin to prove oneself again with a provider that my account is linked to",
			Access: own, Status: 200, Page: true, MaxBody: maxBody, Handle: p.stepUpStart, Errors: []string{"factor_enrolled"}},
		{Name: "provider_unlink", Method: "DELETE", Path: "/auth/oidc/{provider}/link", Summary: "part my account from a provider; every other session ends", Access: fresh, Status: 200,
			Handle: p.unlinkRoute, Errors: []string{"last_way_in"}, Out: &plan.Schema{Type: "object", Closed: true, Required: []string{"status", "session", "expires"},
				Properties: map[string]*plan.Schema{"status": text(32), "session": text(26), "expires": at, "token": text(200)}}},
	}
}

// to sends a browser on.
func to(location string, cookies ...plan.Cookie) *plan.Answer {
	return &plan.Answer{Status: http.StatusSeeOther, Header: http.Header{"Location": {location}}, ContentType: "text/plain; charset=utf-8", Cookies: cookies}
}

func (p *Providers) list(context.Context, *plan.Request) (*plan.Answer, error) {
	return wire.Answer(http.StatusOK, map[string]any{"items": p.List()})
}

func (p *Providers) links(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var all []Linked
	if err := p.cfg.DB.View(ctx, func(rd store.Reader) (err error) {
		all, err = p.Links(ctx, rd, r.Caller.Account)
		return err
	}); err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": all})
}

func (p *Providers) start(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	one := p.party(r.Path("provider"))
	if one == nil {
		return nil, errUnknown
	}
	began, err := p.begin(ctx, one, signingIn, back(r.Query.Get("return")), r.Device, nil)
	if err != nil {
		return nil, err
	}
	return to(began.Location, began.Cookie), nil
}

func (p *Providers) linkStart(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.leave(ctx, r, p.Link)
}

func (p *Providers) stepUpStart(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.leave(ctx, r, p.StepUp)
}

// leave begins what a session ends, and takes {"return"} as JSON or as a form. A form is answered with a page that goes on by itself: the
// policy of our pages lets no form lead to another site, not even by a redirect.
func (p *Providers) leave(ctx context.Context, r *plan.Request, begin func(ctx context.Context, who *types.Caller, name, returnTo string) (*Began, error)) (*plan.Answer, error) {
	var in struct {
		Return string `json:"return"`
	}
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if form {
		values, err := url.ParseQuery(string(r.Body))
		if err != nil {
			return nil, types.Refuse(types.Malformed, "malformed", "the form cannot be read; send it again")
		}
		in.Return = values.Get("return")
	} else if exact.Closed(r.Body, &in) != nil {
		return nil, types.Refuse(types.Malformed, "malformed", "send {} or {\"return\": \"/path\"}")
	}
	began, err := begin(ctx, r.Caller, r.Path("provider"), in.Return)
	if err != nil {
		return nil, err
	}
	if !form {
		a, err := wire.Answer(http.StatusOK, map[string]string{"location": began.Location})
		if err == nil {
			a.Cookies = []plan.Cookie{began.Cookie}
		}
		return a, err
	}
	where := html.EscapeString(began.Location)
	return &plan.Answer{Status: http.StatusOK, ContentType: "text/html; charset=utf-8", Cookies: []plan.Cookie{began.Cookie},
		Body: fmt.Appendf(nil, `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=%s"><title>%[2]s</title><p><a href="%[1]s">%[2]s</a></p></html>`,
			where, html.EscapeString(p.party(r.Path("provider")).Label))}, nil
}

func (p *Providers) unlinkRoute(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	s, err := p.Unlink(ctx, r.Caller, r.Path("provider"))
	if err != nil {
		return nil, err
	}
	return p.cfg.Renewed("unlinked", s)
}

// callback ends what start or linkStart began. It always answers with a redirect to a page of ours: with a session, with the question
// for a second factor, or with a code of why not.
func (p *Providers) callback(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	one := p.party(r.Path("provider"))
	if one == nil {
		return nil, errUnknown
	}
	c := signin.Client{Address: r.Address, Device: r.Device, Label: session.Label(r.Header.Get("User-Agent")), RequestID: r.Caller.RequestID, Language: r.Caller.Language}
	f, err := p.resume(one, r.Cookie(cookie), r.Query.Get("state"))
	if err != nil {
		return p.failed(ctx, nil, c, err)
	}
	if c.Device.Empty() {
		c.Device = types.NewSecret(f.Device)
	}
	a, err := p.end(ctx, one, f, c, r)
	if err != nil {
		if a, err = p.failed(ctx, f, c, err); err != nil {
			return nil, err
		}
	}
	a.Cookies = append(a.Cookies, plan.Cookie{Name: cookie})
	return a, nil
}

func (p *Providers) end(ctx context.Context, one *party, f *flow, c signin.Client, r *plan.Request) (*plan.Answer, error) {
	m, err := one.metadata(ctx)
	if err != nil {
		return nil, fail(Away, err)
	}
	code, err := judge(one, m, r.Query)
	if err != nil {
		return nil, err
	}
	try := throttle.Try{What: "oidc", Key: []byte(f.State), Address: c.Address, Device: c.Device} // the network's lane counts; a state has one try
	if err := p.cfg.Throttle.Take(ctx, try); err != nil {
		return nil, err
	}
	if err := p.use(ctx, f); err != nil {
		return nil, err
	}
	w, err := p.exchange(ctx, one, m, f, code)
	if err != nil {
		return nil, err
	}
	var out *plan.Answer
	switch f.Purpose {
	case signingIn:
		out, err = p.entered(ctx, one, m, f, w, c, r)
	case linking:
		out, err = renewed(f)(p.attach(ctx, one, m, f, w, r))
	case steppingUp:
		out, err = renewed(f)(p.confirm(ctx, one, f, w, r))
	default:
		err = errBegin
	}
	if err != nil {
		return nil, err
	}
	return out, p.cfg.DB.Write(ctx, func(tx store.Tx) error { return p.cfg.Throttle.Right(ctx, tx, try) })
}

// renewed sends the browser to where it came from, with its session's new token.
func renewed(f *flow) func(s *session.Started, err error) (*plan.Answer, error) {
	return func(s *session.Started, err error) (*plan.Answer, error) {
		if err != nil {
			return nil, err
		}
		a := to(f.Return)
		a.Session = &plan.SessionChange{Token: s.Token, MaxAge: s.MaxAge}
		return a, nil
	}
}

func (p *Providers) entered(ctx context.Context, one *party, m *metadata, f *flow, w *person, c signin.Client, r *plan.Request) (*plan.Answer, error) {
	step, err := p.enter(ctx, one, m, w, c)
	if err != nil {
		return nil, err
	}
	if step.Session == nil {
		where := factorPage
		if f.Return != home {
			where += "?" + url.Values{"return": {f.Return}}.Encode()
		}
		return to(where, plan.Cookie{Name: AttemptCookie, Value: step.Attempt, MaxAge: step.Expires.Sub(p.cfg.Clock.Now())}), nil
	}
	a, err := p.cfg.Signed(ctx, r, step)
	if err != nil {
		return nil, err
	}
	on := to(f.Return, a.Cookies...)
	on.Session = a.Session
	return on, nil
}

// failed sends the browser to the page that says why, and leaves evidence, without waiting for it. Faults of ours stay faults.
func (p *Providers) failed(ctx context.Context, f *flow, c signin.Client, err error) (*plan.Answer, error) {
	why, ok := codeOf(err)
	if !ok {
		return nil, err
	}
	if why.why != nil {
		p.cfg.Log.Warn("a sign-in with a provider failed", "request", string(c.RequestID), "code", string(why.code), "error", cause(why.why))
	}
	e := types.NewEntry(types.SignInFail, types.Refused, &types.Caller{Address: c.Address, RequestID: c.RequestID}, p.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = "accounts", why.account, "oidc:"+string(why.code)
	if f != nil && f.Purpose == steppingUp {
		e.Event, e.Row = types.StepUp, f.Account
	}
	if err := p.cfg.DB.WriteSoon(context.WithoutCancel(ctx), func(tx store.Tx) error { return tx.Record(e) }); err != nil {
		p.cfg.Log.Warn("the evidence of a failed sign-in was not recorded", "error", cause(err))
	}
	return to(told(f) + "error=" + string(why.code)), nil
}

// told is where a person is told why a flow failed: at the page of sign-in or of proving again, or where he began to link. It ends where a
// parameter may follow.
func told(f *flow) string {
	switch {
	case f != nil && f.Purpose == linking:
		where, _, _ := strings.Cut(f.Return, "?")
		return where + "?"
	case f != nil && f.Purpose == steppingUp && f.Return != home:
		return stepUpPage + "?" + url.Values{"return": {f.Return}}.Encode() + "&"
	case f != nil && f.Purpose == steppingUp:
		return stepUpPage + "?"
	}
	return signInPage + "?"
}
