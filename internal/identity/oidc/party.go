package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/jws"
	"github.com/fastness-dev/fastness/internal/types"
)

// How long a provider's description and keys are believed, and how long it is left alone after it could not be reached.
const (
	metadataAge = time.Hour
	retryAfter  = 5 * time.Second
)

// party is a provider with what it last said of itself.
type party struct {
	Provider
	clock    types.Clock
	redirect string
	client   doer // goes through the provider's door

	mu    sync.Mutex // held while the provider is asked, so that many who wait ask once
	known *metadata
	until time.Time // of known, or of failed
	away  error     // why it could not be asked
}

// doer is what of an HTTP client is used.
type doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// metadata is a provider's description (OpenID Connect Discovery 1.0), judged.
type metadata struct {
	authorize *url.URL
	token     string
	userinfo  string // "" when it has none
	jwks      string
	inHeader  bool // the client says who it is by HTTP's basic scheme
	names     bool // it says that it names itself in its answers (RFC 9207)

	mu   sync.Mutex // held while the keys are asked for
	keys *jws.Set   // nil: not asked for yet
}

// metadata returns the provider's description, asking for it when it is not known or too old. An error says why it is
// not to be had.
func (p *party) metadata(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if now.Before(p.until) {
		return p.known, p.away
	}
	p.known, p.away = p.discover(context.WithoutCancel(ctx))
	if p.until = now.Add(metadataAge); p.away != nil {
		p.until = now.Add(retryAfter)
	}
	return p.known, p.away
}

func (p *party) discover(ctx context.Context) (*metadata, error) {
	var said struct {
		Issuer    string   `json:"issuer"`
		Auth      string   `json:"authorization_endpoint"`
		Token     string   `json:"token_endpoint"`
		UserInfo  string   `json:"userinfo_endpoint"`
		JWKS      string   `json:"jwks_uri"`
		Challenge []string `json:"code_challenge_methods_supported"`
		Methods   []string `json:"token_endpoint_auth_methods_supported"`
		Names     bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.get(ctx, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration", "", &said); err != nil {
		return nil, err
	}
	if said.Issuer != p.Issuer {
		return nil, errors.New("oidc: the provider names itself otherwise than the declaration does: " + said.Issuer)
	}
	endpoints := []string{said.Auth, said.Token, said.JWKS}
	if said.UserInfo != "" {
		endpoints = append(endpoints, said.UserInfo)
	}
	for _, endpoint := range endpoints {
		if u, err := url.Parse(endpoint); err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, errors.New("oidc: the provider names an endpoint that is not an https URL")
		}
	}
	if len(said.Challenge) > 0 && !slices.Contains(said.Challenge, "S256") {
		return nil, errors.New("oidc: the provider takes no PKCE with S256")
	}
	m := &metadata{token: said.Token, userinfo: said.UserInfo, jwks: said.JWKS, names: said.Names}
	var err error
	if m.authorize, err = url.Parse(said.Auth); err != nil {
		return nil, err
	}
	m.inHeader, err = p.inHeader(said.Methods)
	return m, err
}

// inHeader is how the client says who it is at the token endpoint: in the header, or in the form. The first is what a
// provider takes that does not say (Discovery 1.0, section 3).
func (p *party) inHeader(methods []string) (bool, error) {
	switch {
	case p.Secret.Empty():
		return false, nil
	case len(methods) == 0 || slices.Contains(methods, "client_secret_basic"):
		return true, nil
	case slices.Contains(methods, "client_secret_post"):
		return false, nil
	}
	return false, errors.New("oidc: the provider takes neither client_secret_basic nor client_secret_post")
}

// verify returns the claims of a token if the provider has signed it. Keys are asked for when there are none, and once
// more when none of those that are known has signed: the provider may have changed them (OpenID Connect Core 1.0,
// section 10.1.1).
func (p *party) verify(ctx context.Context, m *metadata, t *jws.Token) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys != nil {
		if payload, err := t.Verify(m.keys); err == nil {
			return payload, nil
		}
	}
	text, err := p.read(ctx, http.MethodGet, m.jwks, nil, nil)
	if err != nil {
		return nil, err
	}
	set, err := jws.ParseSet(text)
	if err != nil {
		return nil, err
	}
	m.keys = set
	return t.Verify(set)
}
