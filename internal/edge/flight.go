package edge

import (
	"cmp"
	"math"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Bounds of the bodies that are held at once. A byte that was received costs up to twenty bytes of memory until it is answered.
const (
	mostFlight    = 32 << 20 // in all, where nothing says how much memory there is
	leastFlight   = 4        // bodies of the largest size that fit in any case
	memoryPerByte = 32       // of a limit on memory, one byte in so many may be of bodies
	firstRead     = 16 << 10 // a body that says that it is no longer gets its room at once
)

// flight bounds the bytes of bodies that are held at once, from the first byte read to the answer: in all, those of anonymous callers to a
// half, and those of one network to a quarter, so that nobody's bodies close the door to everybody's.
type flight struct {
	most  int64
	turns chan struct{}

	mu        sync.Mutex
	all       int64
	anonymous int64
	per       map[netip.Prefix]int64
}

// newFlight takes what the configuration says, or what the limit on memory leaves.
func newFlight(most, maxBody int64) *flight {
	if most == 0 {
		most = mostFlight
		if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
			most = min(most, limit/memoryPerByte)
		}
		most = max(most, leastFlight*maxBody)
	}
	return &flight{most: most, turns: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))), per: map[netip.Prefix]int64{}}
}

// share is what one exchange holds.
type share struct {
	network   netip.Prefix
	anonymous bool
	bytes     int64
	turn      bool
}

// Long bodies take turns: decoding one costs ten times its length for a moment, and no processor decodes two at once.
const (
	longBody = 64 << 10
	turnTime = 10 * time.Second
)

// wait gives the exchange a turn if its body is long, and refuses when the turn does not come.
func (f *flight) wait(h *share, body int) error {
	if body <= longBody {
		return nil
	}
	late := time.NewTimer(turnTime)
	defer late.Stop()
	select {
	case f.turns <- struct{}{}:
		h.turn = true
		return nil
	case <-late.C:
		return errBodies
	}
}

// take lets the exchange hold n bytes more, or says when to come again.
func (f *flight) take(h *share, n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	full := f.all+n > f.most || f.per[h.network]+n > f.most/4 || h.anonymous && f.anonymous+n > f.most/2
	if full {
		return errBodies
	}
	h.bytes += n
	f.all += n
	f.per[h.network] += n
	if h.anonymous {
		f.anonymous += n
	}
	return nil
}

var errBodies = &types.Error{Kind: types.Unavailable, Code: "too_many_bodies", RetryAfter: 2 * time.Second,
	Detail: "too many long bodies are on their way at once; try again in a few seconds"}

// give returns what the exchange holds.
func (f *flight) give(h *share) {
	if h.turn {
		<-f.turns
		h.turn = false
	}
	if h.bytes == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all -= h.bytes
	if h.anonymous {
		f.anonymous -= h.bytes
	}
	if f.per[h.network] -= h.bytes; f.per[h.network] <= 0 {
		delete(f.per, h.network)
	}
	h.bytes = 0
}

// held is how many bytes of bodies are held now.
func (f *flight) held() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all
}

// bodyCap is the longest body that the caller may send to the route.
func (x *exchange) bodyCap() int64 {
	limit := cmp.Or(x.route.MaxBody, x.s.maxBody)
	if x.caller.Kind == types.Anonymous {
		limit = min(limit, x.s.maxAnonymous)
	}
	return limit
}
