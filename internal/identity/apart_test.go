package identity_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// apart is how far two kinds of request are apart by the clock: the median of the differences within pairs, and the interval in
// which it lies with a confidence of 99.9 %.
//
// The two requests of a pair follow one another in random order, so that what else the machine does meets both alike, and
// whatever it does to the times, equal work leaves the sign of a difference to the coin. The interval is the one that the sign
// test does not reject: it lies between two order statistics of the differences, and asks nothing of their distribution, which
// on a shared machine has long tails and changes by the second (Conover, Practical Nonparametric Statistics, 3rd ed., §3.2).
type apart struct {
	low, median, high time.Duration
	pairs             int
}

// confidence is the quantile of the normal distribution for 99.9 % on two sides.
const confidence = 3.2905

// between judges differences; it sorts them.
func between(d []time.Duration) apart {
	slices.Sort(d)
	k := max(int(float64(len(d))/2-confidence*math.Sqrt(float64(len(d)))/2), 0)
	return apart{d[k], d[len(d)/2], d[len(d)-1-k], len(d)}
}

// equal: the whole interval lies within the margin. This is the direction that matters: two tests, one for each side, must reject
// that the work differs by the margin or more (Schuirmann 1987, two one-sided tests). Noise widens the interval, so a busy machine
// can keep us from saying equal, never make us say it.
func (a apart) equal(margin time.Duration) bool { return -margin < a.low && a.high < margin }

// differs: the whole interval lies beyond the margin.
func (a apart) differs(margin time.Duration) bool { return a.low > margin || a.high < -margin }

func (a apart) String() string {
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return fmt.Sprintf("%.1f µs apart (99.9 %%: %.1f to %.1f) in %d pairs", us(a.median), us(a.low), us(a.high), a.pairs)
}

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
	sample := func(more time.Duration) apart {
		d := make([]time.Duration, 8000)
		for n := range d {
			d[n] = request(n, more) - request(n, 0)
		}
		return between(d)
	}
	for range 200 {
		if a := sample(0); !a.equal(margin) {
			t.Errorf("equal work: %s", a)
		}
		for _, more := range []time.Duration{2 * margin, -2 * margin} {
			if a := sample(more); !a.differs(margin) {
				t.Errorf("%s more work: %s", more, a)
			}
		}
	}
	if few := between([]time.Duration{0, 0, 0}); few.pairs != 3 {
		t.Error("few pairs")
	}
	if wide := between([]time.Duration{-1e9, 0, 0, 0, 1e9}); wide.equal(margin) || wide.differs(margin) {
		t.Errorf("five pairs say nothing, and said: %s", wide)
	}
}
