package refusal

import (
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Guesses is how many conflicts with rows that he may not read an account has in an hour: enough for honest accidents, too few
// to test a list of persons against a unique field.
const Guesses = 10

// window is how long a guess counts.
const window = time.Hour

// maxGuessers bounds the memory; beyond it accounts whose guesses are over are forgotten first.
const maxGuessers = 1 << 16

// Budget rations guesses per account. The zero value is ready; safe for concurrent use.
type Budget struct {
	mu    sync.Mutex
	spent map[types.ID][]time.Time
}

// Spend counts a guess.
func (b *Budget) Spend(account types.ID, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent == nil || len(b.spent) >= maxGuessers {
		kept := map[types.ID][]time.Time{}
		for id, list := range b.spent {
			if list = recent(list, now); len(list) > 0 {
				kept[id] = list
			}
		}
		b.spent = kept
	}
	b.spent[account] = append(recent(b.spent[account], now), now)
}

// Left refuses an account that has used up its guesses, with the time to wait. It is asked before anything is looked up, so
// that the refusal tells nothing about stored rows.
func (b *Budget) Left(account types.ID, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := recent(b.spent[account], now)
	if len(list) < Guesses {
		return nil
	}
	return &types.Error{Kind: types.TooMany, Code: "too_many_conflicts", RetryAfter: window - now.Sub(list[len(list)-Guesses]),
		Detail: "too many of your values were not accepted; write this unique field again later"}
}

// recent drops the guesses whose hour is over. A guess from the future (a clock that went back) still counts.
func recent(list []time.Time, now time.Time) []time.Time {
	i := 0
	for i < len(list) && now.Sub(list[i]) >= window {
		i++
	}
	return list[i:]
}
