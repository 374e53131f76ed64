package identity

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// DeviceCookie is the short name of the cookie by which a browser keeps its own lane of the throttle.
const DeviceCookie = "device"

// deviceAge is how long a browser is remembered for the throttle.
const deviceAge = 400 * 24 * time.Hour

// maxBody bounds the bodies of this room: no answer to a sign-in needs more.
const maxBody = 32 << 10

// maxItems bounds the lists of this room.
const maxItems = 1000

// Routes lists the endpoints under /auth/.
func (i *Identity) Routes() []plan.Route {
	var out []plan.Route
	for _, group := range [][]plan.Route{i.signInRoutes(), i.signUpRoutes(), i.sessionRoutes(), i.factorRoutes(), i.passkeyRoutes(), i.tokenRoutes(), i.providers.Routes(), i.organisations.Routes(), i.deskRoutes()} {
		out = append(out, group...)
	}
	for n := range out {
		if out[n].MaxBody == 0 {
			out[n].MaxBody = maxBody
		}
		if a := out[n].Access; a.Public == "" && !a.Ignore && !ofItself[out[n].Name] {
			out[n].Handle = beyond(out[n].Handle)
		}
	}
	return out
}

// ofItself are the routes at which an API token that was narrowed to collections is told of itself alone, or ends.
var ofItself = map[string]bool{"session": true, "token_revoke": true}

var errScope = types.Refuse(types.Forbidden, "out_of_scope", "this token was issued for rows of some collections; use a token that is not narrowed, or a session")

// beyond refuses a narrowed API token: what its owner is, has and may is no collection that it was issued for.
func beyond(next func(context.Context, *plan.Request) (*plan.Answer, error)) func(context.Context, *plan.Request) (*plan.Answer, error) {
	return func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
		if r.Caller != nil && r.Caller.Scope != nil {
			return nil, errScope
		}
		return next(ctx, r)
	}
}

// Schemas of the bodies. Every string is bounded.
var (
	emailSchema    = &plan.Schema{Type: "string", MaxLength: 254, Summary: "e-mail address"}
	passwordSchema = &plan.Schema{Type: "string", MaxLength: signin.MaxPassword, MinLength: 1, Summary: "password"}
	tokenSchema    = &plan.Schema{Type: "string", MaxLength: 200, MinLength: 1, Summary: "secret of the link"}
	transport      = &plan.Schema{Type: "string", Enum: []string{"cookie", "bearer"}, Summary: "how the session's token travels; cookie unless it says bearer"}
	timeSchema     = &plan.Schema{Type: "string", Format: "date-time", MaxLength: 40}
	idSchema       = &plan.Schema{Type: "string", MaxLength: 26}
	namesSchema    = wire.List(wire.Text(64, "name"), maxItems)
	statusSchema   = wire.Object([]string{"status"}, map[string]*plan.Schema{"status": wire.Text(32, "what happened")})
)

// client gathers what a request says about who sends it.
func client(r *plan.Request, how string) signin.Client {
	c := signin.Client{Address: r.Address, Device: r.Device, Label: session.Label(r.Header.Get("User-Agent"))}
	if how == "bearer" {
		c.Transport = session.Bearer
	}
	if r.Caller != nil {
		c.RequestID, c.Language = r.Caller.RequestID, r.Caller.Language
	}
	return c
}

// stamp is a time on the wire.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// renewed answers with a session's new token: in the cookie, or in the body for bearer.
func (i *Identity) renewed(_ context.Context, status string, s *session.Started) (*plan.Answer, error) {
	return withBody(i.renewedBody(s, status))
}

// renewedBody is the answer that carries a session's new token, without its body, and that body.
func (i *Identity) renewedBody(s *session.Started, status string) (*plan.Answer, map[string]any) {
	body := map[string]any{"status": status, "session": s.ID, "expires": stamp(s.Expires)}
	if s.Transport == session.Bearer {
		body["token"] = s.Token.Reveal()
	}
	a := &plan.Answer{Status: http.StatusOK}
	if s.Transport == session.Cookie {
		a.Session = &plan.SessionChange{Token: s.Token, MaxAge: s.MaxAge}
	}
	return a, body
}

func withBody(a *plan.Answer, body map[string]any) (*plan.Answer, error) {
	var err error
	a.Body, err = json.Marshal(body)
	return a, err
}
