package identity_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// pair is how long two requests took that followed one another.
type pair struct{ one, other time.Duration }

// apart is how far two kinds of request are apart by the clock: the median of the differences within pairs, and the interval in
// which it lies with a confidence of 99.9 %.
//
// The requests of a pair follow one another in random order. So what else the machine does meets both alike, and whatever it does
// to the times, equal work leaves the sign of a difference to the coin. The calmest third of the pairs is judged, by the sum of
// their two times: noise only ever adds, and a sum does not know which of the two was which, so that the choice favours neither.
// (Crosby, Wallach and Riedi, see mostMargin, compare low quantiles for the same reason.) The interval is the one that the sign test
// does not reject: it lies between two order statistics of the differences and asks nothing of their distribution, which on a
// shared machine has long tails and changes by the second (Conover, Practical Nonparametric Statistics, 3rd ed., §3.2).
type apart struct {
	low, median, high time.Duration
	pairs, judged     int
}

// confidence is the quantile of the normal distribution for 99.9 % on two sides.
const confidence = 3.2905

// between judges pairs; it sorts them.
func between(pairs []pair) apart {
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.one+a.other, b.one+b.other) })
	d := make([]time.Duration, (len(pairs)+2)/3)
	for n := range d {
		d[n] = pairs[n].one - pairs[n].other
	}
	slices.Sort(d)
	k := max(int(float64(len(d))/2-confidence*math.Sqrt(float64(len(d)))/2), 0)
	return apart{d[k], d[len(d)/2], d[len(d)-1-k], len(pairs), len(d)}
}

// equal: the whole interval lies within the margin. This is the direction that matters: two tests, one for each side, must reject
// that the work differs by the margin or more (Schuirmann 1987, two one-sided tests). Noise widens the interval, so a busy machine
// can keep us from saying equal, never make us say it.
func (a apart) equal(margin time.Duration) bool { return -margin < a.low && a.high < margin }

// differs: the whole interval lies beyond the margin.
func (a apart) differs(margin time.Duration) bool { return a.low > margin || a.high < -margin }

func (a apart) String() string {
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return fmt.Sprintf("%.1f µs apart (99.9 %%: %.1f to %.1f) in the calmest %d of %d pairs", us(a.median), us(a.low), us(a.high), a.judged, a.pairs)
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
		d := make([]pair, 4000)
		for n := range d {
			d[n] = pair{request(n, more), request(n, 0)}
		}
		return between(d)
	}
	for range 100 {
		if a := sample(0); !a.equal(margin) {
			t.Errorf("equal work: %s", a)
		}
		for _, more := range []time.Duration{2 * margin, -2 * margin} {
			if a := sample(more); !a.differs(margin) {
				t.Errorf("%s more work: %s", more, a)
			}
		}
	}
	if a := between([]pair{{1, 2e9}, {3e9, 1}, {1, 1}}); a.equal(0) || a.differs(margin) || a.judged != 1 {
		t.Errorf("three pairs: %s", a)
	}
	if a := between([]pair{{1, 2e9}, {2e9, 1}, {1, 1}, {3e9, 3e9}, {3e9, 4e9}, {4e9, 3e9}, {4e9, 4e9}}); a.equal(margin) || a.differs(margin) {
		t.Errorf("seven pairs say nothing, and said: %s", a)
	}
}
