// Package strength estimates how early a password would be guessed, as zxcvbn does: it finds words, walks over
// keyboards, sequences, repetitions and dates, and takes the reading with the least entropy.
//
// Policy: scores are those of github.com/ccojocar/zxcvbn-go, whose lists and arithmetic this package uses and whose
// matchers it replaces. That library unpacks its lists when a program starts, which was nine tenths of the time and 18 MiB
// of the memory of every start, commands and password workers included. Here they are unpacked for the first password
// that is judged.
//
// The map: strength.go (Score), word.go (words), disguise.go (letters written as digits and signs), walk.go (keyboards),
// run.go (sequences, repetitions), date.go (dates).
package strength

import (
	"slices"

	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/scoring"
)

// Score is zxcvbn's score of a password, from 0 (guessed at once) to 4. context holds words that are guessed first for
// this account.
func Score(password string, context []string) int {
	found := words(password, ranked(context))
	known := dictionary()
	found = append(found, words(password, known)...)
	for _, plain := range undisguised(password) {
		found = append(found, words(plain, known)...)
	}
	for _, find := range []func(string) []match.Match{walks, repetitions, sequences, dates} {
		found = append(found, find(password)...)
	}
	slices.SortStableFunc(found, func(a, b match.Match) int {
		if a.I != b.I {
			return a.I - b.I
		}
		return a.J - b.J
	})
	return scoring.MinimumEntropyMatchSequence(password, found).Score
}
