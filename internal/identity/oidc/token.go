package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// slack is how far a provider's clock may be ahead of ours.
const slack = 5 * time.Minute

// person is who the provider says this is.
type person struct {
	subject  string
	email    string
	verified bool
	name     string
	proved   time.Time     // when he proved to the provider who he is (auth_time); zero: it does not say
	access   *oauth2.Token // to ask for what the ID token left out
}

// judge checks what the answer says before anything is done with its code: each parameter at most once, and the issuer that it names
// (RFC 9207), without which an answer of one provider could be taken for another's.
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

// exchange turns a code into a person. What the provider gives for it is judged here and kept no longer than the request.
func (p *Providers) exchange(ctx context.Context, one *party, m *metadata, f *flow, code string) (*person, error) {
	token, err := m.oauth.Exchange(one.with(ctx), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.Response.StatusCode < 500 {
			return nil, fail(Declined, err)
		}
		return nil, fail(Away, err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, fail(Doubtful, errors.New("there is no ID token"))
	}
	id, err := m.verifier.Verify(one.with(ctx), raw)
	if err != nil {
		return nil, fail(Doubtful, err)
	}
	if err := p.prove(one, f, id, token); err != nil {
		return nil, fail(Doubtful, err)
	}
	who := &person{subject: id.Subject, proved: provedAt(id.Claims), access: token}
	return who, who.read(id.Claims)
}

// prove checks what the library leaves to its user (OpenID Connect Core 1.0, section 3.1.3.7).
func (p *Providers) prove(one *party, f *flow, id *oidc.IDToken, token *oauth2.Token) error {
	var claims struct {
		Party *string `json:"azp"`
	}
	if err := id.Claims(&claims); err != nil {
		return err
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1:
		return errors.New("the nonce is another's")
	case claims.Party != nil && *claims.Party != one.ClientID:
		return errors.New("the authorised party is another")
	case claims.Party == nil && slices.ContainsFunc(id.Audience, func(a string) bool { return a != one.ClientID }):
		return errors.New("there are other audiences and no authorised party")
	case id.IssuedAt.IsZero() || id.IssuedAt.After(p.cfg.Clock.Now().Add(slack)):
		return errors.New("it was issued in the future, or nobody says when")
	case id.Subject == "" || len(id.Subject) > 255:
		return errors.New("the subject is empty or too long")
	case id.AccessTokenHash != "":
		return id.VerifyAccessToken(token.AccessToken)
	}
	return nil
}

// provedAt reads auth_time (OpenID Connect Core 1.0, section 2), a number of seconds. Whatever else stands there says nothing.
func provedAt(claims func(any) error) time.Time {
	var c struct {
		At json.RawMessage `json:"auth_time"`
	}
	var seconds *float64
	if claims(&c) != nil || json.Unmarshal(c.At, &seconds) != nil || seconds == nil || *seconds <= 0 || *seconds > 1<<36 {
		return time.Time{}
	}
	return time.UnixMicro(int64(*seconds * 1e6)).UTC()
}

// read takes the claims about a person. Some providers write a verified address as text.
func (w *person) read(claims func(any) error) error {
	var c struct {
		Email    string          `json:"email"`
		Verified json.RawMessage `json:"email_verified"`
		Name     string          `json:"name"`
	}
	if err := claims(&c); err != nil {
		return fail(Doubtful, err)
	}
	w.email, w.name = c.Email, c.Name
	w.verified = string(c.Verified) == "true" || string(c.Verified) == `"true"`
	return nil
}

// complete asks the provider for the address, if the ID token did not have it. The answer must be about the same person (section 5.3.2).
func (p *Providers) complete(ctx context.Context, one *party, m *metadata, w *person) error {
	if w.email != "" || m.provider.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := m.provider.UserInfo(one.with(ctx), oauth2.StaticTokenSource(w.access))
	if err != nil {
		return fail(Away, err)
	}
	if info.Subject != w.subject {
		return fail(Doubtful, errors.New("what the provider says of the person is about another"))
	}
	return w.read(info.Claims)
}
