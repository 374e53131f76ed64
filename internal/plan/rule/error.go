package rule

import (
	"fmt"
	"strings"
)

// Error is one thing wrong with an expression. Line and Col count from 1 inside the expression's source; Message ends with
// what to do.
type Error struct {
	Line, Col int
	Message   string
}

func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Message) }

// Nearest returns the word of list that is most like got, "" when none is near.
func Nearest(got string, list []string) string {
	best, score := "", 3
	for _, w := range list {
		if d := distance(strings.ToLower(got), w); d < score {
			best, score = w, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

func suggest(got string, list []string) string {
	if w := Nearest(got, list); w != "" {
		return fmt.Sprintf("; did you mean %q?", w)
	}
	return "; known: " + strings.Join(list, ", ")
}
