// Package seal is the only room that touches cryptographic primitives for data at rest: the root key, the keys derived from
// it for one purpose each, sealing of values, and keyed hashes.
//
// Policy: AEAD only (XAES-256-GCM); no function takes a nonce or gives out a key; every value names its algorithm and key
// epoch; associated data binds it to where it belongs, so that a moved value does not open. A root key is never made over
// data that exist, and a wrong one is noticed at start by a canary.
//
// The map: ring.go (Seal, Open, MAC), xaes.go (the cipher), root.go (where the root key lies), reference.go (secrets by
// reference).
package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// Purpose names what a key is for. Each purpose has a key of its own (HKDF-SHA-256, RFC 5869), so that a value of one can
// never pass as a value of another.
type Purpose uint8

// The purposes.
const (
	Field   Purpose = iota + 1 // values of declared fields
	Account                    // addresses, password hashes, factors
	Session                    // tokens of sessions and devices
	Cursor
	ETag
	Link   // one-time links and attempts
	Outbox // mail that waits
	Token  // API tokens
	State  // state of OpenID sign-ins and pages' forms
	Replay // idempotency records
	Throttle
	Canary
	purposes // how many there are
)

// ErrOpen: the value was not sealed here, for this place and purpose, or was changed since.
var ErrOpen = errors.New("seal: the value does not open")

// ErrWrongRoot: the root key is not the one that the data were sealed under.
var ErrWrongRoot = errors.New("seal: the root key does not fit the data; restore the right key file, the data are unreadable without it")

// version is the first byte of a sealed value: algorithm 1 (XAES-256-GCM), epoch 1.
const version = 1

// Ring holds the keys derived from one root. Safe for concurrent use.
type Ring struct {
	ciphers [purposes]*xaes
	macs    [purposes][]byte
}

// New derives the ring of a root key of 32 bytes.
func New(root []byte) (*Ring, error) {
	if len(root) != 32 {
		return nil, fmt.Errorf("seal: the root key has %d bytes; it must have 32", len(root))
	}
	r := &Ring{}
	for p := Purpose(1); p < purposes; p++ {
		for _, use := range []string{"seal", "mac"} {
			key, err := hkdf.Key(sha256.New, root, nil, fmt.Sprintf("fastness/1/%d/%s", p, use), 32)
			if err != nil {
				return nil, err
			}
			if use == "mac" {
				r.macs[p] = key
				continue
			}
			if r.ciphers[p], err = newXAES(key); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// Seal appends the sealed form of plain to dst: version, nonce, ciphertext, tag (41 bytes more than plain). place says where
// the value belongs (collection, row, field); Open needs the same.
func (r *Ring) Seal(dst []byte, p Purpose, plain []byte, place ...string) ([]byte, error) {
	return r.ciphers[p].seal(append(dst, version), plain, encode(nil, place))
}

// Open appends the plain text to dst. Any doubt is ErrOpen.
func (r *Ring) Open(dst []byte, p Purpose, sealed []byte, place ...string) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != version {
		return nil, ErrOpen
	}
	return r.ciphers[p].open(dst, sealed[1:], encode(nil, place))
}

// MAC gives HMAC-SHA-256 over the parts, unambiguously joined: 32 bytes.
func (r *Ring) MAC(p Purpose, parts ...string) []byte {
	h := hmac.New(sha256.New, r.macs[p])
	h.Write(encode(nil, parts))
	return h.Sum(nil)
}

// Equal compares in constant time.
func Equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// Hash is SHA-256, for tokens of full entropy that are looked up by their hash.
func Hash(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// encode joins texts so that no two lists give the same bytes: each is preceded by its length.
func encode(dst []byte, parts []string) []byte {
	for _, p := range parts {
		dst = binary.AppendUvarint(dst, uint64(len(p)))
		dst = append(dst, p...)
	}
	return dst
}

const canaryText = "the root key fits"

// NewCanary gives a value to keep beside the data.
func (r *Ring) NewCanary() ([]byte, error) { return r.Seal(nil, Canary, []byte(canaryText), "canary") }

// CheckCanary reports ErrWrongRoot when the canary was made under another root.
func (r *Ring) CheckCanary(canary []byte) error {
	if plain, err := r.Open(nil, Canary, canary, "canary"); err != nil || string(plain) != canaryText {
		return ErrWrongRoot
	}
	return nil
}
