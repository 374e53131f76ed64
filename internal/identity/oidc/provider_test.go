package oidc_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"context"

	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/dial"
)

// provider is an OpenID provider with real signatures that tests can make lie. It is honest until it is told otherwise.
type provider struct {
	*httptest.Server
	t      *testing.T
	name   string
	issuer string
	clock  types.Clock

	mu       sync.Mutex
	grants   map[string]url.Values // by code: the request for authorisation that it answers
	codes    []string              // that came to the token endpoint
	asked    map[string]int        // requests by path
	people   map[string]map[string]any
	naive    bool                        // it does not look at PKCE
	describe func(map[string]any)        // changes the description
	claim    func(map[string]any)        // changes the claims of an ID token
	sign     func(claims []byte) string  // nil: RS256 with the provider's key
	keys     func(map[string]any)        // changes the key set
	handle   map[string]http.HandlerFunc // replaces endpoints, by path
}

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newProvider(t *testing.T, name string, clock types.Clock) *provider {
	t.Helper()
	p := &provider{t: t, name: name, clock: clock, grants: map[string]url.Values{}, asked: map[string]int{}, handle: map[string]http.HandlerFunc{},
		people: map[string]map[string]any{"ann": {"email": "Ann@Clinic.Example", "email_verified": true, "name": "Ann"}}}
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	_, port, _ := net.SplitHostPort(p.Listener.Addr().String())
	p.issuer = "https://example.com:" + port
	return p
}

// answers replaces an endpoint; nil brings the honest one back.
func (p *provider) answers(path string, h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handle[path] = h
}

// declared is the provider as the service knows it: a door to it alone, for which every name lies on loopback.
func (p *provider) declared(patience time.Duration) oidc.Provider {
	p.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(p.Certificate())
	door, err := dial.New(dial.Config{Hosts: []string{strings.TrimPrefix(p.issuer, "https://")}, Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots,
		MaxBody: 64 << 10, Timeout: patience, Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}})
	if err != nil {
		p.t.Fatal(err)
	}
	return oidc.Provider{Name: p.name, Issuer: p.issuer, ClientID: "fastness", Secret: types.NewSecret("a-secret"), Door: door}
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked[r.URL.Path]++
	other := p.handle[r.URL.Path]
	p.mu.Unlock()
	if other != nil {
		other(w, r)
		return
	}
	p.honest(w, r)
}

// honest answers as the provider does when no endpoint is replaced.
func (p *provider) honest(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		about := map[string]any{"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token", "jwks_uri": p.issuer + "/keys",
			"userinfo_endpoint": p.issuer + "/userinfo", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, "code_challenge_methods_supported": []string{"S256", "plain"}}
		if p.describe != nil {
			p.describe(about)
		}
		write(w, about)
	case "/keys":
		k := signingKey()
		set := map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "k1", "use": "sig", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}}}
		if p.keys != nil {
			p.keys(set)
		}
		write(w, set)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		write(w, map[string]any{"sub": strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer access-")})
	default:
		http.NotFound(w, r)
	}
}

// authorise plays the person who says yes at the provider: it gives what the browser is sent back with.
func (p *provider) authorise(location, subject string) url.Values {
	p.t.Helper()
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, p.issuer+"/authorize?") {
		p.t.Fatalf("not sent to %s but to %s", p.issuer, location)
	}
	q := u.Query()
	q.Set("subject", subject)
	if q.Get("max_age") != "" {
		q.Set("auth_time", strconv.FormatInt(p.clock.Now().Unix(), 10)) // he proves himself now
	}
	code := types.Token(16)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[code] = q
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	p.mu.Lock()
	code := r.PostForm.Get("code")
	p.codes = append(p.codes, code)
	asked, ok := p.grants[code]
	p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	proved := asked.Get("code_challenge_method") == "S256" && asked.Get("code_challenge") == b64(sum[:])
	if !ok || id != "fastness" || secret != "a-secret" || r.PostForm.Get("redirect_uri") != asked.Get("redirect_uri") || !proved && !p.naive {
		w.WriteHeader(http.StatusBadRequest)
		write(w, map[string]any{"error": "invalid_grant"})
		return
	}
	subject, now := asked.Get("subject"), p.clock.Now()
	claims := map[string]any{"iss": p.issuer, "sub": subject, "aud": "fastness", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nonce": asked.Get("nonce")}
	if at, err := strconv.ParseInt(asked.Get("auth_time"), 10, 64); err == nil {
		claims["auth_time"] = at
	}
	for name, v := range p.people[subject] {
		claims[name] = v
	}
	if p.claim != nil {
		p.claim(claims)
	}
	body, _ := json.Marshal(claims)
	sign := p.sign
	if sign == nil {
		sign = rs256
	}
	write(w, map[string]any{"access_token": "access-" + subject, "token_type": "Bearer", "expires_in": 60, "id_token": sign(body)})
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jws(header string, claims []byte, sign func([]byte) []byte) string {
	text := b64([]byte(header)) + "." + b64(claims)
	return text + "." + b64(sign([]byte(text)))
}

func rs256(claims []byte) string { return rsaSigned(signingKey(), claims) }

func rsaSigned(k *rsa.PrivateKey, claims []byte) string {
	return jws(`{"alg":"RS256","kid":"k1"}`, claims, pkcs1(k))
}

func pkcs1(k *rsa.PrivateKey) func([]byte) []byte {
	return func(text []byte) []byte {
		sum := sha256.Sum256(text)
		s, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return s
	}
}

func hs256(key []byte) func([]byte) string {
	return func(claims []byte) string {
		return jws(`{"alg":"HS256","kid":"k2"}`, claims, func(text []byte) []byte {
			m := hmac.New(sha256.New, key)
			m.Write(text)
			return m.Sum(nil)
		})
	}
}

func unsigned(claims []byte) string {
	return jws(`{"alg":"none"}`, claims, func([]byte) []byte { return nil })
}
