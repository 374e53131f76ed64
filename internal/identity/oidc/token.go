package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/jws"
	"github.com/fastness-dev/fastness/internal/plan/exact"
	"github.com/fastness-dev/fastness/internal/types"
)

// Bounds of an ID token's times.
const (
	slack    = 5 * time.Minute      // how far a provider's clock may be from ours
	validFor = 366 * 24 * time.Hour // what is said to be right for longer was not thought about
)

// person is who the provider says this is.
type person struct {
	subject  string
	email    string
	verified bool
	name     string
	proved   time.Time // when the person proved to the provider who they are (auth_time); zero: it does not say

	said   claims // what the ID token says of the address
	access string // the token of OAuth, to ask for what the ID token left out
}

// judge checks what the answer says before anything is done with its code: each parameter at most once, and the issuer
// that it names (RFC 9207), without which an answer of one provider could be taken for another's.
func judge(one *party, m *metadata, q url.Values) (code string, err error) {
	for _, name := range []string{"code", "state", "iss", "error"} {
		if len(q[name]) > 1 {
			return "", fail(Doubtful, errors.New(name+" stands twice"))
		}
	}
	if iss, named := q["iss"]; named && iss[0] != one.Issuer || m.names && !named {
		return "", fail(Doubtful, errors.New("the answer names another issuer, or none"))
	}
	switch e := q.Get("error"); {
	case e == "access_denied":
		return "", fail(Cancelled, nil)
	case e != "":
		return "", fail(Declined, errors.New(e))
	case q.Get("code") == "":
		return "", fail(Doubtful, errors.New("the answer has no code"))
	}
	return q.Get("code"), nil
}

// exchange turns a code into a person. What the provider gives for it is judged here and kept no longer than the
// request.
func (p *Providers) exchange(ctx context.Context, one *party, m *metadata, f *flow, code string) (*person, error) {
	form, header := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {one.redirect},
		"code_verifier": {f.Verifier}}, http.Header{}
	switch {
	case m.inHeader: // RFC 6749, section 2.3.1: both are encoded as in a form before they are joined
		r := http.Request{Header: header}
		r.SetBasicAuth(url.QueryEscape(one.ClientID), url.QueryEscape(one.Secret.Reveal()))
	default:
		form.Set("client_id", one.ClientID)
		if !one.Secret.Empty() {
			form.Set("client_secret", one.Secret.Reveal())
		}
	}
	var given struct {
		ID     string `json:"id_token"`
		Access string `json:"access_token"`
		Type   string `json:"token_type"`
	}
	if err := one.post(ctx, m.token, header, form, &given); err != nil {
		var no *refusal
		switch {
		case errors.As(err, &no) && no.status < 500:
			return nil, fail(Declined, err)
		case errors.Is(err, errUnreadable):
			return nil, fail(Doubtful, err)
		}
		return nil, fail(Away, err)
	}
	if given.ID == "" || given.Access == "" || !strings.EqualFold(given.Type, "Bearer") {
		return nil, fail(Doubtful, errors.New("there is no ID token, or no access token of the type Bearer"))
	}
	c, err := p.identify(ctx, one, m, f, given.ID, given.Access)
	if err != nil {
		return nil, fail(Doubtful, err)
	}
	who := &person{subject: c.Subject, name: c.Name, said: *c, access: given.Access}
	if c.Proved != nil && c.Proved.Unix() > 0 {
		who.proved = c.Proved.Time
	}
	return who, who.believe(claims{})
}

// identify reads an ID token and judges it (OpenID Connect Core 1.0, section 3.1.3.7). Everything is read exactly
// before the signature is looked at, and nothing is believed before it holds.
func (p *Providers) identify(ctx context.Context, one *party, m *metadata, f *flow, raw, access string) (*claims,
	error) {
	t, err := jws.Parse(raw)
	if err != nil {
		return nil, err
	}
	payload, err := one.verify(ctx, m, t)
	if err != nil {
		return nil, err
	}
	c := &claims{}
	if err := exact.Decode(payload, c); err != nil {
		return nil, err
	}
	if err := p.prove(one, f, c); err != nil {
		return nil, err
	}
	switch {
	case t.Type != "" && !strings.EqualFold(t.Type, "JWT"): // RFC 8725, section 3.11: made for something else
		return nil, errors.New("the token says that it is no ID token")
	case c.AccessHash != nil && subtle.ConstantTimeCompare([]byte(*c.AccessHash), []byte(t.HalfHash(access))) != 1:
		return nil, errors.New("the access token belongs to another ID token")
	}
	return c, nil
}

// prove checks the claims: from whom, for whom, for which sign-in, when.
func (p *Providers) prove(one *party, f *flow, c *claims) error {
	now, began := p.cfg.Clock.Now(), types.FromMicros(f.Began)
	switch {
	case c.Issuer != one.Issuer:
		return errors.New("the issuer is another")
	case !slices.Contains(c.Audience, one.ClientID):
		return errors.New("the audience is another")
	case subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(f.Nonce)) != 1:
		return errors.New("the nonce is another's")
	case c.Party != nil && *c.Party != one.ClientID:
		return errors.New("the authorised party is another")
	case c.Party == nil && slices.ContainsFunc(c.Audience, func(a string) bool { return a != one.ClientID }):
		return errors.New("there are other audiences and no authorised party")
	case c.Expires == nil || !now.Before(c.Expires.Time):
		return errors.New("it has expired, or nobody says when it does")
	case c.Issued == nil || c.Issued.After(now.Add(slack)):
		return errors.New("it was issued in the future, or nobody says when")
	case c.Issued.Before(began.Add(-slack)):
		return errors.New("it was issued before the sign-in began")
	case c.Expires.After(now.Add(validFor)) || !c.Issued.Before(c.Expires.Time):
		return errors.New("the times that it names make no sense")
	case c.NotBefore != nil && c.NotBefore.After(now.Add(slack)):
		return errors.New("it is not valid yet")
	case c.Subject == "" || len(c.Subject) > 255:
		return errors.New("the subject is empty or too long")
	}
	return nil
}

// complete asks the provider for the address, if the ID token did not have it or did not say whether it is verified.
// The answer must be about the same person (section 5.3.2).
func (p *Providers) complete(ctx context.Context, one *party, m *metadata, w *person) error {
	if w.said.Email != nil && w.said.Verified != nil || m.userinfo == "" {
		return nil
	}
	var info claims
	if err := one.get(ctx, m.userinfo, w.access, &info); err != nil {
		if errors.Is(err, errUnreadable) {
			return fail(Doubtful, err)
		}
		return fail(Away, err)
	}
	if info.Subject != w.subject {
		return fail(Doubtful, errors.New("what the provider says of the person is about another"))
	}
	if w.name == "" {
		w.name = info.Name
	}
	return w.believe(info)
}

// believe takes the address from the ID token and from what else the provider says of the person. It is verified if one
// of the two says so of an address that it names, and neither denies it; if both name one, it must be the same.
func (w *person) believe(more claims) error {
	w.email, w.verified = "", false
	denied := false
	for _, c := range []claims{w.said, more} {
		if c.Email != nil && *c.Email != "" {
			if w.email != "" && w.email != *c.Email {
				return fail(Doubtful, errors.New("the provider names two addresses"))
			}
			w.email = *c.Email
			w.verified = w.verified || c.Verified != nil && bool(*c.Verified)
		}
		denied = denied || c.Verified != nil && !bool(*c.Verified)
	}
	w.verified = w.verified && !denied
	return nil
}
