package identity_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"testing"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// hostile are attestation objects that were made to break a reader of CBOR, beside one that is right.
func hostile(right []byte) [][]byte {
	out := [][]byte{right, right[:len(right)/2], right[:1], append(slices.Clone(right), right...), {0xf6}, {0xa0}, {0xbf, 0xff}, {},
		bytes.Repeat([]byte{0x81}, 2_000),                            // arrays in arrays
		bytes.Repeat([]byte{0xa1, 0x60}, 1_000),                      // maps in maps
		{0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},       // a string of 2⁶³ bytes
		{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00}, // a map of 2⁶⁴ pairs
		{0x5f, 0x5f, 0x5f, 0xff},                                     // a string of strings without an end
		{0xc2, 0x5a, 0x7f, 0xff, 0xff, 0xff},                         // a bignum of 2 GiB
		{0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0x01},                      // not a number
		{0x1c}, {0xff}, {0xf8, 0x18},                                 // reserved, a break from nowhere, a simple value in two bytes
	}
	for _, at := range []struct{ find, put string }{{"none", "tpmX"}, {"none", "pack"}, {"fmt", "fmX"}, {"authData", "authDatX"}, {"attStmt", "fmtXXXX"}} {
		out = append(out, bytes.Replace(right, []byte(at.find), []byte(at.put), 1))
	}
	rp := sha256.Sum256([]byte("clinic.example"))
	at := bytes.Index(right, rp[:])
	for _, change := range []func(b []byte){
		func(b []byte) { b[at] ^= 1 },                                   // another relying party
		func(b []byte) { b[at+32] &^= verified },                        // nobody was verified
		func(b []byte) { b[at+32] &^= present },                         // nobody was there
		func(b []byte) { b[at+32] &^= credential },                      // and no credential
		func(b []byte) { b[at+32] |= 0x80 },                             // extensions that are not there
		func(b []byte) { b[at+53], b[at+54] = 0xff, 0xff },              // an id longer than everything
		func(b []byte) { b[at+53], b[at+54] = 0, 0 },                    // no id
		func(b []byte) { copy(b[len(b)-32:], bytes.Repeat(b[:1], 32)) }, // a point that is not on the curve
	} {
		b := slices.Clone(right)
		change(b)
		out = append(out, b)
	}
	return out
}

// FuzzPasskeyAttestation: whatever CBOR an authenticator sends at enrolment, it is refused and never a fault, unless it names this
// relying party and says that its user was there and was verified.
func FuzzPasskeyAttestation(f *testing.F) {
	var o options
	o.PublicKey.Challenge = b64(make([]byte, 32))
	maker := newAuthenticator(&testing.T{})
	object := func(of map[string]any) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(of["response"].(map[string]any)["attestationObject"].(string))
		if err != nil {
			f.Fatal(err)
		}
		return raw
	}
	seeds := hostile(object(maker.create(o)))
	if len(seeds) < 20 {
		f.Fatalf("%d seeds are none worth the name", len(seeds))
	}
	for _, s := range seeds {
		f.Add(s)
	}
	db, err := sqlite.Open(sqlite.Config{Dir: f.TempDir(), Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	storetest.Create(f, db, append(tables(), storetest.Table))
	w := newTown(&testing.T{}, db, func(c *identity.Config) { c.Factors = nil })
	w.person("ann@example.org", "patient")
	b := w.in("ann@example.org")
	rp := sha256.Sum256([]byte("clinic.example"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		w.t, maker.t = t, t
		r := w.do("POST", "/auth/passkeys/options", b, nil).want(200)
		answer := maker.create(maker.options(r))
		answer["response"].(map[string]any)["attestationObject"] = b64(raw)
		r = w.do("POST", "/auth/passkeys", b, map[string]any{"name": "key", "response": answer})
		if r.Status != 200 {
			if r.Status != 422 && r.Status != 409 {
				t.Fatalf("%x answered %d (%v)", raw, r.Status, r.Err)
			}
			return
		}
		at := bytes.Index(raw, rp[:])
		if at < 0 || len(raw) < at+33 || raw[at+32]&(present|verified|credential) != present|verified|credential {
			t.Fatalf("%x was enrolled", raw)
		}
		for _, item := range w.do("GET", "/auth/passkeys", b, nil).want(200).JSON["items"].([]any) {
			w.do("DELETE", "/auth/passkeys/"+item.(map[string]any)["id"].(string), b, nil).want(200)
		}
	})
}
