package oidc_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"sync"
)

// signs makes the provider sign in its own way.
func signs(name string, sign func(claims []byte) string) lie {
	return lie{name: name, tell: func(_ *town, p *provider) { p.sign = sign }}
}

// headers: the provider's own key has signed, under a header that says something else.
func headers() []lie {
	var out []lie
	for _, h := range []string{`{"alg":"none","kid":"k1"}`, `{"alg":"None","kid":"k1"}`, `{"alg":"NONE"}`,
		`{"alg":"","kid":"k1"}`, `{"kid":"k1"}`, `{"alg":"rs256","kid":"k1"}`, `{"alg":"RS384","kid":"k1"}`,
		`{"alg":"RS512","kid":"k1"}`,
		`{"alg":"PS256","kid":"k1"}`, `{"alg":"ES256","kid":"k1"}`, `{"alg":"EdDSA","kid":"k1"}`,
		`{"alg":"HS256","kid":"k1"}`, `{"alg":"RS1","kid":"k1"}`, `{"alg":["RS256"],"kid":"k1"}`,
		`{"alg":null,"kid":"k1"}`,
		`{"alg":"RS256","alg":"none","kid":"k1"}`, `{"alg":"none","alg":"RS256","kid":"k1"}`,
		`{"alg":"RS256","Alg":"none","kid":"k1"}`, `{"ALG":"RS256","kid":"k1"}`,
		`{"alg":"RS256","kid":"k1","KID":"k2"}`,
		`{"alg":"RS256","kid":"k1","kid":"k1"}`, `{"alg":"RS256","kid":"K1"}`, `{"alg":"RS256","kid":"k2"}`,
		`{"alg":"RS256","kid":1}`, `{"alg":"RS256","kid":"../k1"}`, `{"alg":"RS256","kid":"k1","crit":["exp"]}`,
		`{"alg":"RS256","kid":"k1","crit":[]}`, `{"alg":"RS256","kid":"k1","crit":null,"Crit":["x"]}`,
		`{"alg":"RS256","kid":"k1","b64":false,"crit":["b64"]}`, `{"alg":"RS256","kid":"k1","b64":false}`,
		`{"alg":"RS256","kid":"k1","typ":"at+jwt"}`, `{"alg":"RS256","kid":"k1","typ":"logout+jwt"}`,
		`{"alg":"RS256","kid":"k1","typ":"dpop+jwt"}`, `{"alg":"RS256","kid":"k1","typ":["JWT"]}`,
		`{"alg":"RS256","kid":"k1","Typ":"JWT"}`,
		`{"alg":"RS256","kid":"k1"} ` + "\x00", `{"alg":"RS256","kid":"k1"}{}`, `["RS256"]`, `null`, ``,
		"{\"alg\":\"RS256\",\"kid\":\"k1\",\"x\":\"\xff\"}"} {
		out = append(out, signs(h, func(c []byte) string { return jws(h, c, pkcs1(signingKey())) }))
	}
	jwk := fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB"}`, b64(otherKey().N.Bytes()))
	for _, brought := range []string{`"jwk":` + jwk, `"jku":"https://other.example/keys"`,
		`"x5u":"https://other.example/x"`, `"x5c":["MIIB"]`} {
		for _, kid := range []string{`"kid":"k1",`, `"kid":"k9",`, ``} {
			h := `{"alg":"RS256",` + kid + brought + `}`
			out = append(out, signs("another's key: "+h, func(c []byte) string { return jws(h, c, pkcs1(otherKey())) }))
		}
	}
	return out
}

var otherKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// forms: the true token in another spelling.
func forms() []lie {
	var out []lie
	add := func(name string, change func(token string, parts []string) string) {
		out = append(out, signs(name, func(c []byte) string {
			token := rs256(c)
			return change(token, strings.Split(token, "."))
		}))
	}
	for i := range 3 {
		for name, change := range map[string]func(string) string{"padded": func(s string) string { return s + "=" },
			"padded twice":      func(s string) string { return s + "==" },
			"a line end":        func(s string) string { return s[:4] + "\n" + s[4:] },
			"a line end behind": func(s string) string { return s + "\r\n" },
			"a blank in front":  func(s string) string { return " " + s }, "other bits behind": loose,
			"nothing":         func(string) string { return "" },
			"standard base64": func(s string) string { return "+/" + s },
			"one more letter": func(s string) string { return s + "A" }} {
			add(fmt.Sprintf("part %d: %s", i, name), func(_ string, parts []string) string {
				parts[i] = change(parts[i])
				return strings.Join(parts, ".")
			})
		}
	}
	add("four parts", func(token string, parts []string) string { return token + "." + parts[2] })
	add("a point behind", func(token string, _ []string) string { return token + "." })
	add("a point in front", func(token string, _ []string) string { return "." + token })
	add("two parts", func(_ string, parts []string) string { return parts[0] + "." + parts[1] })
	add("JSON, flattened", func(_ string, p []string) string {
		return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, p[0], p[1], p[2])
	})
	add("JSON, general", func(_ string, p []string) string {
		return fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p[1], p[0], p[2])
	})
	add("JSON, the first signature of others", func(_ string, p []string) string {
		return fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":"AAAA"},{"protected":%q,"signature":%q}]}`, p[1], p[0], p[0], p[2])
	})
	add("another signature", func(token string, p []string) string {
		return p[0] + "." + p[1] + "." + b64(make([]byte,
			256))
	})
	return out
}

// loose is the same bytes with other bits behind them, where base64 leaves some; otherwise it is something else that
// nobody signed.
func loose(s string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(s)
	for c := byte('A'); c <= 'z'; c++ {
		other := s[:len(s)-1] + string(c)
		if got, err := base64.RawURLEncoding.DecodeString(other); other != s && err == nil && bytes.Equal(got, raw) {
			return other
		}
	}
	return s[:len(s)-1] + "*"
}

// published makes the provider publish a key alone and sign with it.
func published(name string, jwk map[string]any, sign func(claims []byte) string) lie {
	return lie{name: name, tell: func(_ *town, p *provider) {
		p.sign = sign
		p.keys = func(set map[string]any) { set["keys"] = []any{jwk} }
	}}
}

// wrongKeys: the provider's true key as it may not be published, and keys that are none.
func wrongKeys() []lie {
	k := signingKey()
	var out []lie
	for _, change := range []map[string]any{{"use": "enc"}, {"use": "SIG"}, {"use": 7}, {"Use": "enc"},
		{"key_ops": []string{"sign"}}, {"key_ops": []string{}}, {"key_ops": "verify"}, {"KEY_OPS": []string{"sign"}},
		{"alg": "RS512"}, {"alg": "PS256"}, {"alg": "RSA-OAEP"},
		{"alg": "none"}, {"alg": 7}, {"ALG": "RS512"}, {"kty": "rsa"}, {"kty": "EC"}, {"kty": "oct"}, {"kty": nil},
		{"kid": "K1"}, {"kid": 7}, {"KID": "k2"}, {"d": "AQAB"}, {"k": "AQAB"}, {"n": b64(k.N.Bytes()) + "="},
		{"n": base64.StdEncoding.EncodeToString(k.N.Bytes())},
		{"n": b64(append([]byte{0}, k.N.Bytes()...))}, {"n": k.N.String()}, {"e": "AQAB="}, {"e": "AAEAAQ"},
		{"e": 65537}, {"e": "Aw"}, {"N": "AQAB"}} {
		jwk := map[string]any{"kty": "RSA", "kid": "k1", "n": b64(k.N.Bytes()), "e": "AQAB"}
		for name, v := range change {
			jwk[name] = v
		}
		out = append(out, published(fmt.Sprint(change), jwk, rs256))
	}
	forged := func(claims []byte) string { // with the exponent 1 a signature is its own encoding (RFC 8017, section 9.2)
		return jws(`{"alg":"RS256","kid":"k1"}`, claims, func(text []byte) []byte {
			sum := sha256.Sum256(text)
			prefix, _ := hex.DecodeString("003031300d060960864801650304020105000420")
			return append(append(append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 256-2-len(prefix)-32)...), prefix...),
				sum[:]...)
		})
	}
	out = append(out, published("the exponent 1", map[string]any{"kty": "RSA", "kid": "k1", "n": b64(k.N.Bytes()),
		"e": "AQ"}, forged))
	// 1024 bits, made elsewhere: this library makes no keys of that size. p and q are its primes.
	small := smallKey()
	out = append(out, published("1024 bits", map[string]any{"kty": "RSA", "kid": "k1", "n": b64(small.n.Bytes()),
		"e": "AQAB"}, small.sign))
	for _, point := range []string{strings.Repeat("00", 32), "01" + strings.Repeat("00", 31),
		"ec" + strings.Repeat("ff", 30) + "7f", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"} {
		x, _ := hex.DecodeString(point)
		out = append(out, published("a point of small order "+point, map[string]any{"kty": "OKP", "crv": "Ed25519",
			"kid": "k1", "x": b64(x)}, func(claims []byte) string {
			return jws(`{"alg":"EdDSA","kid":"k1"}`, claims, func([]byte) []byte {
				return append([]byte{1}, make([]byte,
					63)...)
			})
		}))
	}
	return append(out, member("/keys", `"Keys":[]`)[0], member("/keys", `"keys":[]`)[0], member("/keys",
		`"keys":[]`)[1], through("/keys", "behind", func(s string) string { return s + " x" }), through("/keys", "two",
		func(s string) string { return s + s }),
		through("/keys", "bad UTF-8", func(s string) string {
			return strings.Replace(s, `"kid":`,
				"\"x\":\"\xff\",\"kid\":", 1)
		}), through("/keys", "twice",
			func(s string) string { return strings.Replace(s, `"kid":`, `"kid":"k1","kid":`, 1) }),
		through("/keys", "no list", func(s string) string { return strings.NewReplacer("[", "", "]", "").Replace(s) }),
		through("/keys", "other case", func(s string) string { return strings.Replace(s, `"keys"`, `"Keys"`, 1) }))
}

// wrongSignatures: the algorithm fits the key, the signature is not what the algorithm makes.
func wrongSignatures() []lie {
	var out []lie
	for _, salt := range []int{0, 20, 31, 33, 64} {
		out = append(out, signs(fmt.Sprintf("a salt of %d bytes", salt), func(c []byte) string {
			return jws(`{"alg":"PS256","kid":"k1"}`, c, func(text []byte) []byte {
				sum := sha256.Sum256(text)
				s, err := rsa.SignPSS(rand.Reader, signingKey(), crypto.SHA256, sum[:],
					&rsa.PSSOptions{SaltLength: salt})
				if err != nil {
					panic(err)
				}
				return s
			})
		}))
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, _ := ec.PublicKey.Bytes()
	jwk := func(change map[string]any) map[string]any {
		out := map[string]any{"kty": "EC", "crv": "P-256", "kid": "k1", "x": b64(point[1:33]), "y": b64(point[33:])}
		for name, v := range change {
			out[name] = v
		}
		return out
	}
	raw := func(text []byte) []byte {
		sum := sha256.Sum256(text)
		r, s, err := ecdsa.Sign(rand.Reader, ec, sum[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	es256 := func(change func(sig []byte) []byte) func([]byte) string {
		return func(c []byte) string {
			return jws(`{"alg":"ES256","kid":"k1"}`, c, func(text []byte) []byte { return change(raw(text)) })
		}
	}
	same := func(sig []byte) []byte { return sig }
	for _, change := range []map[string]any{{"crv": "P-384"}, {"crv": "p-256"}, {"crv": "secp256k1"}, {"alg": "ES384"},
		{"alg": "ES256K"}, {"y": b64(append(bytes.Clone(point[33:64]), point[64]^1))}, {"x": b64(make([]byte, 32)),
			"y": b64(make([]byte, 32))},
		{"x": b64(append([]byte{0}, point[1:33]...))}, {"y": nil}, {"X": "AAAA"}, {"d": "AQAB"}} {
		out = append(out, published(fmt.Sprint("ES256 ", change), jwk(change), es256(same)))
	}
	n := elliptic.P256().Params().N
	for name, change := range map[string]func(sig []byte) []byte{"zero": func([]byte) []byte {
		return make([]byte,
			64)
	}, "empty": func([]byte) []byte { return nil }, "one more byte": func(s []byte) []byte {
		return append(s,
			0)
	}, "one less": func(s []byte) []byte { return s[:63] },
		"r + n": func(s []byte) []byte {
			return append(new(big.Int).Add(new(big.Int).SetBytes(s[:32]), n).Bytes(), s[32:]...)
		}, "n, n": func([]byte) []byte { return append(n.Bytes(), n.Bytes()...) },
		"longer numbers": func(s []byte) []byte { return bytes.Join([][]byte{{0}, s[:32], {0}, s[32:]}, nil) }} {
		out = append(out, published("ES256 "+name, jwk(nil), es256(change)))
	}
	der := func(c []byte) string {
		return jws(`{"alg":"ES256","kid":"k1"}`, c, func(text []byte) []byte {
			sum := sha256.Sum256(text)
			s, _ := ecdsa.SignASN1(rand.Reader, ec, sum[:])
			return s
		})
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	pem, _ := x509.MarshalPKIXPublicKey(&signingKey().PublicKey)
	return append(out, published("ES256 in DER", jwk(nil), der), published("Ed25519, X25519",
		map[string]any{"kty": "OKP", "crv": "X25519", "kid": "k1", "x": b64(public)}, func(c []byte) string {
			return jws(`{"alg":"EdDSA","kid":"k1"}`, c, func(text []byte) []byte { return ed25519.Sign(private, text) })
		}), signs("unsigned", unsigned), signs("HMAC by the public key", hs256(pem)), signs("HMAC by the modulus",
		hs256(signingKey().N.Bytes())), signs("HMAC by the secret", hs256([]byte("a-secret"))), signs("another's",
		func(c []byte) string { return rsaSigned(otherKey(), c) }),
		signs("HMAC by nothing", hs256(nil)))
}

// small is a key of RSA with 1024 bits, which the standard library neither makes nor uses.
type small struct{ n, d *big.Int }

var smallKey = sync.OnceValue(func() small {
	for {
		p, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			panic(err)
		}
		q, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			panic(err)
		}
		one := big.NewInt(1)
		n, phi := new(big.Int).Mul(p, q), new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(big.NewInt(65537), phi); d != nil && n.BitLen() == 1024 {
			return small{n, d}
		}
	}
})

// sign is RS256 by hand (RFC 8017, section 8.2.1).
func (k small) sign(claims []byte) string {
	return jws(`{"alg":"RS256","kid":"k1"}`, claims, func(text []byte) []byte {
		sum := sha256.Sum256(text)
		prefix, _ := hex.DecodeString("003031300d060960864801650304020105000420")
		encoded := append(append(append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 128-2-len(prefix)-32)...), prefix...),
			sum[:]...)
		return new(big.Int).Exp(new(big.Int).SetBytes(encoded), k.d, k.n).FillBytes(make([]byte, 128))
	})
}
