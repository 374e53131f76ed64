package session

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

func TestLabel(t *testing.T) {
	for ua, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                           "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":            "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36":                         "Chrome on Android",
		"curl/8.5.0": "curl", "": "an unknown device", "<script>alert(1)</script>": "an unknown device",
	} {
		if got := Label(ua); got != want {
			t.Errorf("%q: %q, want %q", ua, got, want)
		}
	}
}

// none is a database that is not there.
type none struct{ store.DB }

func (none) Dialect() store.Dialect { return store.SQLite }

// bare is a Sessions with nothing behind its cache.
func bare(size int) *Sessions {
	f := feed.New(feed.Config{DB: none{}, Clock: types.SystemClock{}})
	return New(Config{Feed: f, Clock: types.SystemClock{}, CacheSize: size,
		Roles: func(context.Context, store.Reader, types.ID, types.ID, types.Factor, time.Time) (types.ID, types.RoleSet, types.RoleSet, time.Time, error) {
			return "", 0, 0, time.Time{}, nil
		}})
}

func live(account, session types.ID) *entry {
	now := types.Micros(time.Now())
	e := &entry{caller: types.Caller{Kind: types.Signed, Account: account, Session: session}, deadline: now + 1e12, rotateAt: now + 1e12}
	e.seen.Store(now)
	e.persisted.Store(now + 1e12) // no write: there is no store
	return e
}

// TestCacheForgetsWhatWasReadBefore: an entry that was read before a revocation is not put in after it.
func TestCacheForgetsWhatWasReadBefore(t *testing.T) {
	c := newCache(100)
	h := hashOf("a")
	gen := c.gen.Load()
	c.dropAccount("ann") // happens while the entry is being read
	c.put(h, live("ann", "s"), gen)
	if c.get(h) != nil {
		t.Fatal("a stale entry came into the cache")
	}
}

// TestCacheIsBounded: it never holds more than its size, and its indexes shrink with it.
func TestCacheIsBounded(t *testing.T) {
	c := newCache(160)
	for n := range 5000 {
		id := types.ID(fmt.Sprint(n))
		c.put(hashOf(string(id)), live(id, id), c.gen.Load())
	}
	held := 0
	for i := range c.shards {
		held += len(c.shards[i].m)
	}
	if held > 160 || len(c.byAccount) != held || len(c.bySession) != held {
		t.Fatalf("%d entries, %d accounts, %d sessions; want at most 160, all alike", held, len(c.byAccount), len(c.bySession))
	}
}

// TestCacheAtOnce: puts, gets and drops from many sides leave indexes and entries in step.
func TestCacheAtOnce(t *testing.T) {
	c := newCache(64)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 500 {
				id := types.ID(fmt.Sprint(n % 50))
				h := hashOf(string(id))
				switch (n + g) % 4 {
				case 0, 1:
					c.put(h, live(id, id), c.gen.Load())
				case 2:
					c.get(h)
				default:
					c.dropAccount(id)
				}
			}
		})
	}
	wg.Wait()
	for n := range 50 {
		c.dropAccount(types.ID(fmt.Sprint(n)))
	}
	if len(c.byAccount)+len(c.bySession) != 0 {
		t.Fatal("the indexes kept what the cache lost")
	}
}

// stepClock is a wall clock that jumps while the monotonic one goes on: what time.Now gives after the administrator set it.
type stepClock struct {
	begin time.Time
	jump  time.Duration
}

func (c *stepClock) Now() time.Time {
	elapsed := time.Since(c.begin)
	if c.jump == 0 {
		return c.begin.Add(elapsed) // with the monotonic reading
	}
	return c.begin.Round(0).Add(elapsed + c.jump)
}

// TestClockJumpsForward: a wall clock that was set forward is believed: sessions end early, never late.
func TestClockJumpsForward(t *testing.T) {
	c := &stepClock{begin: time.Now()}
	s := bare(10)
	s.cfg.Clock, s.base = c, c.Now()
	before := s.now()
	c.jump = time.Hour
	if s.now().Sub(before) < time.Hour {
		t.Fatal("a clock that was set forward is not believed")
	}
}

// spent is the CPU time of this process so far, user and system, of all its threads.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHit is a request whose session is in the cache. What counts is its CPU, collection of garbage included: the clock also shows what
// else the machine does.
func BenchmarkHit(b *testing.B) {
	s := bare(20_000)
	var tokens []string
	for range 10_000 {
		token := types.Token(32)
		tokens = append(tokens, token)
		s.cache.put(hashOf(token), live(types.RandomID(), types.RandomID()), s.cache.gen.Load())
	}
	b.ReportAllocs()
	before := spent(b)
	for i := 0; b.Loop(); i++ {
		if _, err := s.Authenticate(b.Context(), tokens[i%len(tokens)], Cookie); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(spent(b)-before)/float64(b.N), "cpu-ns/op")
}
