package refusal

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Guesses is how many conflicts with rows that they may not read an account has in an hour: enough for honest accidents, too few
// to test a list of persons against a unique field.
const Guesses = 10

// window is how long a guess counts.
const window = time.Hour

// maxGuessers bounds the memory; beyond it those whose guesses are over are forgotten first, and then others.
const maxGuessers = 1 << 16

// Guesser is who has a budget: an account; without one a network, and that for each collection, so that nobody uses up what
// strangers have elsewhere.
type Guesser struct {
	Account    types.ID
	Network    netip.Prefix
	Collection string
}

// Who gives the budget that a write to a collection draws from.
func Who(c *types.Caller, collection string) Guesser {
	if c.Account != "" {
		return Guesser{Account: c.Account}
	}
	return Guesser{Collection: collection, Network: types.Network(c.Address)}
}

// purse is one budget.
type purse struct {
	spent  []time.Time
	out    int           // taken and not settled
	change chan struct{} // closed when out becomes less
}

// Budget rations guesses. The zero value is ready; safe for concurrent use.
type Budget struct {
	mu     sync.Mutex
	purses map[Guesser]*purse
}

// Take draws a guess before anything is looked up, so that a refusal tells nothing about stored rows. A budget that is used up refuses
// with the time to wait. While others of the same guesser are under way and might use up the rest, it waits for them. What was taken
// is settled, by Settle, exactly once.
func (b *Budget) Take(ctx context.Context, who Guesser, now time.Time) error {
	for {
		wait, err := b.take(who, now)
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take draws a guess, or gives what to wait for.
func (b *Budget) take(who Guesser, now time.Time) (wait <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.purses[who]
	if p == nil {
		b.room(now)
		p = &purse{change: make(chan struct{})}
		b.purses[who] = p
	}
	p.spent = recent(p.spent, now)
	switch n := len(p.spent); {
	case n >= Guesses:
		return nil, &types.Error{Kind: types.TooMany, Code: "too_many_conflicts", RetryAfter: window - now.Sub(p.spent[n-Guesses]),
			Detail: "too many of your values were not accepted; write this unique field again later"}
	case n+p.out >= Guesses:
		return p.change, nil
	}
	p.out++
	return nil, nil
}

// Settle ends what Take began: the guess was one, or it is given back.
func (b *Budget) Settle(who Guesser, guessed bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.purses[who]
	p.out--
	if guessed {
		p.spent = append(recent(p.spent, now), now)
	}
	close(p.change)
	p.change = make(chan struct{})
	if p.out == 0 && len(p.spent) == 0 {
		delete(b.purses, who)
	}
}

// Len is how many guessers are remembered.
func (b *Budget) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.purses)
}

// room forgets purses when there are too many: those that are full again, else any half. Those that somebody has drawn from stay.
func (b *Budget) room(now time.Time) {
	if b.purses == nil {
		b.purses = map[Guesser]*purse{}
	}
	if len(b.purses) < maxGuessers {
		return
	}
	for who, p := range b.purses {
		if p.out == 0 && len(recent(p.spent, now)) == 0 {
			delete(b.purses, who)
		}
	}
	for who, p := range b.purses {
		if len(b.purses) <= maxGuessers/2 {
			return
		}
		if p.out == 0 {
			delete(b.purses, who)
		}
	}
}

// recent drops the guesses whose hour is over. A guess from the future (a clock that went back) still counts.
func recent(list []time.Time, now time.Time) []time.Time {
	i := 0
	for i < len(list) && now.Sub(list[i]) >= window {
		i++
	}
	return list[i:]
}
