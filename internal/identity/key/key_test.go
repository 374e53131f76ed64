package key

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"strconv"
	"sync"
	"testing"
)

func number(i int64) []byte { return big.NewInt(i).Bytes() }

var made = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func refused(t *testing.T, keys map[string][2][]byte) {
	t.Helper()
	for name, k := range keys {
		if _, err := RSA(k[0], k[1]); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// odd is an odd number of so many bits that no chip made.
func odd(bits uint) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	n.SetBit(n, 0, 1)
	for roca(n) {
		n.Add(n, big.NewInt(2))
	}
	return n.Bytes()
}

// TestSize: keys that are too small, or too dear.
func TestSize(t *testing.T) {
	if _, err := RSA(odd(8192), number(65537)); err != nil {
		t.Error(err)
	}
	refused(t, map[string][2][]byte{"1024 bits": {odd(1024), number(3)}, "2047 bits": {odd(2047), number(3)},
		"8193 bits": {odd(8193), number(3)}})
}

// TestExponent: with the exponent 1 anybody can sign, with an even one nobody.
func TestExponent(t *testing.T) {
	n := made().N.Bytes()
	for _, e := range []int64{3, 65537, 1<<31 - 1} {
		if _, err := RSA(n, number(e)); err != nil {
			t.Errorf("%d: %v", e, err)
		}
	}
	refused(t, map[string][2][]byte{"1": {n, {1}}, "2": {n, {2}}, "65536": {n, number(65536)}})
}

// TestRSA: numbers that are none of a key.
func TestRSA(t *testing.T) {
	n := made().N.Bytes()
	even := new(big.Int).Sub(made().N, big.NewInt(1)).Bytes()
	refused(t, map[string][2][]byte{"no modulus": {nil, number(3)}, "zero": {{0}, number(3)}, "even": {even, number(3)},
		"no exponent": {n, nil}, "e 0": {n, {0}}, "e of 32 bits": {n, number(1<<32 - 1)},
		"e of 40 bits": {n, number(1<<40 - 1)}, "padded": {append([]byte{0}, n...), number(3)}, "padded e": {n, {0,
			3}}})
}

// TestROCA: a modulus with the fingerprint of the chip: both primes are k·M + 65537^a modulo M, where M is a product of
// small primes.
func TestROCA(t *testing.T) {
	m := big.NewInt(1)
	for _, p := range []int64{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
		89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167} {
		m.Mul(m, big.NewInt(p))
	}
	factor := func(a int64) *big.Int {
		k := new(big.Int).Lsh(big.NewInt(a), uint(1023-m.BitLen()))
		return k.Add(k.Mul(k, m), new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m))
	}
	n := new(big.Int).Mul(factor(5), factor(7))
	if n.BitLen() < minRSA {
		t.Fatalf("%d bits", n.BitLen())
	}
	refused(t, map[string][2][]byte{"a key of the chip": {n.Bytes(), number(65537)}})
}

// TestEC: points that are not on the curve that is meant.
func TestEC(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, _ := k.PublicKey.Bytes()
		half := len(point) / 2
		x, y := point[1:1+half], point[1+half:]
		if _, err := EC(curve, x, y); err != nil {
			t.Error(err)
		}
		off := append([]byte{}, y...)
		off[half-1] ^= 1
		zero, high := make([]byte, half), curve.Params().P.FillBytes(make([]byte, half))
		for i, p := range [][2][]byte{{x, off}, {zero, zero}, {x, zero}, {x[1:], y}, {append([]byte{0}, x...),
			append([]byte{0}, y...)}, {x, nil}, {nil, nil}, {high, y}, {high, high}} {
			if _, err := EC(curve, p[0], p[1]); err == nil {
				t.Errorf("%s: point %d is taken", curve.Params().Name, i)
			}
		}
		if other := map[string]elliptic.Curve{"P-256": elliptic.P384(), "P-384": elliptic.P521(),
			"P-521": elliptic.P256()}[curve.Params().Name]; other != nil {
			if _, err := EC(other, x, y); err == nil {
				t.Errorf("a point of %s is one of %s", curve.Params().Name, other.Params().Name)
			}
		}
	}
}

// TestSmallOrder: for each refused point a signature can be made out of nothing, which is why it is refused; an honest
// key is taken.
func TestSmallOrder(t *testing.T) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Ed25519(public); err != nil {
		t.Error(err)
	}
	var points [][]byte
	for _, text := range smallOrder() {
		point, _ := hex.DecodeString(text)
		signed := append([]byte{}, point...)
		signed[31] |= 0x80
		points = append(points, point, signed)
	}
	for i, a := range points {
		if _, err := Ed25519(a); err == nil {
			t.Errorf("point %x is taken", a)
		}
		forged := false
		for m := range 64 {
			for _, r := range points {
				forged = forged || ed25519.Verify(a, []byte(strconv.Itoa(m)), append(append([]byte{}, r...),
					make([]byte, 32)...))
			}
		}
		if !forged && i != 1 && i != 3 { // 1 and -1 with the sign bit are no points
			t.Errorf("nobody can sign for %x", a)
		}
	}
	prime, _ := hex.DecodeString("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
	over := append([]byte{}, prime...)
	over[0]++
	for _, a := range [][]byte{prime, over, nil, public[1:], append([]byte{0}, public...)} {
		if _, err := Ed25519(a); err == nil {
			t.Errorf("%x is taken", a)
		}
	}
}
