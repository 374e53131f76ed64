package edge

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// cookie reads one of our cookies by its short name.
func (x *exchange) cookie(name string) types.Secret {
	if x.r.Header["Cookie"] == nil {
		return types.Secret{}
	}
	c, err := x.r.Cookie(x.s.cookie + "-" + name)
	if err != nil {
		return types.Secret{}
	}
	return types.NewSecret(c.Value)
}

// cookieText is what rooms are given to read cookies with.
func (x *exchange) cookieText(name string) string { return x.cookie(name).Reveal() }

// identify finds the caller. Exactly one credential is taken; one that is not valid is refused and never taken for anonymous.
// Routes that replace credentials (sign-in, sign-up, recovery) ignore what is presented.
func (x *exchange) identify() error {
	x.caller = &types.Caller{Address: x.address, RequestID: x.id, Language: x.language()}
	if x.route != nil && x.route.Access.Ignore {
		return nil
	}
	var session []*http.Cookie
	for _, c := range x.r.Cookies() {
		if c.Name == x.s.cookie {
			session = append(session, c)
		}
	}
	header := x.r.Header["Authorization"]
	if len(session)+len(header) > 1 {
		return types.Refuse(types.Malformed, "two_credentials", "send one credential: the cookie or one Authorization header")
	}
	switch {
	case len(session) == 1:
		if !x.sameOrigin() {
			return errOrigin
		}
		x.token = types.NewSecret(session[0].Value)
	case len(header) == 1:
		scheme, token, ok := strings.Cut(header[0], " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
			return types.Refuse(types.Unauthenticated, "credential_invalid", "send Authorization: Bearer TOKEN")
		}
		x.token, x.bearer = types.NewSecret(token), true
	default:
		return nil
	}
	who, renewed, err := x.s.cfg.Who.Authenticate(context.WithoutCancel(x.r.Context()), x.token, x.bearer, x.address, x.id)
	if err != nil {
		return err
	}
	who.Language = x.caller.Language
	x.caller, x.renewed = who, renewed
	return nil
}

// slowBody is how long a body may be on its way before the caller is looked up once more. Those of honest clients come with the headers.
const slowBody = 10 * time.Millisecond

// identifyAgain looks the caller up once more when his body was long in coming: whoever holds a request open would else be let in by what
// he was before his session ended or his role was withdrawn.
func (x *exchange) identifyAgain() error {
	if x.token.Empty() || x.s.cfg.Clock.Now().Sub(x.begun) < slowBody {
		return nil
	}
	renewed := x.renewed
	if err := x.identify(); err != nil {
		return err
	}
	if x.renewed == nil {
		x.renewed = renewed
	}
	return x.checkAccess()
}

// language is what the request wants to read, if it says so in few words.
func (x *exchange) language() string {
	if l := x.r.Header.Get("Accept-Language"); len(l) <= 200 {
		return l
	}
	return ""
}

// presented is the token that authenticated the request. A route that ignores credentials gets the browser's session cookie, if it
// has exactly one, so that the session it replaces can end.
func (x *exchange) presented() types.Secret {
	if !x.route.Access.Ignore {
		return x.token
	}
	if c := x.r.CookiesNamed(x.s.cookie); len(c) == 1 && x.sameOrigin() {
		return types.NewSecret(c[0].Value)
	}
	return types.Secret{}
}

// setCookies carries out what the answer says about cookies: host-only, secure, out of reach of scripts.
func (x *exchange) setCookies(a *plan.Answer) {
	change := a.Session
	if change == nil && !x.bearer {
		change = x.renewed
	}
	if change != nil {
		x.setCookie(x.s.cookie, change.Token, change.MaxAge, http.SameSiteLaxMode)
	}
	for _, c := range a.Cookies {
		mode := http.SameSiteLaxMode
		if c.Strict {
			mode = http.SameSiteStrictMode
		}
		x.setCookie(x.s.cookie+"-"+c.Name, c.Value, c.MaxAge, mode)
	}
}

func (x *exchange) setCookie(name string, value types.Secret, age time.Duration, mode http.SameSite) {
	c := &http.Cookie{Name: name, Value: value.Reveal(), Path: "/", Secure: true, HttpOnly: true, SameSite: mode, MaxAge: int(age / time.Second)} // #nosec G124 -- mode is Lax or Strict at every caller
	if value.Empty() {
		c.MaxAge = -1
	}
	http.SetCookie(x, c)
}
