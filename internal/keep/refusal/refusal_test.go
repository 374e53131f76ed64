package refusal_test

import (
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

// TestGuessesAreRationed: ten in an hour for each account; each comes back an hour after it was spent.
func TestGuessesAreRationed(t *testing.T) {
	var b refusal.Budget
	for i := range refusal.Guesses {
		if err := b.Left("a", noon); err != nil {
			t.Fatalf("guess %d: %v", i+1, err)
		}
		b.Spend("a", noon.Add(time.Duration(i)*time.Minute))
	}
	at := noon.Add(30 * time.Minute)
	err := b.Left("a", at)
	if e, ok := err.(*types.Error); !ok || e.Kind != types.TooMany || e.RetryAfter != 30*time.Minute {
		t.Errorf("the eleventh: %v", err)
	}
	if b.Left("b", at) != nil {
		t.Error("another account is refused")
	}
	if b.Left("a", noon.Add(time.Hour)) != nil {
		t.Error("an hour after the first there is one again")
	}
	b.Spend("a", noon.Add(time.Hour))
	if b.Left("a", noon.Add(time.Hour)) == nil {
		t.Error("and no more than one")
	}
}
