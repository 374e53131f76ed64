package key

import "math/big"

// roca tells whether a modulus has the fingerprint of keys that Infineon's RSALib made (CVE-2017-15361): its remainder
// by each of these primes is a power of 65537. A key that was made well has it about once in 2^28.
func roca(n *big.Int) bool {
	for _, p := range []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157} {
		if !power(new(big.Int).Mod(n, big.NewInt(p)).Int64(), p) {
			return false
		}
	}
	return true
}

// power tells whether r is a power of 65537 modulo p.
func power(r, p int64) bool {
	x := int64(1)
	for range p {
		if x == r {
			return true
		}
		x = x * 65537 % p
	}
	return false
}
