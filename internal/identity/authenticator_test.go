package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// authenticator is a security key in software: ES256, no attestation. What it lies about is for the test to set.
type authenticator struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	counter uint32
	origin  string // of the page it believes to be on
	rp      string
	flags   byte // user present, user verified

	cose []byte                   // the public key in its place; nil: the true one
	said func(text string) string // changes the client data before they are signed; nil: the truth
}

const (
	present    = 1
	verified   = 4
	credential = 64
)

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &authenticator{t: t, key: key, id: id, origin: "https://clinic.example", rp: "clinic.example", flags: present | verified}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// options are what both ceremonies begin with.
type options struct {
	PublicKey struct {
		Challenge string
		User      struct{ ID string }
		RPID      string `json:"rpId"`
		RP        struct{ ID string }
		Allow     []any  `json:"allowCredentials"`
		UV        string `json:"userVerification"`
		Selection struct {
			UV  string `json:"userVerification"`
			Key string `json:"residentKey"`
		} `json:"authenticatorSelection"`
	}
}

func (a *authenticator) options(r *reply) options {
	a.t.Helper()
	var o options
	text, _ := json.Marshal(r.JSON["options"])
	if err := json.Unmarshal(text, &o); err != nil || o.PublicKey.Challenge == "" {
		a.t.Fatalf("options %s: %v", text, err)
	}
	return o
}

func (a *authenticator) client(kind, challenge string) []byte {
	text, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if a.said != nil {
		text = []byte(a.said(string(text)))
	}
	return text
}

// data is the authenticator data of WebAuthn section 6.1.
func (a *authenticator) data(flags byte) []byte {
	rp := sha256.Sum256([]byte(a.rp))
	out := append(rp[:], flags)
	a.counter++
	return binary.BigEndian.AppendUint32(out, a.counter)
}

// head is the start of a CBOR item (RFC 8949 section 3).
func head(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	}
	return []byte{major<<5 | 25, byte(n >> 8), byte(n)}
}

func cborText(s string) []byte  { return append(head(3, len(s)), s...) }
func cborBytes(b []byte) []byte { return append(head(2, len(b)), b...) }

// create answers navigator.credentials.create.
func (a *authenticator) create(o options) map[string]any {
	handle, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		a.t.Fatal(err)
	}
	a.handle = handle
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	// COSE_Key of an EC2 key: {1: 2, 3: -7, -1: 1, -2: x, -3: y}, RFC 9053 section 7.1.1
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21}, cborBytes(point[1:33])...)
	cose = append(append(cose, 0x22), cborBytes(point[33:])...)
	if a.cose != nil {
		cose = a.cose
	}
	data := append(a.data(a.flags|credential), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), cose...)
	object := append(head(5, 3), cborText("fmt")...)
	object = append(append(object, cborText("none")...), cborText("attStmt")...)
	object = append(append(object, head(5, 0)...), cborText("authData")...)
	object = append(object, cborBytes(data)...)
	return map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": map[string]any{
		"clientDataJSON": b64(a.client("webauthn.create", o.PublicKey.Challenge)), "attestationObject": b64(object)}}
}

// get answers navigator.credentials.get.
func (a *authenticator) get(o options) map[string]any {
	client, data := a.client("webauthn.get", o.PublicKey.Challenge), a.data(a.flags)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(a.handle)}}
}

// key enrols a new authenticator for the browser's account.
func (w *town) key(b *browser, name string) *authenticator {
	w.t.Helper()
	a := newAuthenticator(w.t)
	o := a.options(w.do("POST", "/auth/passkeys/options", b, nil).want(200))
	w.do("POST", "/auth/passkeys", b, map[string]any{"name": name, "response": a.create(o)}).want(200)
	return a
}

// discover begins a sign-in that names nobody.
func (w *town) discover(b *browser, a *authenticator) (string, options) {
	w.t.Helper()
	r := w.do("POST", "/auth/sign-in/passkey/options", b, map[string]any{}).want(200)
	return r.text("attempt"), a.options(r)
}

// touch finishes a sign-in with what an authenticator answers.
func (w *town) touch(b *browser, attempt string, response any) *reply {
	w.t.Helper()
	return w.do("POST", "/auth/sign-in/passkey", b, map[string]any{"attempt": attempt, "response": response})
}
