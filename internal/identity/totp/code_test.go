package totp

import (
	"testing"
	"time"
)

// TestVectors are those of RFC 6238 appendix B for SHA-1, cut to six digits.
func TestVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924",
		2000000000: "279037", 20000000000: "353130"} {
		if got := Code(secret, Step(time.Unix(at, 0))); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

// TestMatchForgivesOneStep: the step before and after are right, two away is not, and a step that was used never is again.
func TestMatchForgivesOneStep(t *testing.T) {
	secret, now := []byte("12345678901234567890"), time.Unix(1_800_000_000, 0)
	for away, want := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		step, ok := match(secret, Code(secret, Step(now)+away), now, 0)
		if ok != want || ok && step != Step(now)+away {
			t.Errorf("%d steps away: %v", away, ok)
		}
	}
	if _, ok := match(secret, Code(secret, Step(now)), now, Step(now)); ok {
		t.Error("a used step is right again")
	}
	if _, ok := match(secret, Code(secret, Step(now)-1), now, Step(now)); ok {
		t.Error("a step before a used one is right")
	}
}
