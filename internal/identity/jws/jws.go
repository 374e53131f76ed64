// Package jws verifies signed tokens (RFC 7515) with the keys that a provider publishes (RFC 7517).
//
// Policy: the compact form alone, in the one spelling that base64url has for bytes; a header that is read exactly and
// that names an asymmetric algorithm of a short list; no extension that must be understood, and no key that the token
// brings along. A key verifies for the algorithm that it is declared for and that its type and curve fit, if it may
// verify at all, and if it can be a key. Salts of PSS are as long as the hash (RFC 7518, section 3.5), and numbers of
// ECDSA as long as the field (section 3.4).
//
// Nothing of a token is to be believed before Verify: what it says of itself only chooses the key.
//
// The map: jws.go (tokens), set.go (keys).
package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan/exact"
)

// ErrKey is returned when no key of the set has made the signature: the provider may have changed its keys.
var ErrKey = errors.New("jws: no key of the set has made this signature")

// algorithm is how a signature is verified.
type algorithm struct {
	kind  string         // of the key (RFC 7518, section 6.1)
	curve elliptic.Curve // of EC keys
	hash  crypto.Hash    // of the token, and of at_hash
	pss   bool
}

// algorithms are the asymmetric ones (RFC 7518, section 3.1; RFC 8037). A client's secret, or worse a public key taken
// for one, signs nothing here (RFC 8725, sections 2.1 and 3.1).
func algorithms() map[string]algorithm {
	return map[string]algorithm{
		"RS256": {kind: "RSA", hash: crypto.SHA256},
		"RS384": {kind: "RSA", hash: crypto.SHA384},
		"RS512": {kind: "RSA", hash: crypto.SHA512},
		"PS256": {kind: "RSA", hash: crypto.SHA256, pss: true},
		"PS384": {kind: "RSA", hash: crypto.SHA384, pss: true},
		"PS512": {kind: "RSA", hash: crypto.SHA512, pss: true},
		"ES256": {kind: "EC", hash: crypto.SHA256, curve: elliptic.P256()},
		"ES384": {kind: "EC", hash: crypto.SHA384, curve: elliptic.P384()},
		"ES512": {kind: "EC", hash: crypto.SHA512, curve: elliptic.P521()},
		"EdDSA": {kind: "OKP", hash: crypto.SHA512},
	}
}

// Token is a signed token taken apart.
type Token struct {
	Algorithm string
	Type      string // what the header says the token is ("typ"); "" when it says nothing
	Key       string // the name of its key; "" when it names none

	how       algorithm
	signed    string
	payload   []byte
	signature []byte
}

// Parse takes a token in compact form apart.
func Parse(compact string) (*Token, error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil, errors.New("jws: this is not a token of three parts")
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = decode(part); err != nil {
			return nil, err
		}
	}
	var header struct {
		Algorithm string         `json:"alg"`
		Type      string         `json:"typ"`
		Key       string         `json:"kid"`
		Critical  jsontext.Value `json:"crit"`
		Encoded   jsontext.Value `json:"b64"` // RFC 7797
	}
	if err := exact.Decode(raw[0], &header); err != nil {
		return nil, fmt.Errorf("jws: header: %w", err)
	}
	how, ok := algorithms()[header.Algorithm]
	switch {
	case !ok:
		return nil, fmt.Errorf("jws: %q is not an algorithm that is taken", header.Algorithm)
	case header.Critical != nil || header.Encoded != nil:
		return nil, errors.New("jws: the header asks for an extension")
	}
	return &Token{Algorithm: header.Algorithm, Type: header.Type, Key: header.Key, how: how,
		signed: parts[0] + "." + parts[1], payload: raw[1], signature: raw[2]}, nil
}

// decode reads base64url without padding in its one spelling: the standard library's decoder passes over line ends and,
// unless it is told, over the bits that are left at the end.
func decode(s string) ([]byte, error) {
	out, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodeToString(out) != s {
		return nil, errors.New("jws: this is not base64url in its one spelling")
	}
	return out, nil
}

// Verify returns the payload if a key of the set has signed it: the one that the token names, or any if it names none.
// ErrKey: none has.
func (t *Token) Verify(set *Set) ([]byte, error) {
	for _, k := range set.keys {
		if (t.Key == "" || t.Key == k.name) && k.fits(t) && t.verified(k.public) {
			return t.payload, nil
		}
	}
	return nil, ErrKey
}

// verified tells whether a key has made the signature.
func (t *Token) verified(public crypto.PublicKey) bool {
	h := t.how.hash.New()
	h.Write([]byte(t.signed))
	digest := h.Sum(nil)
	switch k := public.(type) {
	case *rsa.PublicKey:
		if t.how.pss {
			return rsa.VerifyPSS(k, t.how.hash, digest, t.signature,
				&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(k, t.how.hash, digest, t.signature) == nil
	case *ecdsa.PublicKey:
		size := (k.Curve.Params().BitSize + 7) / 8
		if len(t.signature) != 2*size {
			return false
		}
		return ecdsa.Verify(k, digest, new(big.Int).SetBytes(t.signature[:size]),
			new(big.Int).SetBytes(t.signature[size:]))
	case ed25519.PublicKey:
		return ed25519.Verify(k, []byte(t.signed), t.signature)
	}
	return false
}

// HalfHash is the left half of a hash of a text by the hash of the token's algorithm, in base64url: what at_hash says
// of an access token (OpenID Connect Core 1.0, section 3.1.3.6).
func (t *Token) HalfHash(text string) string {
	h := t.how.hash.New()
	h.Write([]byte(text))
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
