package password

import (
	"runtime"
	"testing"
)

// TestMalformedHashCostsADummy: a row that cannot be read takes the memory, and so the time, of one that can: who asks does not learn that
// the account is broken.
func TestMalformedHashCostsADummy(t *testing.T) {
	p := New(Config{Params: cheap})
	taken := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	for _, stored := range []string{"", "x", "$argon2id$nonsense", "$2b$10$tooshort"} {
		before := taken()
		ok, _, err := p.Verify(t.Context(), secret("x"), secret(stored))
		if ok || err == nil {
			t.Fatalf("%q: %v %v", stored, ok, err)
		}
		if n := taken() - before; n < uint64(cheap.MemoryKiB)<<10 {
			t.Errorf("%q: %d bytes of work, want %d KiB", stored, n, cheap.MemoryKiB)
		}
	}
}
