package dial

import "net/netip"

// special are the networks that IANA's registries of special-purpose addresses (RFC 6890 and what followed) mark as not globally
// reachable, and those whose addresses carry an IPv4 address inside, by which a private one could be reached in disguise.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // between carriers and their customers
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local: where clouds keep their metadata
	netip.MustParsePrefix("172.16.0.0/12"),   // private
	netip.MustParsePrefix("192.0.0.0/24"),    // protocols
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // relays of 6to4
	netip.MustParsePrefix("192.168.0.0/16"),  // private
	netip.MustParsePrefix("198.18.0.0/15"),   // measurements
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("224.0.0.0/3"),     // multicast, reserved, broadcast
}

// global6 is all of IPv6 that is given out for global use (RFC 4291), and inner6 what of it is not, or carries IPv4 inside.
var (
	global6 = netip.MustParsePrefix("2000::/3")
	inner6  = []netip.Prefix{
		netip.MustParsePrefix("2001::/23"),     // protocols, Teredo
		netip.MustParsePrefix("2001:db8::/32"), // documentation
		netip.MustParsePrefix("2002::/16"),     // 6to4
		netip.MustParsePrefix("3fff::/20"),     // documentation
	}
)

// Public reports whether an address is one of the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	not := special
	if a.Is6() {
		if !global6.Contains(a) {
			return false
		}
		not = inner6
	}
	for _, p := range not {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
