package keeptest_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/attack/naive"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// draws is how many (rule, row) pairs one property looks at on each database: FASTNESS_ROUNDS, else the figure; under
// the race detector a twentieth of it, since what is drawn runs on one goroutine.
func draws(t *testing.T, usual int) int {
	if hosttest.Race {
		return hosttest.Fewer(usual)
	}
	if s := os.Getenv("FASTNESS_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < usual {
			t.Fatalf("FASTNESS_ROUNDS is a number of at least %d", usual)
		}
		return n
	}
	return usual
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
			asked := []string{"items", "groups"}
			if len(w.orgs) > 0 {
				asked = append(asked, "memberships")
			}
			v := variableOf{fmt.Sprintf("v%d", len(roots)), pick(w, asked)}
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
			f := pick(w, w.Plan.Shapes[collection].Fields)
			if names := plain[collection]; names != nil && !slices.Contains(names, f.Name) {
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
		if len(w.orgs) > 0 && w.rand.IntN(14) == 0 {
			if p, _ := w.path(roots, flat, func(t rule.Type) bool { return t.Kind == rule.RefType && t.To == "organisations" }); p != "" {
				return p + pick(w, []string{" == ", " != "}) + "me.org"
			}
		}
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
	if hosttest.Race {
		return // too few to be spread
	}
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
	if len(w.orgs) > 0 && w.rand.IntN(6) > 0 {
		c.Org = pick(w, w.orgs)
	}
	return c, &rule.Bindings{Me: types.ID(c.Me), Org: types.ID(c.Org), MFA: c.MFA, Roles: w.Plan.RoleSet(c.Roles...), Now: w.now}
}

// TestRulesAgree: for random rules on random rows, the SQL of this database, the evaluator in memory (before and after negation is
// pushed inward) and the naive evaluator say the same; so do the two evaluators on rules over row and new.
func TestRulesAgree(t *testing.T) {
	t.Run("write", func(t *testing.T) { writeRulesAgree(t, worldDeclaration) })
	readRulesAgree(t, worldDeclaration)
	// where rows belong to organisations, references lead across them, and callers are in the one, the other or none: what a rule asks
	// beyond the row at hand stays within the caller's
	t.Run("organisations", func(t *testing.T) {
		t.Run("write", func(t *testing.T) { writeRulesAgree(t, organisedDeclaration) })
		readRulesAgree(t, organisedDeclaration)
	})
}

func readRulesAgree(t *testing.T, declaration string) {
	keeptest.Each(t, declaration, func(t *testing.T, k *keeptest.Kit) {
		w, s, n := newWorld(k), &spread{operators: map[string]int{}}, draws(t, 20_000)
		for s.draws < n {
			w.agree(s)
		}
		s.check(t, n, ruleOperators...)
	})
}

// agree draws one rule and looks at every row.
func (w *world) agree(s *spread) {
	src := w.condition(w.rand.IntN(4), []variableOf{{"row", "items"}}, false)
	scope := &rule.Scope{Self: "items", Row: true, Me: true, Shapes: w.Plan.Shapes, Roles: w.Plan.RoleNames()}
	e, err := rule.Compile(scope, src)
	if err != nil {
		w.Fatalf("%s: %v", src, err)
	}
	call, b := w.ask()
	folded := rule.Fold(e, b.Roles)
	pushed := rule.Push(folded)
	yes := w.sql(pushed, b, src)
	resolver := func(r store.Reader) rule.Resolver { return w.tables.Resolver(context.Background(), r, b) }
	err = w.DB.View(context.Background(), func(r store.Reader) error {
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
				w.Fatalf("%s\non %v\nas %q in %q with %v, mfa %v: naive %v, memory %v, pushed %v, SQL yes %v", src, call.Row, call.Me, call.Org, call.Roles, call.MFA, want,
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
	text, err := rule.ToSQL(e, w.tables.Options(w.Plan.Collection("items")))
	if err != nil {
		w.Fatalf("%s: %v", src, err)
	}
	out := map[string]bool{}
	err = w.DB.View(context.Background(), func(r store.Reader) error {
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

// writeRulesAgree looks at rules over row and new, which are judged in memory alone.
func writeRulesAgree(t *testing.T, declaration string) {
	keeptest.Each(t, declaration, func(t *testing.T, k *keeptest.Kit) {
		w, s, n := newWorld(k), &spread{operators: map[string]int{}}, draws(t, 20_000)
		scope := &rule.Scope{Self: "items", Row: true, New: true, Me: true, Shapes: w.Plan.Shapes, Roles: w.Plan.RoleNames()}
		for s.draws < n {
			src := w.condition(w.rand.IntN(4), []variableOf{{"row", "items"}, {"new", "items"}}, false)
			e, err := rule.Compile(scope, src)
			if err != nil {
				w.Fatalf("%s: %v", src, err)
			}
			call, b := w.ask()
			folded := rule.Push(rule.Fold(e, b.Roles))
			err = w.DB.View(context.Background(), func(r store.Reader) error {
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
		s.check(t, n, append([]string{"unchanged"}, ruleOperators...)...)
	})
}
