package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/identity/signin"
)

// doubted changes what the provider says and demands that its proof is not accepted.
func doubted(t *testing.T, changes map[string]func(w *town, p *provider)) {
	t.Helper()
	each(t, nil, func(t *testing.T, w *town) {
		for name, change := range changes {
			w.club.claim, w.club.sign, w.club.keys = nil, nil, nil
			change(w, w.club)
			b := browser{}
			if where := w.enter(b, w.club, "ann"); where != "/account/sign-in?error=not_accepted" || !b[""].Empty() {
				t.Errorf("%s: ends at %s", name, where)
			}
		}
		if n := len(w.rows("SELECT id FROM fastness_account")); n != 0 {
			t.Errorf("%d accounts", n)
		}
	})
}

func set(name string, v any) func(*town, *provider) {
	return func(_ *town, p *provider) { p.claim = func(c map[string]any) { c[name] = v } }
}

func TestWrongIssuer(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"another": set("iss", "https://other.example"), "none": set("iss", nil),
		"a longer one": func(_ *town, p *provider) { p.claim = func(c map[string]any) { c["iss"] = p.issuer + "/" } }})
}

func TestWrongAudience(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"another": set("aud", "another client"), "none": set("aud", []string{}), "part": set("aud", "fast")})
}

// TestAuthorisedParty: a token that another client was given, in whose audience we are too, is not for us.
func TestAuthorisedParty(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"another": set("azp", "another client"), "empty": set("azp", ""), "no text": set("azp", 7),
		"missing": set("aud", []string{"fastness", "another client"})})
	each(t, nil, func(t *testing.T, w *town) {
		w.club.claim = func(c map[string]any) { c["aud"], c["azp"] = []string{"another client", "fastness"}, "fastness" }
		if where := w.enter(browser{}, w.club, "ann"); where != "/account/" {
			t.Errorf("ours ends at %s", where)
		}
	})
}

// TestNonce: a token that was made for another sign-in, with a code that a provider takes without looking at PKCE (code injection).
func TestNonce(t *testing.T) {
	doubted(t, map[string]func(*town, *provider){"another": set("nonce", "x"), "none": set("nonce", nil)})
	each(t, nil, func(t *testing.T, w *town) {
		w.club.naive = true
		thief, victim := browser{}, browser{}
		stolen := w.club.authorise(w.start(victim, w.club), "ann") // the victim's answer, read from his history
		q := w.club.authorise(w.start(thief, w.club), "eve")
		q.Set("code", stolen.Get("code"))
		w.refused(thief, w.back(thief, w.club, q), oidc.Doubtful)
	})
}

func TestTimes(t *testing.T) {
	at := func(name string, d time.Duration) func(*town, *provider) {
		return func(w *town, p *provider) {
			p.claim = func(c map[string]any) { c[name] = w.clock.Now().Add(d).Unix() }
		}
	}
	expired := func(w *town, p *provider) {
		p.claim = func(c map[string]any) {
			c["iat"], c["exp"] = w.clock.Now().Add(-time.Minute).Unix(), w.clock.Now().Add(-time.Second).Unix()
		}
	}
	doubted(t, map[string]func(*town, *provider){"expired": expired, "no expiry": set("exp", nil), "not yet": at("nbf", time.Hour),
		"from the future": at("iat", time.Hour), "nobody says when": set("iat", nil)})
}

// TestSignatures: no signature, the public key or the client's secret as a key of HMAC, a shared key that the provider publishes, another's
// key under the same name, a claim changed after signing.
func TestSignatures(t *testing.T) {
	public, err := x509.MarshalPKIXPublicKey(&signingKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(f func([]byte) string) func(*town, *provider) { return func(_ *town, p *provider) { p.sign = f } }
	shared := []byte("a key of 32 bytes, known to many")
	doubted(t, map[string]func(*town, *provider){"none": sign(unsigned), "public key": sign(hs256(public)), "secret": sign(hs256([]byte("a-secret"))),
		"another's key": sign(func(c []byte) string { return rsaSigned(other, c) }),
		"no token":      sign(func([]byte) string { return "" }),
		"changed": sign(func(c []byte) string {
			parts := strings.Split(rs256(c), ".")
			parts[1] = b64([]byte(strings.Replace(string(c), `"ann"`, `"eve"`, 1)))
			return strings.Join(parts, ".")
		}),
		"shared key": func(_ *town, p *provider) {
			p.sign = hs256(shared)
			p.keys = func(s map[string]any) {
				s["keys"] = []any{map[string]any{"kty": "oct", "kid": "k2", "alg": "HS256", "k": b64(shared)}}
			}
		}})
	eachPatient(t, time.Second, nil, func(t *testing.T, w *town) {
		for _, h := range []http.HandlerFunc{huge, slow} { // no keys, no proof
			w.club.answers("/keys", h)
			b := browser{}
			w.refused(b, w.enter(b, w.club, "ann"), oidc.Doubtful)
		}
	})
}

// TestStateWorksOnce: the whole answer comes a second time with the cookie that it belongs to, to a provider that takes its codes twice.
func TestStateWorksOnce(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := browser{}
		q := w.club.authorise(w.start(b, w.club), "ann")
		kept := b["oidc"]
		if where := w.back(b, w.club, q); where != "/account/" {
			t.Fatalf("ends at %s", where)
		}
		copied := browser{"oidc": kept}
		if where := w.back(copied, w.club, q); where != "/account/sign-in?error=begin_again" || !copied[""].Empty() {
			t.Errorf("a second time: ends at %s", where)
		}
	})
}

// TestStateOfAnotherBrowser: an attacker lets a victim's browser end the sign-in that the attacker began, so that the victim works in his
// account (login CSRF); with no cookie, with the cookie of another sign-in, and with one that was made up.
func TestStateOfAnotherBrowser(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		attacker := browser{}
		q := w.club.authorise(w.start(attacker, w.club), "ann")
		w.refused(browser{}, w.back(browser{}, w.club, q), oidc.Begin)
		victim := browser{}
		w.start(victim, w.club)
		w.refused(victim, w.back(victim, w.club, q), oidc.Begin)
		if victim["oidc"].Empty() {
			t.Error("the victim's own sign-in was ended")
		}
		if len(w.club.codes) != 0 {
			t.Error("the attacker's code went to the provider")
		}
		if got := w.evidence("session.refuse"); got != "oidc:begin_again oidc:begin_again" {
			t.Errorf("evidence %q", got)
		}
	})
}

func TestFlowsEnd(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := browser{}
		q := w.club.authorise(w.start(b, w.club), "ann")
		w.clock.Advance(10 * time.Minute)
		w.refused(b, w.back(b, w.club, q), oidc.Begin)
	})
}

// TestProofKey: the challenge goes with the request and the verifier with the code: a code that was stolen on its way to the browser and
// put into the thief's own sign-in (code injection) buys nothing.
func TestProofKey(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		thief, victim := browser{}, browser{}
		began := w.start(victim, w.club)
		if u, _ := url.Parse(began); u.Query().Get("code_challenge_method") != "S256" || len(u.Query().Get("code_challenge")) != 43 || u.Query().Get("response_type") != "code" {
			t.Errorf("begins with %s", began)
		}
		stolen := w.club.authorise(began, "ann")
		q := w.club.authorise(w.start(thief, w.club), "eve")
		q.Set("code", stolen.Get("code"))
		w.refused(thief, w.back(thief, w.club, q), oidc.Declined)
	})
}

// TestProofKeyIsNotTakenBack: a provider (or whoever rewrites its description) says that it takes no S256.
func TestProofKeyIsNotTakenBack(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.club.describe = func(d map[string]any) { d["code_challenge_methods_supported"] = []string{"plain"} }
		if r := w.do("GET", "/auth/oidc/club", browser{}, ""); r.code != "provider_away" {
			t.Errorf("%+v", r)
		}
	})
}

// TestMixUp: a person wants in through den, which is hostile and sends him on to club; club's answer comes back to where den said. The
// issuer in the answer gives it away before the code goes anywhere.
func TestMixUp(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := browser{}
		location := w.start(b, w.den)
		q := w.club.authorise(strings.Replace(location, w.den.issuer, w.club.issuer, 1), "ann")
		q.Set("iss", w.club.issuer)
		w.refused(b, w.back(b, w.den, q), oidc.Doubtful)
		if len(w.den.codes)+len(w.club.codes) != 0 {
			t.Error("the code was sent")
		}
		b = browser{}
		q = w.club.authorise(w.start(b, w.club), "ann")
		q["iss"] = []string{w.club.issuer, w.den.issuer}
		w.refused(b, w.back(b, w.club, q), oidc.Doubtful)
	})
}

// TestAnswersWithoutIssuer: a provider that says it names itself, and then does not.
func TestAnswersWithoutIssuer(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.club.describe = func(d map[string]any) { d["authorization_response_iss_parameter_supported"] = true }
		b := browser{}
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Doubtful)
		q := w.club.authorise(w.start(b, w.club), "ann")
		q.Set("iss", w.club.issuer)
		if where := w.back(b, w.club, q); where != "/account/" {
			t.Errorf("named, it ends at %s", where)
		}
	})
}

// TestFlowsStayWithTheirProvider: what began with one provider does not end at another's callback.
func TestFlowsStayWithTheirProvider(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		b := browser{}
		q := w.club.authorise(w.start(b, w.club), "ann")
		w.refused(b, w.back(b, w.den, q), oidc.Begin)
		if len(w.den.codes) != 0 {
			t.Error("the code was sent to the other")
		}
	})
}

// TestTokenEndpointThatPointsInside: the code and the client's secret are not carried to where a provider points.
func TestTokenEndpointThatPointsInside(t *testing.T) {
	inside := ""
	hidden := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = r.URL.Path }))
	defer hidden.Close()
	each(t, nil, func(t *testing.T, w *town) {
		for _, to := range []string{hidden.URL + "/admin", "http://169.254.169.254/latest/meta-data", w.den.issuer + "/token", w.club.issuer + "/userinfo"} {
			w.club.answers("/token", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, to, http.StatusTemporaryRedirect) })
			b := browser{}
			w.refused(b, w.enter(b, w.club, "ann"), oidc.Away)
		}
		if inside != "" || w.den.asked["/token"] != 0 || w.club.asked["/userinfo"] != 0 {
			t.Errorf("reached %q", inside)
		}
	})
}

// TestEndpointsElsewhere: a description that names endpoints without TLS, or on hosts that are not declared.
func TestEndpointsElsewhere(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		for name, where := range map[string]string{"jwks_uri": "http://example.com/keys", "token_endpoint": "ftp://example.com", "authorization_endpoint": "javascript:alert(1)", "issuer": "https://other.example"} {
			w.club.describe = func(d map[string]any) { d[name] = where }
			if r := w.do("GET", "/auth/oidc/club", browser{}, ""); r.code != "provider_away" {
				t.Errorf("%s %s: %+v", name, where, r)
			}
			w.clock.Advance(time.Minute)
		}
		w.club.describe = func(d map[string]any) { d["token_endpoint"] = w.den.issuer + "/token" }
		b := browser{}
		w.refused(b, w.enter(b, w.club, "ann"), oidc.Away)
		if w.den.asked["/token"] != 0 {
			t.Error("the code was sent to a host that is not declared")
		}
	})
}

// huge is an answer that goes on and on, slow one that never comes.
func huge(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	for range 1 << 12 {
		if _, err := rw.Write([]byte(strings.Repeat(" ", 1<<10))); err != nil {
			return
		}
	}
}

func slow(_ http.ResponseWriter, r *http.Request) {
	r.ParseForm() // a server sees that its client has gone once it has read what he sent
	<-r.Context().Done()
}

// TestHugeAndSlowProviders: what is too large or does not end is given up, wherever it comes.
func TestHugeAndSlowProviders(t *testing.T) {
	eachPatient(t, time.Second, nil, func(t *testing.T, w *town) {
		for _, h := range []http.HandlerFunc{huge, slow} {
			w.club.answers("/token", h)
			b := browser{}
			w.refused(b, w.enter(b, w.club, "ann"), oidc.Away)
			w.club.answers("/token", nil)
		}
		for _, h := range []http.HandlerFunc{huge, slow} {
			w.clock.Advance(2 * time.Hour)
			w.club.answers("/.well-known/openid-configuration", h)
			if r := w.do("GET", "/auth/oidc/club", browser{}, ""); r.code != "provider_away" {
				t.Errorf("%+v", r)
			}
		}
	})
}

// TestProviderThatIsAway: it stops nothing but itself, is asked seldom while it is away, and works again when it is back.
func TestProviderThatIsAway(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		const at = "/.well-known/openid-configuration"
		w.club.answers(at, func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(http.StatusBadGateway) })
		for range 5 {
			if r := w.do("GET", "/auth/oidc/club", browser{}, ""); r.code != "provider_away" {
				t.Errorf("%+v", r)
			}
		}
		if n := w.club.asked[at]; n != 1 {
			t.Errorf("asked %d times", n)
		}
		if r := w.do("GET", "/auth/oidc/nobody", browser{}, ""); r.code != "not_found" {
			t.Errorf("an unknown provider: %+v", r)
		}
		w.person("ann@clinic.example")
		w.start(browser{}, w.den)
		w.club.answers(at, nil)
		w.clock.Advance(6 * time.Second)
		w.start(browser{}, w.club)
		w.start(browser{}, w.club)
		if n := w.club.asked[at]; n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestProvidersGoWithTheLock: a person of a thief's own that he linked to somebody's account lets him in no more after it was locked,
// whoever opens it.
func TestProvidersGoWithTheLock(t *testing.T) {
	each(t, func(c *identity.Config) { c.Factors = []signin.Factor{} }, func(t *testing.T, w *town) {
		ctx := context.Background()
		id, b := w.person("boss@clinic.example")
		if where := w.back(b, w.club, w.club.authorise(w.link(b, w.club), "ann")); where != "/account/factors" {
			t.Fatalf("ends at %s", where)
		}
		for _, err := range []error{w.Lock(ctx, operator, id), w.Enable(ctx, operator, id)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		in := browser{}
		w.enter(in, w.club, "ann")
		if !in[""].Empty() && w.do("GET", "/auth/session", in, "").body["account"] == string(id) {
			t.Error("the thief is in by his provider")
		}
	})
}
