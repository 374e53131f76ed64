package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/types"
)

// cookie is the short name of the cookie that a sign-in begins with. It is Lax: the way back from the provider is a cross-site GET.
const cookie = "oidc"

// purpose is what a flow was begun for. It is sealed with the rest: what began as one thing does not end as another.
type purpose string

// The purposes.
const (
	signingIn  purpose = "sign_in"
	linking    purpose = "link"
	steppingUp purpose = "step_up"
)

// flow is what a sign-in began with. It lies sealed in the browser; nothing is stored here until it ends.
type flow struct {
	Provider string   `json:"p"`
	State    string   `json:"s"`
	Nonce    string   `json:"n"`
	Verifier string   `json:"v"` // of PKCE
	Return   string   `json:"r"` // a path of ours
	Began    int64    `json:"b"` // microseconds
	Until    int64    `json:"u"` // microseconds
	Purpose  purpose  `json:"w"`
	Session  types.ID `json:"l,omitempty"` // unless it is to sign in: the session that began it
	Account  types.ID `json:"a,omitempty"` // with Session: its account
	Epoch    int64    `json:"e,omitempty"` // with Session: its account's epoch then
	Device   string   `json:"d,omitempty"` // the device cookie, which is Strict and does not come along on the way back
}

// Began is where to send a browser, and the cookie that it must bring back.
type Began struct {
	Location string
	Cookie   plan.Cookie
}

// begin starts a flow. who is the one in whose session it is begun, and must end; nil when it is to sign in.
func (p *Providers) begin(ctx context.Context, one *party, why purpose, back string, device types.Secret, who *types.Caller) (*Began, error) {
	m, err := one.metadata(ctx)
	if err != nil {
		return nil, &types.Error{Kind: types.Unavailable, Code: "provider_away", RetryAfter: retryAfter, Err: fmt.Errorf("provider %s: %s", one.Name, cause(err)),
			Detail: "sign-in with " + one.Label + " is not possible at the moment; try again in a minute, or sign in another way"}
	}
	now := p.cfg.Clock.Now()
	f := flow{Provider: one.Name, State: types.Token(32), Nonce: types.Token(32), Verifier: types.Token(32), Return: back,
		Began: types.Micros(now), Until: types.Micros(now.Add(flowAge)), Purpose: why}
	if d := device.Reveal(); len(d) <= 200 {
		f.Device = d
	}
	if who != nil {
		f.Session, f.Account, f.Epoch = who.Session, who.Account, who.Epoch
	}
	plain, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	sealed, err := p.cfg.Ring.Seal(nil, seal.State, plain, "oidc")
	if err != nil {
		return nil, err
	}
	return &Began{Location: one.location(m, &f),
		Cookie: plan.Cookie{Name: cookie, Value: types.NewSecret(base64.RawURLEncoding.EncodeToString(sealed)), MaxAge: flowAge}}, nil
}

// location is where the browser is sent: the provider's endpoint with the request for authorisation (OpenID Connect Core 1.0, section
// 3.1.2.1) and the challenge whose proof only the verifier gives (RFC 7636, section 4).
func (p *party) location(m *metadata, f *flow) string {
	challenge := sha256.Sum256([]byte(f.Verifier))
	q := m.authorize.Query()
	for name, v := range map[string]string{"response_type": "code", "client_id": p.ClientID, "redirect_uri": p.redirect, "state": f.State, "nonce": f.Nonce,
		"scope": strings.Join(append([]string{"openid", "email", "profile"}, p.Scopes...), " "), "code_challenge_method": "S256",
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:])} {
		q.Set(name, v)
	}
	if f.Purpose == steppingUp {
		again(q)
	}
	u := *m.authorize
	u.RawQuery = q.Encode()
	return u.String()
}

// resume opens the flow that this browser began with this provider and whose state came back. errBegin for anything else.
func (p *Providers) resume(one *party, brought, state string) (*flow, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(brought)
	if err != nil {
		return nil, errBegin
	}
	plain, err := p.cfg.Ring.Open(nil, seal.State, sealed, "oidc")
	if err != nil {
		return nil, errBegin
	}
	f := &flow{}
	if json.Unmarshal(plain, f) != nil || f.Provider != one.Name || types.Micros(p.cfg.Clock.Now()) >= f.Until {
		return nil, errBegin
	}
	if subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1 {
		return nil, errBegin
	}
	return f, nil
}

// home is where a browser goes that did not say where it came from.
const home = "/account/"

// back is the path of ours that a browser wants to come back to; home when it is none. Only a path and a query in their one spelling:
// whatever a browser could read as another host would make this service a signpost for phishing.
func back(s string) string {
	if len(s) > 512 || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\#") {
		return home
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return home
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || path.Clean(u.Path) != u.Path && path.Clean(u.Path)+"/" != u.Path {
		return home
	}
	return s
}
