package edge

import (
	"net/netip"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// TestLimitsOutliveAFloodOfNetworks: who is held back stays held back while strangers come from more networks than are remembered.
func TestLimitsOutliveAFloodOfNetworks(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := newLimits(decl.Limits{PerAddress: decl.Rate{Count: 1, Per: time.Hour}})
	held := netip.MustParsePrefix("192.0.2.0/24")
	for l.address.take(held, now) == nil {
	}
	for i := range 3 * maxBuckets {
		stranger := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		if l.address.take(stranger, now) != nil {
			t.Fatalf("stranger %d is held back", i)
		}
		if i%1000 == 0 && l.address.take(held, now) == nil {
			t.Fatalf("after %d strangers the one who was held back may go on", i)
		}
	}
	if n := len(l.address.young) + len(l.address.old); n > 2*maxBuckets {
		t.Errorf("%d networks are remembered", n)
	}
}
