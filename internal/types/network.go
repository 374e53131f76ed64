package types

import "net/netip"

// Network is the network that an address is counted and recorded with: /24 of IPv4, /56 of IPv6, which is what one
// customer gets (RIPE-690, section 4.2). IPv4 written as IPv6 is IPv4. An address that is not valid has none: the zero Prefix.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 56
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
