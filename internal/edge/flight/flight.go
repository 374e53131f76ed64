// Package flight bounds the bytes of bodies that are held at once.
//
// Policy: what counts is what has come, not what was declared. Anonymous callers have half of the whole and one network a quarter, so that
// nobody's bodies close the door to everybody's; long bodies take turns, because to decode one costs ten times its length for a moment.
package flight

import (
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
)

// Flight counts what is held, from the first byte of a body that is read to the answer. It is safe for concurrent use.
type Flight struct {
	most  int64
	turns chan struct{}

	mu        sync.Mutex
	all       int64
	anonymous int64
	per       map[netip.Prefix]int64
}

// New bounds the whole to most bytes; 0 means 32 MiB, or less under a limit on memory, and some bodies of the largest size in any case.
func New(most, maxBody int64) *Flight {
	if most == 0 {
		most = mostFlight
		if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
			most = min(most, limit/memoryPerByte)
		}
		most = max(most, leastFlight*maxBody)
	}
	return &Flight{most: most, turns: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))), per: map[netip.Prefix]int64{}}
}

// Share is what one request holds.
type Share struct {
	Network   netip.Prefix // where it comes from
	Anonymous bool         // nobody is signed in
	bytes     int64
	turn      bool
}

// Long bodies take turns: decoding one costs ten times its length for a moment, and no processor decodes two at once.
const (
	longBody = 64 << 10
	turnTime = 10 * time.Second
)

// Wait gives the request a turn if its body is long, and refuses when the turn does not come.
func (f *Flight) Wait(h *Share, body int) error {
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

// Take lets the request hold n bytes more, or says when to come again.
func (f *Flight) Take(h *Share, n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	full := f.all+n > f.most || f.per[h.Network]+n > f.most/4 || h.Anonymous && f.anonymous+n > f.most/2
	if full {
		return errBodies
	}
	h.bytes += n
	f.all += n
	f.per[h.Network] += n
	if h.Anonymous {
		f.anonymous += n
	}
	return nil
}

var errBodies = &types.Error{Kind: types.Unavailable, Code: "too_many_bodies", RetryAfter: 2 * time.Second,
	Detail: "too many long bodies are on their way at once; try again in a few seconds"}

// Give returns what the request holds.
func (f *Flight) Give(h *Share) {
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
	if h.Anonymous {
		f.anonymous -= h.bytes
	}
	if f.per[h.Network] -= h.bytes; f.per[h.Network] <= 0 {
		delete(f.per, h.Network)
	}
	h.bytes = 0
}

// Held is how many bytes of bodies are held now.
func (f *Flight) Held() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all
}
