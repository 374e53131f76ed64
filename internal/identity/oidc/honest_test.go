package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
)

// TestHonestProviders: what providers of all kinds write, and what their people may add, is read: strictness shuts
// nobody out.
func TestHonestProviders(t *testing.T) {
	k := signingKey()
	edwards, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, _ := ec.PublicKey.Bytes()
	salted := func(c []byte) string {
		return jws(`{"alg":"PS512","kid":"k1"}`, c, func(text []byte) []byte {
			sum := sha512.Sum512(text)
			s, _ := rsa.SignPSS(rand.Reader, k, crypto.SHA512, sum[:],
				&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			return s
		})
	}
	es512 := func(c []byte) string {
		return jws(`{"alg":"ES512"}`, c, func(text []byte) []byte {
			sum := sha512.Sum512(text)
			r, s, _ := ecdsa.Sign(rand.Reader, ec, sum[:])
			return append(r.FillBytes(make([]byte, 66)), s.FillBytes(make([]byte, 66))...)
		})
	}
	eddsa := func(c []byte) string {
		return jws(`{"alg":"EdDSA","kid":"k1"}`, c, func(text []byte) []byte { return ed25519.Sign(private, text) })
	}
	rsaKey := func(more map[string]any) map[string]any {
		out := map[string]any{"kty": "RSA", "kid": "k1", "n": b64(k.N.Bytes()),
			"e": b64(big.NewInt(int64(k.E)).Bytes())}
		for name, v := range more {
			out[name] = v
		}
		return out
	}
	header := func(h string) lie {
		return signs(h, func(c []byte) string { return jws(h, c, pkcs1(k)) })
	}
	half := func(access string) string {
		sum := crypto.SHA256.New()
		sum.Write([]byte(access))
		return b64(sum.Sum(nil)[:16])
	}
	asked := func(token map[string]any, text string) lie {
		return lie{name: fmt.Sprint(token, text), tell: func(_ *town, p *provider) {
			p.people["eve"] = token
			p.answers("/userinfo", func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte(text)) })
		}}
	}
	truths := []lie{header(`{"alg":"RS256"}`), header(`{"alg":"RS256","kid":"k1","typ":"JWT"}`),
		header(`{"alg":"RS256","typ":"jwt","kid":"k1","x5t":"AA","jku":"https://x.example","other":{"Alg":1}}`),
		header(` { "kid" : "k1", "alg" : "RS256" } `),
		published("PS512", rsaKey(map[string]any{"alg": "PS512", "use": "sig"}), salted), published("ES512",
			map[string]any{"kty": "EC", "crv": "P-521", "x": b64(point[1:67]), "y": b64(point[67:])}, es512),
		published("EdDSA", map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": b64(edwards),
			"alg": "EdDSA"}, eddsa),
		published("key_ops", rsaKey(map[string]any{"key_ops": []string{"verify"}, "x5c": []string{"MIIB"},
			"x5t#S256": "x"}), rs256),
		{name: "keys of all kinds", tell: func(_ *town, p *provider) {
			p.keys = func(set map[string]any) {
				set["keys"] = []any{map[string]any{"kty": "OKP", "crv": "X448", "x": "AA"}, map[string]any{"kty": "AKP",
					"alg": "ML-DSA-65", "pub": "AA"}, rsaKey(map[string]any{"use": "enc"}),
					rsaKey(map[string]any{"kid": "k0"}), rsaKey(nil)}
				set["other"] = 1
			}
		}},
		claimed("aud", []string{"fastness"}), claimed("azp", "fastness"), claimed("email_verified", "true"),
		claimed("auth_time", 0), claimed("nbf", 0), claimed("name", nil), claimed("Groups", []string{"a"}),
		claimed("email_Verified_at", 1), claimed("address", map[string]string{"Sub": "x"}),
		claimed("at_hash", half("access-eve")), added(`"https://other.example/sub":"ann"`), added(`"subject":"ann"`),
		{name: "fractions", tell: func(w *town, p *provider) {
			p.claim = func(c map[string]any) {
				c["iat"], c["exp"] = float64(w.clock.Now().Unix())+0.25,
					float64(w.clock.Now().Add(time.Hour).Unix())+0.5
			}
		}},
		through("/token", "bearer", func(s string) string {
			return strings.Replace(s, `"Bearer"`,
				`"bearer","Scope":"openid"`, 1)
		}),
		asked(nil, `{"sub":"eve","email":"eve@clinic.example","email_verified":true,"name":null}`),
		asked(map[string]any{"email": "eve@clinic.example"},
			`{"sub":"eve","email":"eve@clinic.example","email_verified":"true"}`),
		asked(map[string]any{"email_verified": true},
			`{"sub":"eve","email":"eve@clinic.example","email_verified":true}`)}
	each(t, nil, func(t *testing.T, w *town) {
		for _, truth := range truths {
			w.honest()
			truth.tell(w, w.club)
			if where := w.enter(browser{}, w.club, "eve"); where != "/account/" {
				t.Errorf("%s: ends at %s", truth.name, where)
			}
			if err := w.db.Write(t.Context(), func(tx store.Tx) error { // eve is nobody again
				_, err := tx.Exec(t.Context(), store.SQL(`DELETE FROM fastness_account`))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
