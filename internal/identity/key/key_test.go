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
	"testing"
)

func number(i int64) []byte { return big.NewInt(i).Bytes() }

// TestRSA: keys that are too small or too large, or with which anybody could sign.
func TestRSA(t *testing.T) {
	good, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []int64{3, 65537, 1<<31 - 1} {
		if _, err := RSA(good.N.Bytes(), number(e)); err != nil {
			t.Errorf("%d: %v", e, err)
		}
	}
	of := func(bits uint) []byte { // an odd number of so many bits that no chip made
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		n.SetBit(n, 0, 1)
		for roca(n) {
			n.Add(n, big.NewInt(2))
		}
		return n.Bytes()
	}
	if _, err := RSA(of(8192), number(65537)); err != nil {
		t.Error(err)
	}
	even := new(big.Int).Sub(good.N, big.NewInt(1)).Bytes()
	for name, k := range map[string][2][]byte{"no modulus": {nil, number(3)}, "zero": {{0}, number(3)}, "one": {{1}, number(3)}, "1024 bits": {of(1024), number(3)},
		"2047 bits": {of(2047), number(3)}, "8193 bits": {of(8193), number(3)}, "even": {even, number(3)}, "no exponent": {good.N.Bytes(), nil}, "e 0": {good.N.Bytes(), {0}},
		"e 1": {good.N.Bytes(), {1}}, "e 2": {good.N.Bytes(), {2}}, "e even": {good.N.Bytes(), number(65536)}, "e of 32 bits": {good.N.Bytes(), number(1<<32 - 1)},
		"e of 40 bits": {good.N.Bytes(), number(1<<40 - 1)}, "padded": {append([]byte{0}, good.N.Bytes()...), number(3)}, "padded e": {good.N.Bytes(), {0, 3}}} {
		if _, err := RSA(k[0], k[1]); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
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
		for i, p := range [][2][]byte{{x, off}, {zero, zero}, {x, zero}, {x[1:], y}, {append([]byte{0}, x...), append([]byte{0}, y...)}, {x, nil}, {nil, nil}, {high, y}, {high, high}} {
			if _, err := EC(curve, p[0], p[1]); err == nil {
				t.Errorf("%s: point %d is taken", curve.Params().Name, i)
			}
		}
		if other := map[string]elliptic.Curve{"P-256": elliptic.P384(), "P-384": elliptic.P521(), "P-521": elliptic.P256()}[curve.Params().Name]; other != nil {
			if _, err := EC(other, x, y); err == nil {
				t.Errorf("a point of %s is one of %s", curve.Params().Name, other.Params().Name)
			}
		}
	}
}

// TestSmallOrder: for each refused point a signature can be made out of nothing, which is why it is refused; an honest key is taken.
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
				forged = forged || ed25519.Verify(a, []byte(strconv.Itoa(m)), append(append([]byte{}, r...), make([]byte, 32)...))
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
