package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/fastness-dev/fastness/internal/types"
)

// How long a provider's description and keys are believed, and how long it is left alone after it could not be reached.
const (
	metadataAge = time.Hour
	retryAfter  = 5 * time.Second
)

// signatures are the algorithms that an ID token may be signed with: asymmetric ones. A client's secret, or worse a public key taken
// for one, signs nothing here (RFC 8725, sections 2.1 and 3.1).
func signatures() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}
}

// party is a provider with what it last said of itself.
type party struct {
	Provider
	clock    types.Clock
	redirect string
	with     func(context.Context) context.Context // one under which the libraries speak through the provider's door

	mu    sync.Mutex // held while the provider is asked, so that many who wait ask once
	known *metadata
	until time.Time // of known, or of failed
	away  error     // why it could not be asked
}

// metadata is a provider's description (OpenID Connect Discovery 1.0), judged.
type metadata struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	names    bool // it says that it names itself in its answers (RFC 9207)
}

// metadata returns the provider's description, asking for it when it is not known or too old. An error says why it is not to be had.
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
	found, err := oidc.NewProvider(p.with(ctx), p.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		JWKS      string   `json:"jwks_uri"`
		Auth      string   `json:"authorization_endpoint"`
		Token     string   `json:"token_endpoint"`
		Challenge []string `json:"code_challenge_methods_supported"`
		Methods   []string `json:"token_endpoint_auth_methods_supported"`
		Names     bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, err
	}
	for _, endpoint := range []string{more.Auth, more.Token, more.JWKS} {
		if u, err := url.Parse(endpoint); err != nil || u.Scheme != "https" || u.Host == "" {
			return nil, errors.New("oidc: the provider names an endpoint that is not an https URL")
		}
	}
	if len(more.Challenge) > 0 && !slices.Contains(more.Challenge, "S256") {
		return nil, errors.New("oidc: the provider takes no PKCE with S256")
	}
	m := &metadata{provider: found, names: more.Names,
		verifier: found.Verifier(&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: signatures(), Now: p.clock.Now}),
		oauth: oauth2.Config{ClientID: p.ClientID, ClientSecret: p.Secret.Reveal(), RedirectURL: p.redirect, Endpoint: found.Endpoint(),
			Scopes: append([]string{oidc.ScopeOpenID, "email", "profile"}, p.Scopes...)}}
	if m.oauth.Endpoint.AuthStyle, err = p.style(more.Methods); err != nil {
		return nil, err
	}
	return m, nil
}

// style is how the client says who it is at the token endpoint; basic is what a provider takes that does not say (Discovery 1.0, section 3).
func (p *party) style(methods []string) (oauth2.AuthStyle, error) {
	switch {
	case p.Secret.Empty():
		return oauth2.AuthStyleInParams, nil
	case len(methods) == 0 || slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader, nil
	case slices.Contains(methods, "client_secret_post"):
		return oauth2.AuthStyleInParams, nil
	}
	return 0, errors.New("oidc: the provider takes neither client_secret_basic nor client_secret_post")
}

// cause makes an error fit for a log: libraries put whole answers of the provider into theirs.
func cause(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return fmt.Sprintf("the provider answers %s %s", refused.Response.Status, types.Printable(refused.ErrorCode))
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error())
	return text[:min(len(text), 300)]
}
