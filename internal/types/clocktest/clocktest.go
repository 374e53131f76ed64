// Package clocktest judges by the clock whether two kinds of request do the same work, for tests that are asked to (make timing): a clock
// asserts nothing on a machine that has other work.
package clocktest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// Internet is what attackers tell apart across the Internet at best: 15 to 100 µs (Crosby, Wallach, Riedi: Opportunities and Limits of
// Remote Timing Attacks, ACM TISSEC 12(3), 2009).
const Internet = 15 * time.Microsecond

// Pair is how long two requests took that followed one another.
type Pair struct{ One, Other time.Duration }

// Apart is how far two kinds of request are apart by the clock: the median of the differences within pairs, and the interval in
// which it lies with a confidence of 99.9 %.
//
// The requests of a pair follow one another in random order. So what else the machine does meets both alike, and whatever it does
// to the times, equal work leaves the sign of a difference to the coin. The calmest third of the pairs is judged, by the sum of
// their two times: noise only ever adds, and a sum does not know which of the two was which, so that the choice favours neither.
// (Crosby, Wallach and Riedi, see Internet, compare low quantiles for the same reason.) The interval is the one that the sign test
// does not reject: it lies between two order statistics of the differences and asks nothing of their distribution, which on a
// shared machine has long tails and changes by the second (Conover, Practical Nonparametric Statistics, 3rd ed., §3.2).
type Apart struct {
	Low, Median, High time.Duration
	Pairs, Judged     int
}

// confidence is the quantile of the normal distribution for 99.9 % on two sides.
const confidence = 3.2905

// Between judges pairs; it sorts them.
func Between(pairs []Pair) Apart {
	slices.SortFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.One+a.Other, b.One+b.Other) })
	d := make([]time.Duration, (len(pairs)+2)/3)
	for n := range d {
		d[n] = pairs[n].One - pairs[n].Other
	}
	slices.Sort(d)
	k := max(int(float64(len(d))/2-confidence*math.Sqrt(float64(len(d)))/2), 0)
	return Apart{d[k], d[len(d)/2], d[len(d)-1-k], len(pairs), len(d)}
}

// Equal: the whole interval lies within the margin. This is the direction that matters: two tests, one for each side, must reject
// that the work differs by the margin or more (Schuirmann 1987, two one-sided tests). Noise widens the interval, so a busy machine
// can keep us from saying equal, never make us say it.
func (a Apart) Equal(margin time.Duration) bool { return -margin < a.Low && a.High < margin }

// Differs: the whole interval lies beyond the margin.
func (a Apart) Differs(margin time.Duration) bool { return a.Low > margin || a.High < -margin }

// Told: it is known whether the work is equal or different.
func (a Apart) Told(margin time.Duration) bool { return a.Equal(margin) || a.Differs(margin) }

// Demand says what was found, and fails t unless the work is equal; tells is what different work would give away.
func (a Apart) Demand(t testing.TB, margin time.Duration, tells string) {
	t.Helper()
	switch {
	case a.Equal(margin):
		t.Logf("equal: %s, margin %s", a, margin)
	case a.Differs(margin):
		t.Errorf("different: %s, margin %s; it tells %s", a, margin, tells)
	default:
		t.Errorf("open: %s, margin %s; the machine is too busy to say", a, margin)
	}
}

func (a Apart) String() string {
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return fmt.Sprintf("%.1f µs apart (99.9 %%: %.1f to %.1f) in the calmest %d of %d pairs", us(a.Median), us(a.Low), us(a.High), a.Judged, a.Pairs)
}

// Until measures pairs until enough is known, or there were patience times as many: one and other are run, in random order, warm times before
// any counts.
func Until(pairs, warm, patience int, one, other func(), enough func(Apart) bool) (a Apart) {
	for range warm {
		InRandomOrder(one, other)
	}
	var took []Pair
	for n := pairs; n <= patience*pairs; n *= 2 {
		for len(took) < n {
			took = append(took, InRandomOrder(one, other))
		}
		if a = Between(took); enough(a) {
			break
		}
	}
	return a
}

// InRandomOrder runs both, the one or the other first.
func InRandomOrder(one, other func()) (p Pair) {
	clock := func(f func(), took *time.Duration) {
		began := time.Now()
		f()
		*took = time.Since(began)
	}
	var coin [1]byte
	rand.Read(coin[:])
	if coin[0]%2 == 0 {
		clock(one, &p.One)
		clock(other, &p.Other)
	} else {
		clock(other, &p.Other)
		clock(one, &p.One)
	}
	return p
}
