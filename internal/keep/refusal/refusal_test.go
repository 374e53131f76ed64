package refusal_test

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep/refusal"
	"github.com/fastness-dev/fastness/internal/types"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func no(account types.ID, collection string, at time.Time) types.Entry {
	return types.Entry{Event: types.RowRead, Account: account, Kind: types.Signed, Collection: collection, At: at, Count: 1, Row: "r", RequestID: "q"}
}

// TestTallyCoalesces: the first twenty refusals of a minute are entries of their own, the rest one entry that counts them; per
// caller, route and minute, and none is lost.
func TestTallyCoalesces(t *testing.T) {
	var tally refusal.Tally
	sum := map[types.ID]int64{}
	note := func(list []types.Entry) (n int) {
		for _, e := range list {
			sum[e.Account] += e.Count
		}
		return len(list)
	}
	for i := range 50 {
		want := 1
		if i >= refusal.Singly {
			want = 0
		}
		if got := note(tally.Add(no("a", "cases", noon))); got != want {
			t.Errorf("refusal %d gives %d entries", i+1, got)
		}
	}
	if note(tally.Add(no("b", "cases", noon))) != 1 || note(tally.Add(no("a", "reports", noon))) != 1 {
		t.Error("another caller or route is counted with the first")
	}
	if got := tally.Due(noon.Add(30 * time.Second)); len(got) != 0 {
		t.Errorf("the minute is not over: %v", got)
	}
	got := tally.Add(no("b", "cases", noon.Add(time.Minute)))
	if len(got) != 2 || got[0].Account != "a" || got[0].Count != 30 || got[0].Row != "" || got[0].RequestID != "" || got[1].Account != "b" {
		t.Errorf("the next minute begins with %+v", got)
	}
	note(got)
	if sum["a"] != 51 || sum["b"] != 2 {
		t.Errorf("%v, want 51 and 2", sum)
	}
	for range 25 {
		note(tally.Add(no("c", "cases", noon)))
	}
	if note(tally.Due(noon.Add(time.Hour))); sum["c"] != 25 {
		t.Errorf("%d of 25 are recorded at the end", sum["c"])
	}
}

// TestGuessesAreRationed: ten in an hour for each account; each comes back an hour after it was spent, and one that was none at once.
func TestGuessesAreRationed(t *testing.T) {
	var b refusal.Budget
	ann, bob := refusal.Guesser{Account: "a"}, refusal.Guesser{Account: "b"}
	take := func(who refusal.Guesser, at time.Time) error { return b.Take(t.Context(), who, at) }
	for i := range refusal.Guesses {
		for range 3 {
			if err := take(ann, noon); err != nil {
				t.Fatalf("guess %d: %v", i+1, err)
			}
			b.Settle(ann, false, noon)
		}
		if err := take(ann, noon); err != nil {
			t.Fatalf("guess %d: %v", i+1, err)
		}
		b.Settle(ann, true, noon.Add(time.Duration(i)*time.Minute))
	}
	at := noon.Add(30 * time.Minute)
	err := take(ann, at)
	if e, ok := err.(*types.Error); !ok || e.Kind != types.TooMany || e.RetryAfter != 30*time.Minute {
		t.Errorf("the eleventh: %v", err)
	}
	if take(bob, at) != nil {
		t.Error("another account is refused")
	}
	if take(ann, noon.Add(time.Hour)) != nil {
		t.Error("an hour after the first there is one again")
	}
	b.Settle(ann, true, noon.Add(time.Hour))
	if take(ann, noon.Add(time.Hour)) == nil {
		t.Error("and no more than one")
	}
}

// TestStrangersHaveTheirOwn: callers without an account are told apart by their network, and by what they write to.
func TestStrangersHaveTheirOwn(t *testing.T) {
	from := func(a string) *types.Caller { return &types.Caller{Address: netip.MustParseAddr(a)} }
	here := refusal.Who(from("192.0.2.1"), "forms")
	for name, other := range map[string]refusal.Guesser{"another network": refusal.Who(from("198.51.100.1"), "forms"), "another collection": refusal.Who(from("192.0.2.1"), "letters"),
		"IPv6": refusal.Who(from("2001:db8:1::1"), "forms"), "no network": refusal.Who(&types.Caller{}, "forms"), "an account": refusal.Who(&types.Caller{Account: "a", Address: netip.MustParseAddr("192.0.2.1")}, "forms")} {
		if here == other {
			t.Errorf("%s draws from the same budget", name)
		}
	}
	if here != refusal.Who(from("192.0.2.200"), "forms") || here != refusal.Who(from("::ffff:192.0.2.7"), "forms") || refusal.Who(from("2001:db8:1:2::1"), "forms") != refusal.Who(from("2001:db8:1:3::9"), "forms") {
		t.Error("one network has several budgets")
	}
	account := &types.Caller{Account: "a"}
	if refusal.Who(account, "forms") != refusal.Who(account, "letters") {
		t.Error("an account has a budget for each collection")
	}
}

// TestGuessesAtOnceAreRationed: a hundred at once find no more than ten, and those that are none all pass.
func TestGuessesAtOnceAreRationed(t *testing.T) {
	var b refusal.Budget
	who := refusal.Guesser{Account: "a"}
	all := func(guessed bool) (passed int64) {
		var n atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if b.Take(t.Context(), who, noon) == nil {
					n.Add(1)
					runtime.Gosched()
					b.Settle(who, guessed, noon)
				}
			})
		}
		wg.Wait()
		return n.Load()
	}
	if n := all(false); n != 100 {
		t.Errorf("%d of 100 honest writes pass", n)
	}
	if n := all(true); n != refusal.Guesses {
		t.Errorf("%d guesses of 100 at once pass", n)
	}
	who.Account = "b"
	for range refusal.Guesses {
		if err := b.Take(t.Context(), who, noon); err != nil {
			t.Fatal(err)
		}
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if err := b.Take(gone, who, noon); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left waits on: %v", err)
	}
}

// TestGuessersAreBounded: more guessers than are remembered do not grow the memory, and those who are under way stay.
func TestGuessersAreBounded(t *testing.T) {
	var b refusal.Budget
	busy := refusal.Guesser{Account: "busy"}
	if err := b.Take(t.Context(), busy, noon); err != nil {
		t.Fatal(err)
	}
	for i := range 3 << 16 {
		who := refusal.Guesser{Account: types.ID(strconv.Itoa(i))}
		if err := b.Take(t.Context(), who, noon); err != nil {
			t.Fatal(err)
		}
		b.Settle(who, true, noon)
	}
	if n := b.Len(); n > 1<<16 {
		t.Errorf("%d guessers are remembered", n)
	}
	b.Settle(busy, true, noon)
}
