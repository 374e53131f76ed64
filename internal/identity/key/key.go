// Package key judges public keys that others bring: those of OpenID providers and those of passkeys.
//
// Policy: a public key is a proof only if nobody can sign without the private one. RSA has 2048 to 8192 bits, an odd
// modulus that is not of the kind that a broken chip made (ROCA), and an odd exponent of at least 3; a point lies on
// the curve that its algorithm names; an Ed25519 point is not one of the few for which anybody can sign (small order).
// Numbers are written in their one length.
//
// The map: key.go (RSA, EC, Ed25519), roca.go.
package key

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
)

// Bounds of RSA keys: what NIST SP 800-131A allows, and what a verification may cost.
const (
	minRSA = 2048
	maxRSA = 8192
)

// RSA returns the key of a modulus and an exponent, both big-endian without leading zeros.
func RSA(n, e []byte) (*rsa.PublicKey, error) {
	if len(n) == 0 || n[0] == 0 || len(e) == 0 || e[0] == 0 || len(e) > 4 {
		return nil, errors.New("key: a number of the RSA key is empty, too large or not written in its shortest form")
	}
	exponent := 0
	for _, b := range e {
		exponent = exponent<<8 | int(b)
	}
	modulus := new(big.Int).SetBytes(n)
	switch bits := modulus.BitLen(); {
	case bits < minRSA || bits > maxRSA:
		return nil, fmt.Errorf("key: the RSA key has %d bits; %d to %d are taken", bits, minRSA, maxRSA)
	case exponent < 3 || exponent&1 == 0 || exponent > 1<<31-1:
		return nil, fmt.Errorf("key: %d is not an exponent of RSA", exponent)
	case modulus.Bit(0) == 0:
		return nil, errors.New("key: the modulus is even")
	case roca(modulus):
		return nil, errors.New("key: the RSA key was made by a broken chip (ROCA); its private half can be computed")
	}
	return &rsa.PublicKey{N: modulus, E: exponent}, nil
}

// EC returns the key that is a point of a curve. Both coordinates have the length of the field.
func EC(curve elliptic.Curve, x, y []byte) (*ecdsa.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size {
		return nil, errors.New("key: a coordinate has not the length of its field")
	}
	k, err := ecdsa.ParseUncompressedPublicKey(curve, bytes.Join([][]byte{{4}, x, y}, nil))
	if err != nil {
		return nil, fmt.Errorf("key: the point is not on the curve: %w", err)
	}
	return k, nil
}

// Ed25519 returns the key that is an encoded point of edwards25519 (RFC 8032, section 5.1.5).
func Ed25519(x []byte) (ed25519.PublicKey, error) {
	if len(x) != ed25519.PublicKeySize {
		return nil, errors.New("key: an Ed25519 key has 32 bytes")
	}
	point := bytes.Clone(x)
	point[31] &= 0x7f // the sign of the other coordinate
	if !reduced(point) {
		return nil, errors.New("key: the coordinate is not below the prime of the field")
	}
	for _, weak := range smallOrder() {
		if hex.EncodeToString(point) == weak {
			return nil, errors.New("key: the point has a small order; anybody can sign for it")
		}
	}
	return ed25519.PublicKey(bytes.Clone(x)), nil
}

// smallOrder are the coordinates of the eight points of edwards25519 whose order divides 8, little-endian: 1, -1, 0 and
// the two of order 8. A signature for one of them can be made without a private key.
func smallOrder() []string {
	return []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	}
}

// reduced tells whether a coordinate is below 2^255 - 19, little-endian.
func reduced(y []byte) bool {
	if y[31] != 0x7f || y[0] < 0xed {
		return true
	}
	for _, b := range y[1:31] {
		if b != 0xff {
			return true
		}
	}
	return false
}
