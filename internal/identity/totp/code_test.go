package totp

import (
	"crypto/rand"
	"encoding/base32"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
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

// TestOathtool: another program that knows RFC 6238 shows the code that is right here, at moments of which one lies beyond 32 bits.
func TestOathtool(t *testing.T) {
	oathtool := hosttest.Tool(t, "oathtool", "oathtool")
	for _, at := range []time.Time{time.Unix(59, 0), time.Date(2026, 11, 25, 8, 0, 29, 0, time.UTC), time.Date(2110, 1, 1, 0, 0, 0, 0, time.UTC)} {
		secret := make([]byte, 20)
		rand.Read(secret)
		out, err := exec.Command(oathtool, "--totp", "--base32", "--now="+at.UTC().Format("2006-01-02 15:04:05 UTC"), base32.StdEncoding.EncodeToString(secret)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if step, ok := match(secret, strings.TrimSpace(string(out)), at, 0); !ok || step != Step(at) {
			t.Errorf("at %s its code %s is not right", at, out)
		}
	}
}
