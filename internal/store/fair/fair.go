// Package fair shares what cannot be had at once: a queue in which keys take turns, and a gate that lets a bounded number in.
//
// Policy: a key that asks often waits behind itself and never delays another key by more than one turn.
package fair

import (
	"context"
	"sync"
)

// Turns is a queue in which keys take turns; what one key asks stays in its order. The zero value is ready. Not safe for concurrent use.
type Turns[T any] struct {
	waiting map[string][]T
	order   []string // keys that wait, the next first
	n       int
}

// Push adds what a key asks for.
func (t *Turns[T]) Push(key string, v T) {
	if t.waiting == nil {
		t.waiting = map[string][]T{}
	}
	if len(t.waiting[key]) == 0 {
		t.order = append(t.order, key)
	}
	t.waiting[key] = append(t.waiting[key], v)
	t.n++
}

// Pop takes the oldest of the first key that may have a turn; that key is the last from then on. nil: every key may.
func (t *Turns[T]) Pop(may func(key string) bool) (v T, key string, ok bool) {
	for i, key := range t.order {
		if may != nil && !may(key) {
			continue
		}
		list := t.waiting[key]
		v, list[0] = list[0], v // the queue keeps nothing alive
		t.order = append(t.order[:i], t.order[i+1:]...)
		if t.waiting[key] = list[1:]; len(list) > 1 {
			t.order = append(t.order, key)
		} else {
			delete(t.waiting, key)
		}
		t.n--
		return v, key, true
	}
	return v, "", false
}

// Len is how many wait.
func (t *Turns[T]) Len() int { return t.n }

// Gate lets a bounded number in at once, and of one key a part of them. Who waits enters by turns of keys. Safe for concurrent use.
type Gate struct {
	mu      sync.Mutex
	free    int
	each    int
	inside  map[string]int
	waiting Turns[*visitor]
}

// visitor is one who waits; let is closed when there is room. gone: nobody waits any more.
type visitor struct {
	let  chan struct{}
	in   bool
	gone bool
}

// NewGate returns a gate for n at once, of which one key has at most each. The key "" has no such bound: it is the house itself.
func NewGate(n, each int) *Gate { return &Gate{free: n, each: each, inside: map[string]int{}} }

// Enter waits for room. Without an error Leave must follow with the same key.
func (g *Gate) Enter(ctx context.Context, key string) error {
	v := &visitor{let: make(chan struct{})}
	g.mu.Lock()
	g.waiting.Push(key, v)
	g.admit()
	g.mu.Unlock()
	select {
	case <-v.let:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if v.in {
		g.left(key)
	}
	v.gone = true
	return ctx.Err()
}

// Leave makes room.
func (g *Gate) Leave(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left(key)
}

func (g *Gate) left(key string) {
	g.free++
	if g.inside[key]--; g.inside[key] == 0 {
		delete(g.inside, key)
	}
	g.admit()
}

func (g *Gate) admit() {
	for g.free > 0 {
		v, key, ok := g.waiting.Pop(func(key string) bool { return key == "" || g.inside[key] < g.each })
		if !ok {
			return
		}
		if v.gone {
			continue
		}
		v.in = true
		g.free--
		g.inside[key]++
		close(v.let)
	}
}
