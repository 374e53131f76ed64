package sqlite

import (
	"sync"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/fair"
)

// queue holds the jobs that wait for the writer. Accounts take turns (store.Turn), so that a caller waits behind at most one job of each
// other caller, whatever those have asked for. Jobs that run alone come first.
type queue struct {
	mu     sync.Mutex
	turns  fair.Turns[*job]
	alone  []*job
	closed bool
	ready  chan struct{}
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// push adds a job; false when the database closes.
func (q *queue) push(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	if j.exclusive != nil {
		q.alone = append(q.alone, j)
	} else {
		q.turns.Push(store.TurnOf(j.ctx), j)
	}
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true
}

// take returns the next job that may share a commit, nil when none waits or one that runs alone is due.
func (q *queue) take() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.alone) > 0 {
		return nil
	}
	j, _, _ := q.turns.Pop(nil)
	return j
}

// wait returns the next job as soon as there is one; nil when the database closes and nothing waits any more.
func (q *queue) wait(closing <-chan struct{}) *job {
	for {
		q.mu.Lock()
		if len(q.alone) > 0 {
			j := q.alone[0]
			q.alone = q.alone[1:]
			q.mu.Unlock()
			return j
		}
		j, _, ok := q.turns.Pop(nil)
		if !ok {
			select {
			case <-closing:
				q.closed = true
			default:
			}
		}
		closed := q.closed
		q.mu.Unlock()
		if ok {
			return j
		}
		if closed {
			return nil
		}
		select {
		case <-q.ready:
		case <-closing:
		}
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.turns.Len() + len(q.alone)
}
