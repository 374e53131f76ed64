// Package naive judges rules the slow, plain way: it walks the text of a rule as docs/declaration.md describes it, over rows in
// memory. It exists to disagree: the property test of rules asks it beside the compiled forms, in memory and as SQL.
//
// Policy: it shares no code with what it judges. Nothing is folded, pushed or short-circuited, so that every operand of a rule is
// looked at on every row. Logic has three values (Kleene); the zero Truth is No.
//
// The map: naive.go (worlds, values, judging), parse.go (text to tree).
package naive

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Truth is a value of Kleene's three-valued logic.
type Truth uint8

// The three values. Only Yes allows.
const (
	No Truth = iota
	Unknown
	Yes
)

// String names the value.
func (t Truth) String() string { return [...]string{"no", "unknown", "yes"}[t] }

// Type is what a field holds. Kind is one of text, int, decimal, bool, date, time, ref and list; Of is the kind of a list's
// elements; To is the collection that a ref (or a list of refs) points at.
type Type struct{ Kind, Of, To string }

// Row is a row by field name. Text, dates, decimals and refs are strings, ints are int64, times are time.Time, lists are []any. A
// name that is absent is a missing value.
type Row map[string]any

// World is what rules may look at: every row of every collection, without rules.
type World struct {
	Types map[string]map[string]Type
	Rows  map[string][]Row
	Let   map[string]string // named conditions of the collection at hand
	// PerOrg names the collections whose rows belong to organisations, by their field org. Those of others than the caller's active
	// one are not there for him, wherever a rule looks beyond the row at hand.
	PerOrg map[string]bool
}

// Call is one question: who asks, when, about which row. Me is "" for a caller who is not signed in. New is nil where no row is
// proposed; Row is nil on a create.
type Call struct {
	Collection string
	Me         string
	Org        string // the active organisation, "" for none
	MFA        bool
	Roles      []string
	Now        time.Time
	Row, New   Row
}

// Seen is what a judgement met: how often each operator was used, and whether an operand was missing.
type Seen struct {
	Operators map[string]int
	Missing   bool
}

// Judge says whether a rule holds. The error is about the text of the rule, or a use of types that no rule allows.
func (w *World) Judge(src string, c Call) (Truth, Seen, error) {
	n, err := parse(src)
	if err != nil {
		return No, Seen{}, err
	}
	j := &judge{w: w, c: c, seen: Seen{Operators: map[string]int{}}, vars: map[string]variable{}}
	t := j.condition(n)
	if j.err != nil {
		return No, j.seen, j.err
	}
	return t, j.seen, nil
}

type variable struct {
	collection string
	row        Row
}

type judge struct {
	w    *World
	c    Call
	seen Seen
	vars map[string]variable
	err  error
}

// value is an operand: its type and what it is, nil when missing. A literal has the kind "literal" until it meets its partner.
type value struct {
	of Type
	is any
}

func (j *judge) fail(format string, args ...any) {
	if j.err == nil {
		j.err = fmt.Errorf("naive: "+format, args...)
	}
}

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

// condition judges a node as a condition. Both sides of && and || are always judged.
func (j *judge) condition(n node) Truth {
	switch n := n.(type) {
	case binary:
		return j.binary(n)
	case negation:
		j.seen.Operators["!"]++
		return Yes - j.condition(n.of)
	case call:
		return j.call(n)
	case word:
		if src, ok := j.w.Let[string(n)]; ok {
			sub, err := parse(src)
			if err != nil {
				j.fail("let %s: %v", n, err)
				return No
			}
			j.seen.Operators["let"]++
			return j.condition(sub)
		}
	case literal:
		if b, ok := n.is.(bool); ok {
			return truth(b)
		}
	case path:
		v := j.operand(n)
		if v.is == nil {
			j.seen.Missing = true
			return Unknown
		}
		if b, ok := v.is.(bool); ok {
			j.seen.Operators["flag"]++
			return truth(b)
		}
	}
	j.fail("%v is no condition", n)
	return No
}

func (j *judge) binary(n binary) Truth {
	j.seen.Operators[n.op]++
	switch n.op {
	case "&&":
		return min(j.condition(n.left), j.condition(n.right))
	case "||":
		return max(j.condition(n.left), j.condition(n.right))
	case "in":
		return j.in(j.operand(n.left), j.operand(n.right))
	}
	l, r := j.operand(n.left), j.operand(n.right)
	if l.is == nil || r.is == nil {
		j.seen.Missing = true
		return Unknown
	}
	order := j.order(l, r)
	return truth(map[string]bool{"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[n.op])
}

// order compares two values that are there as the type of the one that is not a literal.
func (j *judge) order(l, r value) int {
	kind := l.of.Kind
	if kind == "literal" {
		kind = r.of.Kind
	}
	switch a := l.is.(type) {
	case bool:
		b, ok := r.is.(bool)
		if !ok {
			j.fail("a bool beside %v", r.is)
		}
		if a == b {
			return 0
		}
		return 1
	case time.Time:
		return a.Compare(j.instant(r.is))
	}
	switch kind {
	case "int", "decimal":
		return j.number(l.is).Cmp(j.number(r.is))
	case "time":
		return j.instant(l.is).Compare(j.instant(r.is))
	}
	a, ok := l.is.(string)
	b, also := r.is.(string)
	if !ok || !also {
		j.fail("%v beside %v", l.is, r.is)
	}
	return slices.Compare([]rune(a), []rune(b)) // by code point
}

func (j *judge) number(v any) *big.Rat {
	n, ok := new(big.Rat).SetString(fmt.Sprint(v))
	if !ok {
		j.fail("%v is no number", v)
		return new(big.Rat)
	}
	return n
}

func (j *judge) instant(v any) time.Time {
	if at, ok := v.(time.Time); ok {
		return at
	}
	at, err := time.Parse(time.RFC3339, fmt.Sprint(v))
	if err != nil {
		j.fail("%v is no time", v)
	}
	return at
}

func (j *judge) in(elem, list value) Truth {
	if elem.is == nil || list.is == nil {
		j.seen.Missing = true
		return Unknown
	}
	items, ok := list.is.([]any)
	if !ok {
		j.fail("in looks into a list")
		return No
	}
	for _, item := range items {
		if j.order(elem, value{Type{Kind: list.of.Of}, item}) == 0 {
			return Yes
		}
	}
	return No
}

// operand gives the value of a node.
func (j *judge) operand(n node) value {
	switch n := n.(type) {
	case literal:
		return value{Type{Kind: "literal", Of: "literal"}, n.is}
	case word:
		switch n {
		case "now":
			return value{Type{Kind: "time"}, j.c.Now.Truncate(time.Microsecond)}
		case "today":
			return value{Type{Kind: "date"}, j.c.Now.UTC().Format(time.DateOnly)}
		}
	case shift:
		j.seen.Operators["duration"]++
		at := j.c.Now.Add(n.by)
		if n.of == "today" {
			return value{Type{Kind: "date"}, at.UTC().Format(time.DateOnly)}
		}
		return value{Type{Kind: "time"}, at.Truncate(time.Microsecond)}
	case call:
		if n.name == "timestamp" && len(n.args) == 1 {
			if l, ok := n.args[0].(literal); ok {
				j.seen.Operators["timestamp"]++
				return value{Type{Kind: "time"}, j.instant(l.is)}
			}
		}
	case path:
		return j.path(n)
	}
	j.fail("%v is no value", n)
	return value{}
}

// path follows names from a root; a reference that is missing makes what follows missing.
func (j *judge) path(p path) value {
	collection, row := j.c.Collection, Row(nil)
	switch p[0] {
	case "me":
		return j.me(p)
	case "row":
		row = j.c.Row
	case "new":
		row = j.c.New
	default:
		v, ok := j.vars[p[0]]
		if !ok {
			j.fail("unknown name %s", p[0])
			return value{}
		}
		collection, row = v.collection, v.row
	}
	for i, name := range p[1:] {
		of, ok := j.w.Types[collection][name]
		if !ok {
			j.fail("unknown field %s of %s", name, collection)
			return value{}
		}
		if i == len(p)-2 {
			return value{of, row[name]}
		}
		if i == 0 {
			j.seen.Operators["reference"]++
		}
		id, there := row[name].(string)
		row, collection = nil, of.To
		if there {
			row = j.w.find(collection, id)
			if !j.there(collection, row) {
				row = nil
			}
		}
	}
	return value{}
}

// there reports whether a row beyond the one at hand is there for the caller.
func (j *judge) there(collection string, r Row) bool {
	return !j.w.PerOrg[collection] || j.c.Org != "" && r["org"] == j.c.Org
}

func (w *World) find(collection, id string) Row {
	for _, r := range w.Rows[collection] {
		if r["id"] == id {
			return r
		}
	}
	return nil
}

func (j *judge) me(p path) value {
	switch strings.Join(p, ".") {
	case "me.id":
		if j.c.Me == "" {
			return value{of: Type{Kind: "ref", To: "accounts"}}
		}
		return value{Type{Kind: "ref", To: "accounts"}, j.c.Me}
	case "me.org":
		if j.c.Org == "" {
			return value{of: Type{Kind: "ref", To: "organisations"}}
		}
		return value{Type{Kind: "ref", To: "organisations"}, j.c.Org}
	case "me.mfa":
		return value{Type{Kind: "bool"}, j.c.MFA}
	}
	j.fail("me has no %s", p)
	return value{}
}

func (j *judge) call(n call) Truth {
	j.seen.Operators[n.name]++
	switch {
	case n.name == "has" && len(n.args) == 1:
		p, ok := n.args[0].(path)
		if !ok {
			break
		}
		return truth(j.path(p).is != nil)
	case n.name == "has_role" && len(n.args) == 1:
		l, ok := n.args[0].(literal)
		if !ok {
			break
		}
		return truth(slices.Contains(j.c.Roles, fmt.Sprint(l.is)))
	case n.name == "unchanged" && len(n.args) == 1:
		return j.unchanged(n.args[0])
	case n.name == "startsWith" && n.on != nil && len(n.args) == 1:
		text, prefix := j.operand(n.on), j.operand(n.args[0])
		if text.is == nil || prefix.is == nil {
			j.seen.Missing = true
			return Unknown
		}
		return truth(strings.HasPrefix(fmt.Sprint(text.is), fmt.Sprint(prefix.is)))
	case n.name == "exists" && len(n.args) == 2:
		return j.exists(n)
	}
	j.fail("%s is used in a way that no rule allows", n.name)
	return No
}

// unchanged is never unknown: equal, or both missing.
func (j *judge) unchanged(n node) Truth {
	name := ""
	switch n := n.(type) {
	case word:
		name = string(n)
	case path:
		name = n[len(n)-1]
	}
	of, ok := j.w.Types[j.c.Collection][name]
	if !ok {
		j.fail("unchanged takes a field")
		return No
	}
	if j.c.Row == nil {
		return No
	}
	a, b := j.c.Row[name], j.c.New[name]
	if a == nil || b == nil {
		return truth(a == nil && b == nil)
	}
	if of.Kind == "list" {
		return truth(fmt.Sprint(a) == fmt.Sprint(b))
	}
	return truth(j.order(value{of, a}, value{of, b}) == 0)
}

// exists is Kleene's or over all rows of a collection.
func (j *judge) exists(n call) Truth {
	collection, ok := n.on.(word)
	name, also := n.args[0].(word)
	if !ok || !also {
		j.fail("exists asks a collection with a variable")
		return No
	}
	out := No
	for _, r := range j.w.Rows[string(collection)] {
		if !j.there(string(collection), r) {
			continue
		}
		j.vars[string(name)] = variable{string(collection), r}
		out = max(out, j.condition(n.args[1]))
	}
	delete(j.vars, string(name))
	return out
}

var errEnd = errors.New("naive: the rule ends too early")
