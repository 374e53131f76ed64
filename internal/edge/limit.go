package edge

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxBuckets bounds the memory of limits: beyond it the oldest half is forgotten.
const maxBuckets = 50000

// limits are token buckets per network and per account, in this process. Exact counters of sign-ins are identity's.
type limits struct {
	clock            types.Clock
	mu               sync.Mutex
	perPrefix        map[netip.Prefix]*rate.Limiter
	perAccount       map[types.ID]*rate.Limiter
	address, account decl.Rate
}

func newLimits(clock types.Clock, d decl.Limits) *limits {
	l := &limits{clock: clock, perPrefix: map[netip.Prefix]*rate.Limiter{}, perAccount: map[types.ID]*rate.Limiter{}, address: d.PerAddress, account: d.PerAccount}
	if l.address.Count == 0 {
		l.address = decl.Rate{Count: 60000, Per: time.Minute}
	}
	if l.account.Count == 0 {
		l.account = decl.Rate{Count: 600, Per: time.Minute}
	}
	return l
}

// take draws one token; when there is none it says how long to wait.
func take[K comparable](l *limits, buckets map[K]*rate.Limiter, key K, r decl.Rate) error {
	now := l.clock.Now()
	l.mu.Lock()
	b := buckets[key]
	if b == nil {
		if len(buckets) >= maxBuckets {
			clear(buckets)
		}
		b = rate.NewLimiter(rate.Every(r.Per/time.Duration(r.Count)), max(r.Count/4, 10))
		buckets[key] = b
	}
	l.mu.Unlock()
	if b.AllowN(now, 1) {
		return nil
	}
	return &types.Error{Kind: types.TooMany, Code: "too_many_requests", Detail: "slow down and try again later", RetryAfter: max(r.Per/time.Duration(r.Count), time.Second)}
}

// limitPrefix counts requests by network: /24 of IPv4, /56 of IPv6 (what one customer gets).
func (x *exchange) limitPrefix() error {
	bits := 56
	if x.address.Is4() {
		bits = 24
	}
	p, err := x.address.Prefix(bits)
	if err != nil {
		return &types.Error{Kind: types.Malformed, Code: "no_address", Detail: "the connection has no address"}
	}
	return take(x.s.limits, x.s.limits.perPrefix, p, x.s.limits.address)
}

// limitAccount counts requests by account, wherever they come from.
func (x *exchange) limitAccount() error {
	if x.caller.Account == "" {
		return nil
	}
	return take(x.s.limits, x.s.limits.perAccount, x.caller.Account, x.s.limits.account)
}
