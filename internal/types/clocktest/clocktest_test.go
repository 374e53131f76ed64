package clocktest

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestApart: with the noise of a busy machine, equal work is never called different, and work that differs by twice the margin
// never equal; both are told from each other with pairs to spare.
func TestApart(t *testing.T) {
	const margin = 50 * time.Microsecond
	noise := rand.New(rand.NewPCG(1, 2))
	request := func(n int, more time.Duration) time.Duration { // long tails, and a machine that is five times slower for a while
		d := 900 + 150*noise.ExpFloat64()
		if noise.IntN(10) == 0 {
			d += 20_000 * noise.Float64()
		}
		if n/500%3 == 1 {
			d *= 5
		}
		return time.Duration(d)*time.Microsecond + more
	}
	sample := func(more time.Duration) Apart {
		d := make([]Pair, 4000)
		for n := range d {
			d[n] = Pair{request(n, more), request(n, 0)}
		}
		return Between(d)
	}
	for range 100 {
		if a := sample(0); !a.Equal(margin) {
			t.Errorf("equal work: %s", a)
		}
		for _, more := range []time.Duration{2 * margin, -2 * margin} {
			if a := sample(more); !a.Differs(margin) {
				t.Errorf("%s more work: %s", more, a)
			}
		}
	}
	if a := Between([]Pair{{1, 2e9}, {3e9, 1}, {1, 1}}); a.Equal(0) || a.Differs(margin) || a.Judged != 1 {
		t.Errorf("three pairs: %s", a)
	}
	if a := Between([]Pair{{1, 2e9}, {2e9, 1}, {1, 1}, {3e9, 3e9}, {3e9, 4e9}, {4e9, 3e9}, {4e9, 4e9}}); a.Equal(margin) || a.Differs(margin) {
		t.Errorf("seven pairs say nothing, and said: %s", a)
	}
}
