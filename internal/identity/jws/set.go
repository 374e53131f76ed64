package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/identity/key"
	"github.com/fastness-dev/fastness/internal/plan/exact"
)

// maxKeys is how many keys a provider may publish at once.
const maxKeys = 100

// Set is the keys of a provider that verify signatures.
type Set struct{ keys []published }

// published is one key. It is only in a Set if it may verify, and if it can be a key.
type published struct {
	name      string
	kind      string
	algorithm string // the one that it is declared for; "": any that fits
	public    crypto.PublicKey
}

// ParseSet reads a set of keys (RFC 7517, section 5). A key that is not for verifying, or that is none, is left out, as
// the section says; a set that can be read in two ways is an error.
func ParseSet(text []byte) (*Set, error) {
	var in struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := exact.Decode(text, &in); err != nil {
		return nil, fmt.Errorf("jws: keys: %w", err)
	}
	if len(in.Keys) > maxKeys {
		return nil, fmt.Errorf("jws: there are %d keys, more than %d", len(in.Keys), maxKeys)
	}
	out := &Set{}
	for _, one := range in.Keys {
		if k, err := parseKey(one); err == nil {
			out.keys = append(out.keys, k)
		}
	}
	return out, nil
}

// jwk is a key as RFC 7517, RFC 7518 (section 6) and RFC 8037 write it.
type jwk struct {
	Kind       string         `json:"kty"`
	Use        string         `json:"use"`
	Operations *[]string      `json:"key_ops"`
	Algorithm  string         `json:"alg"`
	Name       string         `json:"kid"`
	Curve      string         `json:"crv"`
	N          string         `json:"n"`
	E          string         `json:"e"`
	X          string         `json:"x"`
	Y          string         `json:"y"`
	Private    jsontext.Value `json:"d"`
	Shared     jsontext.Value `json:"k"`
}

func parseKey(text []byte) (published, error) {
	var in jwk
	if err := exact.Decode(text, &in); err != nil {
		return published{}, err
	}
	switch {
	case in.Use != "" && in.Use != "sig":
		return published{}, errors.New("jws: the key is not for signatures")
	case in.Operations != nil && !slices.Contains(*in.Operations, "verify"):
		return published{}, errors.New("jws: the key is not for verifying")
	case in.Private != nil || in.Shared != nil:
		return published{}, errors.New("jws: the key is not public, or has been published with its private half")
	}
	public, err := in.public()
	if err != nil {
		return published{}, err
	}
	return published{name: in.Name, kind: in.Kind, algorithm: in.Algorithm, public: public}, nil
}

// public is the key itself.
func (k *jwk) public() (crypto.PublicKey, error) {
	var raw [4][]byte
	for i, s := range []string{k.N, k.E, k.X, k.Y} {
		var err error
		if raw[i], err = decode(s); err != nil {
			return nil, err
		}
	}
	n, e, x, y := raw[0], raw[1], raw[2], raw[3]
	switch k.Kind {
	case "RSA":
		return key.RSA(n, e)
	case "EC":
		for _, a := range algorithms() {
			if a.curve != nil && a.curve.Params().Name == k.Curve {
				return key.EC(a.curve, x, y)
			}
		}
	case "OKP":
		if k.Curve == "Ed25519" {
			return key.Ed25519(x)
		}
	}
	return nil, errors.New("jws: the key is of a kind that is not taken")
}

// fits tells whether a key may have made the signature of a token at all.
func (k published) fits(t *Token) bool {
	if k.kind != t.how.kind || k.algorithm != "" && k.algorithm != t.Algorithm {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return true
	case *ecdsa.PublicKey:
		return public.Curve == t.how.curve
	case ed25519.PublicKey:
		return true
	}
	return false
}
