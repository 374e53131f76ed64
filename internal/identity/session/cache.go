package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// entry is what a valid token is worth, until a moment. It is never changed except for its two atomics.
type entry struct {
	caller    types.Caller // without address and request id
	transport Transport
	dev       bool
	deadline  int64 // microseconds: absolute end, end of grace, expiry of a grant, or of the entry itself
	rotateAt  int64 // microseconds: from then on the slow way is taken
	seen      atomic.Int64
	persisted atomic.Int64
}

// cache remembers entries by the token's hash. Hits take one read lock of one of its shards. gen counts what was dropped:
// an entry read from the database before something was dropped must not be put in after it.
type cache struct {
	shards [16]shard
	gen    atomic.Int64

	mu        sync.Mutex
	byAccount map[types.ID]map[hash]struct{}
	bySession map[types.ID]map[hash]struct{}
}

type shard struct {
	mu  sync.RWMutex
	max int
	m   map[hash]*entry
	_   [24]byte // keeps neighbours off one cache line
}

func newCache(size int) *cache {
	c := &cache{byAccount: map[types.ID]map[hash]struct{}{}, bySession: map[types.ID]map[hash]struct{}{}}
	for i := range c.shards {
		c.shards[i].m = map[hash]*entry{}
		c.shards[i].max = max(size/len(c.shards), 1)
	}
	return c
}

func (c *cache) shard(h hash) *shard { return &c.shards[h[0]&15] }

func (c *cache) get(h hash) *entry {
	s := c.shard(h)
	s.mu.RLock()
	e := s.m[h]
	s.mu.RUnlock()
	return e
}

// put adds an entry that was read when the generation was gen; it does nothing when something was dropped since.
func (c *cache) put(h hash, e *entry, gen int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen.Load() != gen {
		return
	}
	s := c.shard(h)
	s.mu.Lock()
	var gone hash
	var victim *entry
	if _, have := s.m[h]; !have && len(s.m) >= s.max {
		for k, v := range s.m { // any one: map order is as good as random
			gone, victim = k, v
			break
		}
		delete(s.m, gone)
	}
	s.m[h] = e
	s.mu.Unlock()
	if victim != nil {
		c.unlink(gone, victim)
	}
	link(c.byAccount, e.caller.Account, h)
	link(c.bySession, e.caller.Session, h)
}

func (c *cache) drop(h hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen.Add(1)
	c.remove(h)
}

func (c *cache) dropAccount(id types.ID) { c.dropAll(c.byAccount, id) }
func (c *cache) dropSession(id types.ID) { c.dropAll(c.bySession, id) }

// clear drops everything.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.m)
		s.mu.Unlock()
	}
	clear(c.byAccount)
	clear(c.bySession)
}

func (c *cache) dropAll(index map[types.ID]map[hash]struct{}, id types.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen.Add(1)
	for h := range index[id] {
		c.remove(h)
	}
}

func (c *cache) remove(h hash) {
	s := c.shard(h)
	s.mu.Lock()
	e := s.m[h]
	delete(s.m, h)
	s.mu.Unlock()
	if e != nil {
		c.unlink(h, e)
	}
}

func (c *cache) unlink(h hash, e *entry) {
	unlink(c.byAccount, e.caller.Account, h)
	unlink(c.bySession, e.caller.Session, h)
}

func link(m map[types.ID]map[hash]struct{}, id types.ID, h hash) {
	if m[id] == nil {
		m[id] = map[hash]struct{}{}
	}
	m[id][h] = struct{}{}
}

func unlink(m map[types.ID]map[hash]struct{}, id types.ID, h hash) {
	delete(m[id], h)
	if len(m[id]) == 0 {
		delete(m, id)
	}
}

// usable reports whether the entry still stands at now, given the idle limit.
func (e *entry) usable(now int64, idle time.Duration) bool {
	since := now - e.seen.Load()
	return now < e.deadline && now < e.rotateAt && since < idle.Microseconds() && since > -backwards.Microseconds()
}
