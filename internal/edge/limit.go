package edge

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxBuckets bounds the memory of limits: beyond it those are forgotten that were not drawn from since it was last reached.
const maxBuckets = 50000

// limits are token buckets per network and per account, in this process. Exact counters of sign-ins are identity's.
type limits struct {
	address buckets[netip.Prefix]
	account buckets[types.ID]
}

func newLimits(d decl.Limits) *limits {
	l := &limits{address: buckets[netip.Prefix]{rate: d.PerAddress}, account: buckets[types.ID]{rate: d.PerAccount}}
	if l.address.rate.Count == 0 {
		l.address.rate = decl.Rate{Count: 60000, Per: time.Minute}
	}
	if l.account.rate.Count == 0 {
		l.account.rate = decl.Rate{Count: 600, Per: time.Minute}
	}
	return l
}

// buckets are token buckets of one rate, in two generations: whoever floods us from ever new networks makes us forget those who
// are quiet, and not those whom the limits hold back.
type buckets[K comparable] struct {
	rate       decl.Rate
	mu         sync.Mutex
	young, old map[K]*rate.Limiter
}

// take draws one token at the time when the request came; when there is none it says how long to wait.
func (b *buckets[K]) take(key K, now time.Time) error { return b.draw(key, now, 1) }

// draw takes so many tokens, at most half of what a bucket holds, so that no request is impossible.
func (b *buckets[K]) draw(key K, now time.Time, n int) error {
	l := b.of(key)
	if l.AllowN(now, min(n, max(l.Burst()/2, 1))) {
		return nil
	}
	return &types.Error{Kind: types.TooMany, Code: "too_many_requests", Detail: "slow down and try again later",
		RetryAfter: max(b.rate.Per/time.Duration(b.rate.Count), time.Second)}
}

func (b *buckets[K]) of(key K) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.young[key]; l != nil {
		return l
	}
	if b.young == nil || len(b.young) >= maxBuckets {
		b.old, b.young = b.young, map[K]*rate.Limiter{}
	}
	l := b.old[key]
	if l == nil {
		l = rate.NewLimiter(rate.Every(b.rate.Per/time.Duration(b.rate.Count)), max(b.rate.Count/4, 10))
	}
	b.young[key] = l
	return l
}

// limitPrefix counts requests by network: /24 of IPv4, /56 of IPv6 (what one customer gets).
func (x *exchange) limitPrefix() error {
	x.network = types.Network(x.address)
	if !x.network.IsValid() {
		return &types.Error{Kind: types.Malformed, Code: "no_address", Detail: "the connection has no address"}
	}
	return x.s.limits.address.take(x.network, x.begun)
}

// limitAccount counts requests by account, wherever they come from.
func (x *exchange) limitAccount() error {
	if x.caller.Account == "" {
		return nil
	}
	return x.s.limits.account.take(x.caller.Account, x.begun)
}

// bytesPerToken is how long a body is that costs as much as a request: reading markup takes about 2 µs for each byte.
const bytesPerToken = 16 << 10

// limitLength counts a long body as further requests, since what is slow about a write grows with its length.
func (x *exchange) limitLength() error {
	n := len(x.body) / bytesPerToken
	switch {
	case n == 0:
		return nil
	case x.caller.Account != "":
		return x.s.limits.account.draw(x.caller.Account, x.begun, n)
	}
	return x.s.limits.address.draw(x.network, x.begun, n)
}
