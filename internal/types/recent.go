package types

import "sync"

// remembered is how many requests a Recent keeps.
const remembered = 1000

// Recent remembers what was said of the last 1,000 requests, newest last. The zero value is ready; safe for concurrent use.
type Recent[T any] struct {
	mu    sync.Mutex
	byID  map[ID]T
	order []ID
}

// Of returns what was said of a request; ok is false when it is not remembered (a restart, or 1,000 requests later).
func (q *Recent[T]) Of(request ID) (x T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	x, ok = q.byID[request]
	return x, ok
}

// Add remembers x of a request; of several the last.
func (q *Recent[T]) Add(request ID, x T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byID == nil {
		q.byID = map[ID]T{}
	}
	if _, known := q.byID[request]; !known {
		q.order = append(q.order, request)
	}
	q.byID[request] = x
	if len(q.order) > remembered {
		delete(q.byID, q.order[0])
		q.order = q.order[1:]
	}
}
