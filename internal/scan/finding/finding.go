// Package finding is what rules about sources say: findings and what could not be told, each once at a place. A finding is a rule and a place;
// it never holds the value that was found.
package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxFound is how many findings are listed, and as many unknowns.
const maxFound = 20_000

// Rule is one kind of fault.
type Rule struct {
	ID, Title, Severity, CWE, Do string
}

// Finding is one fault at a place.
type Finding struct {
	Rule     string `json:"rule"`
	Title    string `json:"title"`
	Severity string `json:"severity"` // critical, high, medium, low
	CWE      string `json:"cwe"`      // CWE-614
	Do       string `json:"do"`
	File     string `json:"file"` // below the root, with slashes
	Line     int    `json:"line"` // 1 when what is missing has no line
}

// Unknown is what could not be told, and of which rules; no rules stand for all.
type Unknown struct {
	File  string
	Line  int
	Rules []string
	Why   string
}

// String is the unknown as people read it: file:line: why.
func (u Unknown) String() string {
	text := u.File
	if u.Line > 0 {
		text += fmt.Sprintf(":%d", u.Line)
	}
	text += ": " + u.Why
	if len(u.Rules) > 0 {
		text += " (" + strings.Join(u.Rules, ", ") + ")"
	}
	return text
}

// Report is what was found, ordered by file and line.
type Report struct {
	Findings []Finding
	Unknowns []Unknown
}

// List gathers a report. Its zero value is empty.
type List struct {
	seen   map[place]bool
	report Report
}

// place tells findings apart.
type place struct {
	rule, file string
	line       int
}

// fresh tells whether a place is new.
func (l *List) fresh(rule, file string, line int) bool {
	at := place{rule, file, line}
	if l.seen == nil {
		l.seen = map[place]bool{}
	}
	if l.seen[at] {
		return false
	}
	l.seen[at] = true
	return true
}

// Fault records a finding, each once at a place.
func (l *List) Fault(r Rule, file string, line int) {
	if len(l.report.Findings) >= maxFound || !l.fresh(r.ID, file, line) {
		return
	}
	l.report.Findings = append(l.report.Findings, Finding{r.ID, r.Title, r.Severity, r.CWE, r.Do, file, line})
	if len(l.report.Findings) == maxFound {
		l.Unknown(file, 0, fmt.Sprintf("more than %d faults were found, and the rest is not listed; scan the parts of the project", maxFound))
	}
}

// Unknown records what could not be told, each once.
func (l *List) Unknown(file string, line int, why string, rules ...string) {
	if len(l.report.Unknowns) <= maxFound && l.fresh(why+strings.Join(rules, " "), file, line) {
		l.report.Unknowns = append(l.report.Unknowns, Unknown{file, line, rules, why})
	}
}

// Report gives what was gathered, in order.
func (l *List) Report() Report {
	slices.SortStableFunc(l.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule))
	})
	slices.SortStableFunc(l.report.Unknowns, func(a, b Unknown) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Why, b.Why))
	})
	return l.report
}
