package decl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan/slip"
)

// Error is one thing wrong with a declaration, at its place.
type Error struct {
	File    string
	Pos     Pos
	Message string // lower case, ends with what to do
	Line    string // the line of the file, for the excerpt
}

// Error gives "fastness.yaml:31:14: message", the line and a caret.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Pos.Line, e.Pos.Col, e.Message)
	if e.Line != "" {
		pad := []rune(e.Line)
		pad = pad[:min(max(e.Pos.Col-1, 0), len(pad))]
		for i, r := range pad {
			if r != '\t' {
				pad[i] = ' '
			}
		}
		s += "\n    " + e.Line + "\n    " + string(pad) + "^"
	}
	return s
}

// Errors is everything that is wrong, in the order of the file, at most 20.
type Errors []*Error

func (e Errors) Error() string {
	parts := make([]string, len(e))
	for i, x := range e {
		parts[i] = x.Error()
	}
	return strings.Join(parts, "\n")
}

// sorted orders and bounds a list of errors; nil when there is none.
func sorted(list Errors) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b *Error) int {
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line - b.Pos.Line
		}
		return a.Pos.Col - b.Pos.Col
	})
	return list[:min(len(list), 20)]
}

// nearest returns the word most like got, "" when none is near.
func nearest(got string, words []string) string {
	best, score := "", 1+len(got)/3
	for _, w := range words {
		if d := slip.Distance(got, w); d <= score && (best == "" || d < score) {
			best, score = w, d
		}
	}
	return best
}
