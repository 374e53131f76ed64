// Package server finds settings that were left open in servers written for Node and in Go, and in Dockerfiles. It reads sources as text.
package server

import (
	"strconv"

	"github.com/fastness-dev/fastness/internal/scan/finding"
)

// GoWords are those that a file of Go holds when it matters here.
var GoWords = []string{`"net/http"`, `"crypto/tls"`}

// maxValue is how long a value is that may be put into another.
const maxValue = 1024

// Reader reads the sources of one project.
type Reader struct {
	list *finding.List
	node node
}

// New makes a reader that gathers in a list.
func New(list *finding.List) *Reader { return &Reader{list: list} }

// rule is one kind of fault.
type rule struct {
	ID, Title, Severity, CWE, Do string
}

func (s *Reader) fault(r *rule, file string, line int) { s.list.Fault(finding.Rule(*r), file, line) }

func (s *Reader) unknown(file string, line int, why string, rules ...string) {
	s.list.Unknown(file, line, why, rules...)
}

// answer is what a rule says of a value.
type answer byte

const (
	fine answer = iota
	fault
	untold
)

// shape is what is known of a value.
type shape byte

const (
	computed shape = iota // it cannot be followed
	outside               // it comes from the environment
	none
	boolean
	integer
	text
	list
)

// value is what an expression of JavaScript is, as far as the source says so.
type value struct {
	shape shape
	text  string
	n     int64
	items []value
	line  int
}

// has tells whether a list holds a text.
func (v value) has(s string) bool {
	for _, x := range v.items {
		if x.shape == text && x.text == s {
			return true
		}
	}
	return false
}

// truthy makes a boolean.
func truthy(yes bool) value {
	if yes {
		return value{shape: boolean, n: 1}
	}
	return value{shape: boolean}
}

// whole reads a number.
func whole(s string) value {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		return value{}
	}
	return value{shape: integer, n: n}
}

// off answers for a switch that must be on.
func off(v value) answer {
	switch {
	case v.shape == none || (v.shape == boolean || v.shape == integer) && v.n == 0 || v.shape == text && v.text == "":
		return fault
	case v.shape == boolean || v.shape == integer || v.shape == text:
		return fine
	}
	return untold
}

// literal answers for a secret: it must not stand in the source.
func literal(v value) answer {
	switch {
	case v.shape == text && v.text != "" || v.shape == integer:
		return fault
	case v.shape == text || v.shape == none:
		return fine
	}
	return untold
}
