package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"errors"
)

// XAES-256-GCM (C2SP, https://c2sp.org/XAES-256-GCM): AES-256-GCM with a 192-bit nonce, of which the first half derives a key
// per message by the KDF of NIST SP 800-108 in counter mode with CMAC. Nonces are random: 2^80 messages per key are safe.

const (
	xaesNonce    = 24
	xaesOverhead = xaesNonce + 16
)

// xaes holds a key's schedule; safe for concurrent use.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

func newXAES(key []byte) (*xaes, error) {
	if len(key) != 32 {
		return nil, errors.New("seal: a key has 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	// Doubling in GF(2^128), as in CMAC (NIST SP 800-38B section 6.1), in constant time.
	carry := byte(0)
	for i := len(x.k1) - 1; i >= 0; i-- {
		high := x.k1[i] >> 7
		x.k1[i] = x.k1[i]<<1 | carry
		carry = high
	}
	x.k1[len(x.k1)-1] ^= byte(subtle.ConstantTimeSelect(int(carry), 0x87, 0))
	return x, nil
}

// aead derives the message's own AES-256-GCM from the first 12 bytes of the nonce.
func (x *xaes) aead(nonce []byte) (cipher.AEAD, error) {
	var key [32]byte
	for i := range 2 {
		m := key[16*i : 16*i+16]
		m[1], m[2] = byte(i+1), 'X'
		copy(m[4:], nonce[:12])
		subtle.XORBytes(m, m, x.k1[:])
		x.block.Encrypt(m, m)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal appends nonce and ciphertext to dst.
func (x *xaes) seal(dst, plain, aad []byte) ([]byte, error) {
	var nonce [xaesNonce]byte
	rand.Read(nonce[:])
	return x.sealWith(dst, nonce[:], plain, aad)
}

// sealWith takes the nonce; only seal and the published vectors call it.
func (x *xaes) sealWith(dst, nonce, plain, aad []byte) ([]byte, error) {
	a, err := x.aead(nonce)
	if err != nil {
		return nil, err
	}
	dst = append(dst, nonce...)
	return a.Seal(dst, nonce[12:], plain, aad), nil
}

// open appends the plain text of nonce ‖ ciphertext to dst.
func (x *xaes) open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < xaesOverhead {
		return nil, ErrOpen
	}
	a, err := x.aead(sealed[:xaesNonce])
	if err != nil {
		return nil, err
	}
	out, err := a.Open(dst, sealed[12:xaesNonce], sealed[xaesNonce:], aad)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
