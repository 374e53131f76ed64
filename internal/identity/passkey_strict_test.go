package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"
)

// told changes what an authenticator says at a sign-in or an enrolment.
type told map[string]func(a *authenticator)

// untrue demands that whatever an authenticator is told, nobody gets in by it and nothing is enrolled; and that it does
// when it is told nothing.
func untrue(t *testing.T, lies told) {
	t.Helper()
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.person("eve@example.org", "patient")
		phone, b := w.key(w.in("ann@example.org"), "Phone"), w.in("eve@example.org")
		enrolled := 0
		lies["the truth"] = func(*authenticator) {}
		for name, lie := range lies {
			want := map[bool]int{true: 200, false: 401}[name == "the truth"]
			one := *phone
			lie(&one)
			in := &browser{}
			attempt, o := w.discover(in, &one)
			if r := w.touch(in, attempt, one.get(o)); r.Status != want {
				t.Errorf("%s: a sign-in answers %d %s", name, r.Status, r.Code)
			}
			phone.counter = one.counter
			want = map[bool]int{true: 200, false: 422}[name == "the truth"]
			another := newAuthenticator(t)
			lie(another)
			o = another.options(w.do("POST", "/auth/passkeys/options", b, nil).want(200))
			r := w.do("POST", "/auth/passkeys", b, map[string]any{"name": "X", "response": another.create(o)})
			if r.Status == 200 {
				enrolled++
			}
			if r.Status != want {
				t.Errorf("%s: an enrolment answers %d %s", name, r.Status, r.Code)
			}
		}
		if enrolled != 1 {
			t.Errorf("%d passkeys", enrolled)
		}
	})
}

// TestPasskeyOriginIsWhole: the origin is the text that a browser writes for our page, and nothing that could be read
// as the same.
func TestPasskeyOriginIsWhole(t *testing.T) {
	lies := told{}
	for _, origin := range []string{"https://clinic.example/", "https://clinic.example/login",
		"https://clinic.example/../x", "https://clinic.example?x", "https://clinic.example#x",
		"https://eve@clinic.example", "https://clinic.example:443",
		"https://CLINIC.example", "HTTPS://clinic.example", "https://clinic.example.", " https://clinic.example",
		"https://clinic.example ", "https:clinic.example", "https:///clinic.example", "clinic.example", "null", "",
		"https://clinic.example\x00",
		"https://clinic.example:0443", "android:apk-key-hash:x"} {
		lies[origin] = func(a *authenticator) { a.origin = origin }
	}
	untrue(t, lies)
}

// TestPasskeyClientDataIsExact: client data that two readers could read differently, signed by the passkey itself.
func TestPasskeyClientDataIsExact(t *testing.T) {
	lies := told{}
	behind := func(members string) func(string) string {
		return func(s string) string { return strings.TrimSuffix(s, "}") + "," + members + "}" }
	}
	for _, members := range []string{`"origin":"https://clinic.example"`, `"Origin":"https://clinic.example"`,
		`"ORIGIN":"https://evil.example"`, `"Type":"webauthn.get"`, `"Challenge":"x"`, `"\u0054ype":"x"`,
		`"topOrigin":"https://clinic.example"`,
		`"topOrigin":""`, `"TopOrigin":"https://evil.example"`, `"CrossOrigin":true`, `"crossOrigin":false`,
		`"other":1,"other":1`, "\"other\":\"\xff\"", `"other":"\ud800"`, `"tokenBinding":{"status":"x"}`} {
		lies[members] = func(a *authenticator) { a.said = behind(members) }
	}
	for name, change := range map[string]func(string) string{"cross-origin": func(s string) string {
		return strings.Replace(s,
			`"crossOrigin":false`, `"crossOrigin":true`, 1)
	},
		"in text": func(s string) string {
			return strings.Replace(s, `"crossOrigin":false`, `"crossOrigin":"false"`,
				1)
		}, "two objects": func(s string) string { return s + "{}" },
		"a list": func(s string) string { return "[" + s + "]" }, "nothing": func(string) string { return "" },
		"null": func(string) string { return "null" }, "a BOM": func(s string) string { return "\ufeff" + s },
		"another end": func(s string) string { return strings.Replace(s, `"type":"webauthn.`, `"type":"payment.`, 1) },
		"no origin":   func(s string) string { return strings.Replace(s, `"origin"`, `"Origin"`, 1) }} {
		lies[name] = func(a *authenticator) { a.said = change }
	}
	untrue(t, lies)
}

// TestPasskeyResponseIsExact: what stands around the client data is read in one way too. Members that browsers may add
// do no harm.
func TestPasskeyResponseIsExact(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		phone := w.key(w.in("ann@example.org"), "Phone")
		for name, c := range map[string]struct {
			change func(text string) string
			want   int
		}{
			"Response": {func(s string) string { return strings.TrimSuffix(s, "}") + `,"Response":{}}` }, 401},
			"ID":       {func(s string) string { return strings.Replace(s, `"id":`, `"ID":"x","id":`, 1) }, 401},
			"Signature": {func(s string) string {
				return strings.Replace(s, `"signature":`,
					`"Signature":"x","signature":`, 1)
			}, 401},
			"padded": {func(s string) string { return strings.Replace(s, `","userHandle"`, `=","userHandle"`, 1) },
				401},
			"a list": {func(s string) string { return "[" + s + "]" }, 401},
			"a new word": {func(s string) string {
				return strings.TrimSuffix(s, "}") + `,"authenticatorAttachment":"platform","new":1}`
			}, 200},
		} {
			b := &browser{}
			attempt, o := w.discover(b, phone)
			text, _ := json.Marshal(phone.get(o))
			if r := w.touch(b, attempt, json.RawMessage(c.change(string(text)))); r.Status != c.want {
				t.Errorf("%s: answers %d %s", name, r.Status, r.Code)
			}
		}
	})
}

// cose is a map of COSE (RFC 9052, section 7): labels from -5 to 23, each with a small number or bytes.
func cose(pairs ...any) []byte {
	number := func(n int) []byte {
		if n < 0 {
			return head(1, -1-n)
		}
		return head(0, n)
	}
	out := head(5, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, number(pairs[i].(int))...)
		switch v := pairs[i+1].(type) {
		case int:
			out = append(out, number(v)...)
		case []byte:
			out = append(out, cborBytes(v)...)
		}
	}
	return out
}

// TestPasskeyKeysThatAreNone: a key for which anybody could sign, or nobody, or by another algorithm than it says, is
// not enrolled.
func TestPasskeyKeysThatAreNone(t *testing.T) {
	point := func(c elliptic.Curve) (x, y []byte) {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := k.PublicKey.Bytes()
		return p[1 : 1+len(p)/2], p[1+len(p)/2:]
	}
	x, y := point(elliptic.P256())
	x3, y3 := point(elliptic.P384())
	x5, y5 := point(elliptic.P521())
	off, zero := append(bytes.Clone(y[:31]), y[31]^1), make([]byte, 32)
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n, e := k.N.Bytes(), []byte{1, 0, 1}
	half := append(bytes.Clone(n[:127]), n[127]|1)
	good := map[string][]byte{"ES256": cose(1, 2, 3, -7, -1, 1, -2, x, -3, y), "ES384": cose(1, 2, 3, -35, -1, 2, -2,
		x3, -3, y3), "ES512": cose(1, 2, 3, -36, -1, 3, -2, x5, -3, y5),
		"EdDSA": cose(1, 1, 3, -8, -1, 6, -2, []byte(edwards)), "RS256": cose(1, 3, 3, -257, -1, n, -2, e),
		"PS256": cose(1, 3, 3, -37, -1, n, -2, e)}
	bad := map[string][]byte{"off the curve": cose(1, 2, 3, -7, -1, 1, -2, x, -3, off), "zero": cose(1, 2, 3, -7, -1, 1,
		-2, zero, -3, zero), "zero y": cose(1, 2, 3, -7, -1, 1, -2, x, -3, zero),
		"P-384 for ES256": cose(1, 2, 3, -7, -1, 2, -2, x, -3, y), "a point of P-384 for ES256": cose(1, 2, 3, -7, -1,
			2, -2, x3, -3, y3), "P-256 for ES384": cose(1, 2, 3, -35, -1, 1, -2, x, -3, y), "no curve": cose(1, 2, 3,
			-7, -2, x, -3, y),
		"short": cose(1, 2, 3, -7, -1, 1, -2, x[1:], -3, y), "padded": cose(1, 2, 3, -7, -1, 1, -2, append([]byte{0},
			x...), -3, y), "no y": cose(1, 2, 3, -7, -1, 1, -2, x), "secp256k1": cose(1, 2, 3, -47, -1, 8, -2, x, -3,
			y),
		"an algorithm of RSA": cose(1, 2, 3, -257, -1, 1, -2, x, -3, y), "Ed25519 of zeros": cose(1, 1, 3, -8, -1, 6,
			-2, zero), "Ed25519 of order 1": cose(1, 1, 3, -8, -1, 6, -2, append([]byte{1}, zero[:31]...)),
		"Ed25519 of 31 bytes": cose(1, 1, 3, -8, -1, 6, -2, []byte(edwards[:31])), "X25519": cose(1, 1, 3, -8, -1, 4,
			-2, []byte(edwards)), "RSA with e = 1": cose(1, 3, 3, -257, -1, n, -2, []byte{1}), "RSA with e = 2": cose(1,
			3, 3, -257, -1, n, -2, []byte{2}),
		"RSA with e = 0": cose(1, 3, 3, -257, -1, n, -2, []byte{0}), "1024 bits": cose(1, 3, 3, -257, -1, half, -2, e),
		"RSA of zero": cose(1, 3, 3, -257, -1, zero, -2, e), "RSA, even": cose(1, 3, 3, -257, -1,
			append(bytes.Clone(n[:255]), 0), -2, e),
		"RSA, padded": cose(1, 3, 3, -257, -1, append([]byte{0}, n...), -2, e), "SHA-1": cose(1, 3, 3, -65535, -1, n,
			-2, e), "a shared key": cose(1, 4, 3, 5, -1, zero), "twice": cose(1, 2, 3, -7, -1, 1, -2, x, -2, x, -3, y),
		"nothing": cose(), "no map": head(0, 1)}
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		try := func(name string, key []byte, want int) {
			a := newAuthenticator(t)
			a.cose = key
			o := a.options(w.do("POST", "/auth/passkeys/options", b, nil).want(200))
			if r := w.do("POST", "/auth/passkeys", b, map[string]any{"name": name,
				"response": a.create(o)}); r.Status != want {
				t.Errorf("%s: an enrolment answers %d %s", name, r.Status, r.Code)
			}
		}
		for name, key := range bad {
			try(name, key, 422)
		}
		for name, key := range good {
			try(name, key, 200)
		}
	})
}
