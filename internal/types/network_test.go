package types_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7":              "203.0.113.0/24",
		"::ffff:203.0.113.7":       "203.0.113.0/24",
		"2001:db8:1:2ff:3::4":      "2001:db8:1:200::/56",
		"fe80::1%eth0":             "fe80::/56",
		"2001:db8:1:300::":         "2001:db8:1:300::/56",
		"2001:db8:1:2ff:ffff::ff":  "2001:db8:1:200::/56",
		"0.0.0.0":                  "0.0.0.0/24",
		"2001:db8:ffff:ffff::8000": "2001:db8:ffff:ff00::/56",
	} {
		if got := types.Network(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if types.Network(netip.Addr{}).IsValid() {
		t.Error("no address has a network")
	}
}

func TestCallerIsFresh(t *testing.T) {
	now := clock
	for ago, want := range map[time.Duration]bool{
		0: true, 5 * time.Minute: true, 5*time.Minute + 1: false, // the limit itself counts
		-59 * time.Second: true, -time.Minute: false, -time.Hour: false, // a clock that was put back
	} {
		if got := (&types.Caller{FreshAt: now.Add(-ago)}).Fresh(now, 5*time.Minute); got != want {
			t.Errorf("proved %v ago: fresh is %v", ago, got)
		}
	}
	if (&types.Caller{}).Fresh(now, 1<<62) {
		t.Error("a caller who never proved a factor is fresh")
	}
}

var clock = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
