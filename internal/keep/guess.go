package keep

import (
	"context"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/keep/refusal"
)

// guesses takes a guess for acts that name a unique field, before anything is looked up; settle spends it when one of them met a row
// that the caller may not read, and gives it back otherwise. Acts of one transaction are one guess, since the first refusal ends it.
// A caller with several budgets draws from each, always in the same order, so that nobody waits for somebody who waits for them.
func (k *Keep) guesses(ctx context.Context, acts ...*act) (settle func(), err error) {
	var drawn []refusal.Guesser
	for _, a := range acts {
		if a.unique() && !a.c.Unruled() {
			drawn = append(drawn, refusal.Who(a.c, a.col.Name))
		}
	}
	slices.SortFunc(drawn, func(a, b refusal.Guesser) int { return strings.Compare(a.Collection, b.Collection) })
	drawn = slices.Compact(drawn)
	taken := 0
	settle = func() {
		for _, who := range drawn[:taken] {
			guessed := slices.ContainsFunc(acts, func(a *act) bool { return a.guessed && refusal.Who(a.c, a.col.Name) == who })
			k.guess.Settle(who, guessed, acts[0].b.Now)
		}
	}
	for _, who := range drawn {
		if err := k.guess.Take(ctx, who, acts[0].b.Now); err != nil {
			settle()
			return nil, err
		}
		taken++
	}
	return settle, nil
}
