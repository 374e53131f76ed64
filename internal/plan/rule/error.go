package rule

import "fmt"

// Error is one thing wrong with an expression. Line and Col count from 1 inside the expression's source; Message ends with
// what to do.
type Error struct {
	Line, Col int
	Message   string
}

func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Message) }
