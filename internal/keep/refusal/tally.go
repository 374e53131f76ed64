// Package refusal counts the noes: evidence of refusals that would fill the log is coalesced, and guesses at values that the
// guesser may not read are rationed.
//
// Policy: both are counted per account, in memory, in each process. What a crash loses is at most one minute of counts; the
// first refusals of that minute are in the log already.
//
// The map: tally.go (evidence), budget.go (guesses).
package refusal

import (
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Singly is how many refusals of one caller on one route in one minute are entries of their own.
const Singly = 20

// maxLanes bounds the memory of a minute; refusals beyond it are entries of their own.
const maxLanes = 1 << 16

// lane is one caller on one route.
type lane struct {
	account    types.ID
	kind       types.CallerKind
	event      types.Event
	collection string
}

// Tally coalesces refusals per caller, route and minute. The zero value is ready; safe for concurrent use.
type Tally struct {
	mu     sync.Mutex
	minute int64
	seen   map[lane]int64
	last   map[lane]types.Entry // of lanes beyond Singly
	due    []types.Entry
}

// Add takes a refusal and gives the entries that are to be recorded now: the refusal itself while it is among the first of
// its minute, and one counted entry for each lane of earlier minutes that had more.
func (t *Tally) Add(e types.Entry) []types.Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(e.At)
	out := t.due
	t.due = nil
	k := lane{e.Account, e.Kind, e.Event, e.Collection}
	n := t.seen[k] + 1
	if n == 1 && len(t.seen) >= maxLanes {
		return append(out, e)
	}
	t.seen[k] = n
	if n <= Singly {
		return append(out, e)
	}
	e.Row, e.Fields, e.RequestID, e.Count = "", nil, "", n-Singly
	t.last[k] = e
	return out
}

// Due gives the counted entries of minutes that are over.
func (t *Tally) Due(now time.Time) []types.Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	out := t.due
	t.due = nil
	return out
}

// turn closes the minute when another has begun. A clock that goes back closes it too.
func (t *Tally) turn(now time.Time) {
	m := now.Unix() / 60
	if m == t.minute && t.seen != nil {
		return
	}
	for _, e := range t.last {
		t.due = append(t.due, e)
	}
	t.minute, t.seen, t.last = m, map[lane]int64{}, map[lane]types.Entry{}
}
