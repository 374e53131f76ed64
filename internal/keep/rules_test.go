package keep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/attack/naive"
	keeprow "github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// worldDeclaration has every kind of field that a rule may look at, references two deep, and lists in side tables.
const worldDeclaration = `
version: 1
service: {name: world, host: world.example, level: 1}
roles: {red: {}, blue: {}}
accounts:
  fields:
    name: {type: text, max: 40, optional: true}
  allow: [{to: read, when: "row.id == me.id"}]
collections:
  groups:
    fields:
      label: {type: text, max: 40, optional: true}
      head: {type: account, optional: true}
      size: {type: int, optional: true}
    allow: [{to: read, when: "has_role('red')"}]
  items:
    fields:
      t: {type: text, max: 40, optional: true}
      u: {type: text, max: 40, optional: true}
      i: {type: int, optional: true}
      j: {type: int}
      d: {type: decimal, digits: 2, optional: true}
      b: {type: bool, optional: true}
      day: {type: date, optional: true}
      at: {type: time, optional: true}
      e: {type: enum, values: [one, two, three], optional: true}
      who: {type: account, optional: true}
      group: {type: ref, to: groups, optional: true}
      up: {type: ref, to: items, optional: true}
      team: {type: list, of: {type: account}, max: 9, optional: true}
      tags: {type: list, of: {type: text, max: 20}, max: 9, optional: true}
    allow: [{to: [read, create, update], when: "has_role('red')"}]
`

// draws is how many (rule, row) pairs one property looks at on each database: FASTNESS_DRAWS, else the figure.
func draws(t *testing.T, usual int) int {
	if s := os.Getenv("FASTNESS_DRAWS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < usual {
			t.Fatalf("FASTNESS_DRAWS is a number of at least %d", usual)
		}
		return n
	}
	return usual
}

// world is a database filled with random rows, and the same rows for the naive evaluator.
type world struct {
	*kit
	rand   *rand.Rand
	tables *keeprow.Tables
	naive  *naive.World
	rows   map[string][]*keeprow.Row
	people []string
	now    time.Time
}

// words meet each other often, and are awkward: wildcards, quotes, cases, code points beyond the first plane.
var words = []string{"a", "A", "ab", "a%", "a_b", "%", "_", `\`, `it's`, "é", "É", "éa", "Z", "z", "😀", "😀é", "ﬀ", "Straße", " "}
var days = []string{"2026-11-23", "2026-11-24", "2026-11-25", "1999-12-31", "2100-01-01"}
var instants = []string{"2026-11-24T12:00:00Z", "2026-11-24T11:00:00Z", "2026-11-24T12:00:00.000001Z", "2025-01-01T00:00:00Z"}
var decimals = []string{"0.00", "1.50", "-1.50", "12.34", "-0.01", "99999.99"}

func newWorld(k *kit) *world {
	ring, err := seal.New(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		k.Fatal(err)
	}
	w := &world{kit: k, rand: rand.New(rand.NewPCG(7, 11)), tables: &keeprow.Tables{Plan: k.plan, Ring: ring, Dialect: k.db.Dialect()},
		naive: &naive.World{Types: map[string]map[string]naive.Type{}, Rows: map[string][]naive.Row{}}, rows: map[string][]*keeprow.Row{}, now: k.clock.Now()}
	for name, shape := range k.plan.Shapes {
		w.naive.Types[name] = map[string]naive.Type{}
		for _, f := range shape.Fields {
			w.naive.Types[name][f.Name] = naiveType(f.Type)
		}
	}
	for i := range 4 {
		fields := naive.Row{}
		c := k.person(fmt.Sprintf("p%d", i))
		fields["id"], fields["name"] = string(c.Account), fmt.Sprintf("p%d", i)
		w.people = append(w.people, string(c.Account))
		w.naive.Rows["accounts"] = append(w.naive.Rows["accounts"], fields)
	}
	for range 6 {
		w.insert("groups", w.draw("groups"))
	}
	for range 40 {
		w.insert("items", w.draw("items"))
	}
	return w
}

func naiveType(t rule.Type) naive.Type {
	kind := map[rule.TypeKind]string{rule.BoolType: "bool", rule.IntType: "int", rule.DecimalType: "decimal", rule.TextType: "text",
		rule.TimeType: "time", rule.DateType: "date", rule.RefType: "ref", rule.ListType: "list", rule.JSONType: "json"}[t.Kind]
	out := naive.Type{Kind: kind, To: t.To}
	if t.Elem != nil {
		of := naiveType(*t.Elem)
		out.Of, out.To = of.Kind, of.To
	}
	return out
}

func pick[T any](w *world, list []T) T { return list[w.rand.IntN(len(list))] }

// draw makes a random row of a collection: JSON values by field, a field in three missing where it may be.
func (w *world) draw(collection string) map[string]any {
	out := map[string]any{}
	for _, f := range w.plan.Collection(collection).Fields {
		if f.Optional && w.rand.IntN(4) == 0 {
			continue
		}
		if v := w.value(f); v != nil {
			out[f.Name] = v
		}
	}
	return out
}

func (w *world) value(f *plan.Field) any {
	switch f.Rule.Kind {
	case rule.BoolType:
		return w.rand.IntN(2) == 0
	case rule.IntType:
		return w.rand.IntN(5) - 2
	case rule.DecimalType:
		return pick(w, decimals)
	case rule.DateType:
		return pick(w, days)
	case rule.TimeType:
		return pick(w, instants)
	case rule.RefType:
		if rows := w.naive.Rows[f.Rule.To]; len(rows) > 0 {
			return pick(w, rows)["id"]
		}
		return nil
	case rule.ListType:
		out := []any{}
		for range w.rand.IntN(4) {
			if f.Rule.Elem.Kind == rule.RefType {
				out = append(out, pick(w, w.people))
			} else {
				out = append(out, pick(w, words))
			}
		}
		return out
	}
	if len(f.Rule.Values) > 0 {
		return pick(w, f.Rule.Values)
	}
	return pick(w, words)
}

// both makes the typed row and the naive one of the same JSON values.
func (w *world) both(collection string, fields map[string]any) (*keeprow.Row, naive.Row) {
	col := w.plan.Collection(collection)
	r := &keeprow.Row{Collection: col, ID: types.NewID(w.clock.Now()), Created: types.Micros(w.now), Updated: types.Micros(w.now), Version: 1, Values: make([]types.Value, len(col.Fields))}
	w.clock.Advance(time.Millisecond)
	plain := naive.Row{"id": string(r.ID), "created": w.now, "updated": w.now, "version": int64(1)}
	for name, v := range fields {
		f := col.Field(name)
		text, _ := json.Marshal(v)
		typed, errs := value.Decode(f, name, jsontext.Value(text))
		if len(errs) > 0 {
			w.Fatalf("%s = %s: %v", name, text, errs)
		}
		r.Values[f.Bit] = typed
		switch v := v.(type) {
		case int:
			plain[name] = int64(v)
		case string:
			plain[name] = v
			if f.Rule.Kind == rule.TimeType {
				at, _ := time.Parse(time.RFC3339, v)
				plain[name] = at
			}
		default:
			plain[name] = v
		}
	}
	return r, plain
}

func (w *world) insert(collection string, fields map[string]any) {
	r, plain := w.both(collection, fields)
	err := w.db.Write(context.Background(), func(tx store.Tx) error { return w.tables.Insert(context.Background(), tx, r) })
	if err != nil {
		w.Fatal(err)
	}
	w.rows[collection] = append(w.rows[collection], r)
	w.naive.Rows[collection] = append(w.naive.Rows[collection], plain)
}

// variableOf is a name that a path may start from, and the collection it is a row of.
type variableOf struct{ name, collection string }

// condition draws the text of a rule over the roots at hand.
func (w *world) condition(depth int, roots []variableOf, flat bool) string {
	if depth > 0 {
		switch n := w.rand.IntN(10); {
		case n < 3:
			return "(" + w.condition(depth-1, roots, flat) + " && " + w.condition(depth-1, roots, flat) + ")"
		case n < 7:
			return "(" + w.condition(depth-1, roots, flat) + " || " + w.condition(depth-1, roots, flat) + ")"
		case n < 8:
			return "!(" + w.condition(depth-1, roots, flat) + ")"
		case n < 9 && !flat && len(roots) < 3:
			v := variableOf{fmt.Sprintf("v%d", len(roots)), pick(w, []string{"items", "groups"})}
			return fmt.Sprintf("%s.exists(%s, %s)", v.collection, v.name, w.condition(depth-1, append(slices.Clone(roots), v), flat))
		}
	}
	return w.atom(roots, flat)
}

// path draws a path that ends in a field of one of the kinds; "" when none does.
func (w *world) path(roots []variableOf, flat bool, want func(rule.Type) bool) (string, rule.Type) {
	for range 40 {
		v := pick(w, roots)
		text, collection := v.name, v.collection
		for hop := 0; hop < 3; hop++ {
			f := pick(w, w.plan.Shapes[collection].Fields)
			if collection == "accounts" && f.Name != "id" && f.Name != "name" {
				break
			}
			text += "." + f.Name
			if want(f.Type) && (hop > 0 || flat || w.rand.IntN(3) > 0 || f.Type.Kind != rule.RefType) {
				return text, f.Type
			}
			if f.Type.Kind != rule.RefType || flat || f.Name == "id" {
				break
			}
			collection = f.Type.To
		}
	}
	return "", rule.Type{}
}

func (w *world) atom(roots []variableOf, flat bool) string {
	if !flat {
		switch w.rand.IntN(14) {
		case 0:
			return fmt.Sprintf("has_role('%s')", pick(w, []string{"red", "blue"}))
		case 1:
			return "me.mfa"
		case 2:
			if p, _ := w.path(roots, flat, func(t rule.Type) bool { return t.Kind == rule.RefType && t.To == "accounts" }); p != "" {
				return p + pick(w, []string{" == ", " != "}) + "me.id"
			}
		case 3:
			if p, _ := w.path(roots, flat, func(t rule.Type) bool { return t.Kind == rule.ListType && t.Elem.Kind == rule.RefType }); p != "" {
				return "me.id in " + p
			}
		case 4, 5:
			if len(roots) > 1 && roots[1].name == "new" {
				return "unchanged(" + pick(w, []string{"t", "i", "d", "b", "day", "at", "e", "who", "group", "tags", "team"}) + ")"
			}
		}
	}
	switch w.rand.IntN(8) {
	case 0:
		if p, _ := w.path(roots, flat, func(rule.Type) bool { return true }); p != "" {
			return "has(" + p + ")"
		}
	case 1:
		if p, _ := w.path(roots, flat, func(t rule.Type) bool { return t.Kind == rule.TextType && t.Values == nil }); p != "" {
			return p + ".startsWith(" + quote(pick(w, words)) + ")"
		}
	case 2:
		if p, _ := w.path(roots, flat, func(t rule.Type) bool { return t.Kind == rule.ListType && t.Elem.Kind == rule.TextType }); p != "" && !flat {
			return quote(pick(w, words)) + " in " + p
		}
	case 3:
		if p, _ := w.path(roots, flat, func(t rule.Type) bool { return t.Kind == rule.BoolType }); p != "" {
			return p
		}
	case 4:
		if p, t := w.path(roots, flat, func(t rule.Type) bool {
			return t.Kind == rule.TextType || t.Kind == rule.IntType || t.Kind == rule.DateType
		}); p != "" {
			if t.Kind == rule.DateType {
				return fmt.Sprintf("%s in [%s, %s]", p, quote(pick(w, days)), quote(pick(w, days)))
			}
			return fmt.Sprintf("%s in [%s, %s]", p, w.literal(t), w.literal(t))
		}
	}
	p, t := w.path(roots, flat, func(t rule.Type) bool {
		return t.Kind != rule.ListType && t.Kind != rule.JSONType && t.Kind != rule.RefType
	})
	ops := []string{" == ", " != ", " < ", " <= ", " > ", " >= "}
	if t.Kind == rule.BoolType {
		ops = ops[:2]
	}
	if w.rand.IntN(5) == 0 && !flat { // a field beside a field
		if q, u := w.path(roots, flat, func(u rule.Type) bool { return u.Kind == t.Kind && u.Digits == t.Digits }); q != "" && q != p && u.Kind == t.Kind && !sameField(p, q) {
			return p + pick(w, ops) + q
		}
	}
	return p + pick(w, ops) + w.literal(t)
}

// sameField tells new.f beside row.f, which a rule must write as unchanged(f).
func sameField(p, q string) bool {
	_, a, _ := strings.Cut(p, ".")
	_, b, _ := strings.Cut(q, ".")
	return a == b
}

func quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
}

func (w *world) literal(t rule.Type) string {
	switch t.Kind {
	case rule.BoolType:
		return pick(w, []string{"true", "false"})
	case rule.IntType:
		return strconv.Itoa(w.rand.IntN(5) - 2)
	case rule.DecimalType:
		return pick(w, []string{"'0.00'", "'1.5'", "'-1.50'", "1", "'12.34'"})
	case rule.DateType:
		return pick(w, []string{"today", "today - duration('24h')", "today + duration('36h')", quote(pick(w, days))})
	case rule.TimeType:
		return pick(w, []string{"now", "now - duration('1h')", "now + duration('30m')", "timestamp('2026-11-24T12:00:00.000001Z')", "timestamp('2026-11-24T11:00:00Z')", quote("2026-11-24T12:00:00Z")})
	}
	if len(t.Values) > 0 {
		return quote(pick(w, t.Values))
	}
	return quote(pick(w, words))
}

// spread counts what a property has looked at, so that it cannot pass by looking at nothing.
type spread struct {
	draws, yes, missing int
	operators           map[string]int
}

func (s *spread) add(truth naive.Truth, seen naive.Seen) {
	s.draws++
	if truth == naive.Yes {
		s.yes++
	}
	if seen.Missing {
		s.missing++
	}
	for op := range seen.Operators {
		s.operators[op]++
	}
}

func (s *spread) check(t testing.TB, draws int, operators ...string) {
	t.Helper()
	t.Logf("%d draws, %d%% yes, %d%% with a missing value, %v", s.draws, 100*s.yes/s.draws, 100*s.missing/s.draws, s.operators)
	if s.draws < draws || s.yes*10 < s.draws*3 || s.yes*10 > s.draws*7 || s.missing*5 < s.draws {
		t.Errorf("the draws are not spread: %d, of which %d yes and %d with a missing value", s.draws, s.yes, s.missing)
	}
	for _, op := range operators {
		if s.operators[op] < 500 {
			t.Errorf("%s was drawn %d times only", op, s.operators[op])
		}
	}
}

var ruleOperators = []string{"==", "!=", "<", "<=", ">", ">=", "in", "has", "startsWith", "!", "&&", "||", "has_role", "exists", "reference", "flag", "duration", "timestamp"}

// asks are the callers of the property: roles, nobody, and a session with several factors.
func (w *world) ask() (naive.Call, *rule.Bindings) {
	c := naive.Call{Collection: "items", Now: w.now, MFA: w.rand.IntN(2) == 0}
	if w.rand.IntN(6) > 0 {
		c.Me = pick(w, w.people)
	}
	c.Roles = pick(w, [][]string{nil, {"red"}, {"blue"}, {"red", "blue"}})
	return c, &rule.Bindings{Me: types.ID(c.Me), MFA: c.MFA, Roles: w.plan.RoleSet(c.Roles...), Now: w.now}
}

// TestRulesAgree: for random rules on random rows, the SQL of this database, the evaluator in memory (folded, pushed, and neither) and
// the naive evaluator say the same.
func TestRulesAgree(t *testing.T) {
	each(t, worldDeclaration, func(k *kit) {
		w, s, n := newWorld(k), &spread{operators: map[string]int{}}, draws(k.T, 20_000)
		for s.draws < n {
			w.agree(s)
		}
		s.check(k, n, ruleOperators...)
	})
}

// agree draws one rule and looks at every row.
func (w *world) agree(s *spread) {
	src := w.condition(w.rand.IntN(4), []variableOf{{"row", "items"}}, false)
	scope := &rule.Scope{Self: "items", Row: true, Me: true, Shapes: w.plan.Shapes, Roles: w.plan.RoleNames()}
	e, err := rule.Compile(scope, src)
	if err != nil {
		w.Fatalf("%s: %v", src, err)
	}
	call, b := w.ask()
	folded := rule.Fold(e, b.Roles)
	pushed := rule.Push(folded)
	yes := w.sql(pushed, b, src)
	resolver := func(r store.Reader) rule.Resolver { return w.tables.Resolver(context.Background(), r, b) }
	err = w.db.View(context.Background(), func(r store.Reader) error {
		for i, stored := range w.rows["items"] {
			call.Row = w.naive.Rows["items"][i]
			want, seen, err := w.naive.Judge(src, call)
			if err != nil {
				return fmt.Errorf("%s: %w", src, err)
			}
			s.add(want, seen)
			inMemory, err := rule.Eval(folded, stored, nil, b, resolver(r))
			if err != nil {
				return fmt.Errorf("%s: %w", src, err)
			}
			afterPush, err := rule.Eval(pushed, stored, nil, b, resolver(r))
			if err != nil {
				return fmt.Errorf("%s: %w", src, err)
			}
			if naive.Truth(inMemory) != want || (afterPush == rule.Yes) != (want == naive.Yes) || yes[string(stored.ID)] != (want == naive.Yes) {
				w.Fatalf("%s\non %v\nas %q with %v, mfa %v: naive %v, memory %v, pushed %v, SQL yes %v", src, call.Row, call.Me, call.Roles, call.MFA, want,
					naive.Truth(inMemory), naive.Truth(afterPush), yes[string(stored.ID)])
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// sql asks the database on which rows the rule holds.
func (w *world) sql(e rule.Expr, b *rule.Bindings, src string) map[string]bool {
	text, err := rule.ToSQL(e, w.tables.Options(w.plan.Collection("items")))
	if err != nil {
		w.Fatalf("%s: %v", src, err)
	}
	out := map[string]bool{}
	err = w.db.View(context.Background(), func(r store.Reader) error {
		stmt := &store.Stmt{SQL: `SELECT r."id" FROM "items" r WHERE ` + text.Text, Transient: true}
		rows, err := r.Query(context.Background(), stmt, rule.BindAll(nil, text.Args, b)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			out[rows.Text(0)] = true
		}
		return rows.Err()
	})
	if err != nil {
		w.Fatalf("%s: %v\n%s", src, err, text.Text)
	}
	return out
}

// TestWriteRulesAgree: rules over row and new, which are judged in memory alone, agree with the naive evaluator.
func TestWriteRulesAgree(t *testing.T) {
	each(t, worldDeclaration, func(k *kit) {
		w, s, n := newWorld(k), &spread{operators: map[string]int{}}, draws(k.T, 20_000)
		scope := &rule.Scope{Self: "items", Row: true, New: true, Me: true, Shapes: w.plan.Shapes, Roles: w.plan.RoleNames()}
		for s.draws < n {
			src := w.condition(w.rand.IntN(4), []variableOf{{"row", "items"}, {"new", "items"}}, false)
			e, err := rule.Compile(scope, src)
			if err != nil {
				w.Fatalf("%s: %v", src, err)
			}
			call, b := w.ask()
			folded := rule.Push(rule.Fold(e, b.Roles))
			err = w.db.View(context.Background(), func(r store.Reader) error {
				for i, stored := range w.rows["items"] {
					proposed := w.rand.IntN(len(w.rows["items"]))
					call.Row, call.New = w.naive.Rows["items"][i], w.naive.Rows["items"][proposed]
					want, seen, err := w.naive.Judge(src, call)
					if err != nil {
						return fmt.Errorf("%s: %w", src, err)
					}
					s.add(want, seen)
					got, err := rule.Eval(folded, stored, w.rows["items"][proposed], b, w.tables.Resolver(context.Background(), r, b))
					if err != nil {
						return fmt.Errorf("%s: %w", src, err)
					}
					if (got == rule.Yes) != (want == naive.Yes) {
						w.Fatalf("%s\non %v\nto %v\nas %q with %v: naive %v, memory %v", src, call.Row, call.New, call.Me, call.Roles, want, naive.Truth(got))
					}
				}
				return nil
			})
			if err != nil {
				w.Fatal(err)
			}
		}
		s.check(k, n, append([]string{"unchanged"}, ruleOperators...)...)
	})
}
