package jws

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signed is a token of EdDSA, or what a test makes of its parts before they are signed.
func signed(k ed25519.PrivateKey, header, payload string) string {
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	return text + "." + b64(ed25519.Sign(k, []byte(text)))
}

func setOf(t *testing.T, keys ...map[string]any) *Set {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	set, err := ParseSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func verify(compact string, set *Set) error {
	token, err := Parse(compact)
	if err == nil {
		_, err = token.Verify(set)
	}
	return err
}

// TestForms: one spelling of a token verifies, no other does.
func TestForms(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := setOf(t, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(public), "kid": "k"})
	good := signed(private, `{"alg":"EdDSA","kid":"k"}`, "payload")
	if err := verify(good, set); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	last := good[:len(good)-1] + string(good[len(good)-1]+1) // the same bytes, with other bits behind them
	for _, other := range []string{"", ".", "..", good + ".", "." + good, good + "=", good + "==", good + "\n",
		"\n" + good, strings.Replace(good, ".", ".\r\n", 1), good + "." + parts[2],
		parts[0] + "." + parts[1], parts[0] + "." + parts[1] + ".", parts[0] + "=." + parts[1] + "." + parts[2], last,
		`{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`} {
		if verify(other, set) == nil {
			t.Errorf("%q verifies", other)
		}
	}
}

// TestHeaders: the header says nothing but what is read, and nothing that must be understood.
func TestHeaders(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := setOf(t, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(public), "kid": "k"})
	for _, header := range []string{`{"alg":"EdDSA","kid":"k","crit":["exp"],"exp":1}`,
		`{"alg":"EdDSA","kid":"k","crit":[]}`, `{"alg":"EdDSA","kid":"k","b64":false}`,
		`{"alg":"EdDSA","kid":"k","b64":true}`,
		`{"alg":"EdDSA","Alg":"none","kid":"k"}`, `{"ALG":"EdDSA","kid":"k"}`,
		`{"alg":"EdDSA","alg":"EdDSA","kid":"k"}`, `{"alg":["EdDSA"],"kid":"k"}`, `{"alg":"eddsa","kid":"k"}`,
		`{"alg":"EdDSA","kid":7}`,
		`{"alg":"none","kid":"k"}`, `{"kid":"k"}`, `{"alg":"EdDSA","kid":"K"}`, `["EdDSA"]`, `null`,
		`{"alg":"EdDSA","kid":"k"} ` + "\x00", "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"x\":\"\xff\"}",
		`{"alg":"RS256","kid":"k"}`, `{"alg":"ES256","kid":"k"}`} {
		if verify(signed(private, header, "payload"), set) == nil {
			t.Errorf("%s verifies", header)
		}
	}
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// salted is a token of PS256 with a salt of so many bytes.
func salted(n int) string {
	text := b64([]byte(`{"alg":"PS256"}`)) + "." + b64([]byte("payload"))
	sum := sha256.Sum256([]byte(text))
	s, err := rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: n})
	if err != nil {
		panic(err)
	}
	return text + "." + b64(s)
}

// good is the key of salted as it should be published.
func good() map[string]any {
	return map[string]any{"kty": "RSA", "n": b64(rsaKey().N.Bytes()), "e": "AQAB"}
}

// TestSalts: a salt is as long as the hash.
func TestSalts(t *testing.T) {
	if err := verify(salted(32), setOf(t, good())); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, 20, 31, 33, 64, 200} {
		if verify(salted(n), setOf(t, good())) == nil {
			t.Errorf("a salt of %d bytes is taken", n)
		}
	}
}

// refused demands that the key which has made a signature does not verify it with these changes.
func refused(t *testing.T, changes ...map[string]any) {
	t.Helper()
	for _, change := range changes {
		one := good()
		for name, v := range change {
			one[name] = v
		}
		if err := verify(salted(32), setOf(t, one)); !errors.Is(err, ErrKey) {
			t.Errorf("%v: %v", change, err)
		}
	}
}

// TestUse: a key that is not for verifying.
func TestUse(t *testing.T) {
	refused(t, []map[string]any{{"use": "enc"}, {"use": "SIG"}, {"use": []string{"sig"}}, {"Use": "enc"}}...)
}

// TestOperations: a key whose operations leave verifying out.
func TestOperations(t *testing.T) {
	refused(t, []map[string]any{{"key_ops": []string{"sign"}}, {"key_ops": []string{}}, {"key_ops": "verify"},
		{"KEY_OPS": []string{"sign"}}}...)
}

// TestAlgorithmOfTheKey: a key that is declared for another algorithm.
func TestAlgorithmOfTheKey(t *testing.T) {
	refused(t, []map[string]any{{"alg": "RS256"}, {"alg": "PS384"}, {"alg": "ps256"}, {"alg": 7}}...)
}

// TestKeys: what may be said of a key, and what makes it none.
func TestKeys(t *testing.T) {
	k := rsaKey()
	for name, v := range map[string]any{"alg": "PS256", "use": "sig", "key_ops": []string{"verify", "wrapKey"},
		"x5t": "", "kid": "any"} {
		one := good()
		one[name] = v
		if err := verify(salted(32), setOf(t, map[string]any{"kty": "oct", "k": "AAAA"}, one)); err != nil {
			t.Errorf("%s %v: %v", name, v, err)
		}
	}
	refused(t, []map[string]any{{"kty": "rsa"}, {"kty": "EC"}, {"d": "AQAB"}, {"k": "AQAB"}, {"e": "AQAB="},
		{"e": "AAEAAQ"}, {"e": "AQ"},
		{"n": b64(append([]byte{0}, k.N.Bytes()...))}, {"n": base64.StdEncoding.EncodeToString(k.N.Bytes())},
		{"n": k.N.String()}, {"n": nil}, {"N": "AQAB"}}...)
	for _, set := range []string{``, `{"keys":[],"keys":[]}`, `{"Keys":[]}`, `{"keys":{}}`, `[]`,
		"{\"keys\":[{\"kid\":\"\xff\"}]}", `{"keys":[{"kty":"RSA","kty":"RSA"}]}`, `{"keys":[` + strings.Repeat(`{},`,
			maxKeys) + `{}]}`} {
		if _, err := ParseSet([]byte(set)); err == nil {
			t.Errorf("%.40s is a set", set)
		}
	}
}
