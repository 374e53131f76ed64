package migration_test

import (
	"context"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/migration"
)

// TestAnotherConversion: values that a conversion has filled, and that was given up for another one of the same field, are not taken for the
// other's.
func TestAnotherConversion(t *testing.T) {
	for name, x := range map[string]struct{ was, first, second, value, want string }{
		"digits":   {"type: decimal, digits: 2", "type: decimal, digits: 3, from: {type: decimal, digits: 2}", "type: decimal, digits: 4, from: {type: decimal, digits: 2}", `"12.50"`, `"12.5000"`},
		"map":      {"type: enum, values: [a, b]", "type: enum, values: [c, d], from: {type: enum, map: {a: c, b: d}}", "type: enum, values: [c, d], from: {type: enum, map: {a: d, b: c}}", `"a"`, `"d"`},
		"type":     {"type: int", "type: text, max: 9, from: {type: int}", "type: decimal, digits: 2, from: {type: int}", `7`, `"7.00"`},
		"seal":     {"type: text, max: 9", "type: text, max: 9, encrypted: true, from: {type: text}", "type: int, from: {type: text}", `"7"`, `7`},
		"elements": {"type: list, max: 9, of: {type: int}", "type: list, max: 9, of: {type: text, max: 9}, from: {type: list, of: {type: int}}", "type: list, max: 9, of: {type: decimal, digits: 1}, from: {type: list, of: {type: int}}", `[1,2]`, `["1.0","2.0"]`},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.must(things("f: {" + x.was + "}"))
				id := w.create("things", `{"label": "a", "f": `+x.value+`}`)
				for range 2 { // the second time goes on where the first was
					if _, err := migration.Prepare(t.Context(), w.data, target(w, things("f: {"+x.first+"}"))); err != nil {
						t.Fatal(err)
					}
				}
				w.must(things("f: {" + x.second + "}"))
				if got := w.get("things", id)["f"]; got != x.want {
					t.Errorf("the value reads %s, and %s was declared", got, x.want)
				}
				if d, err := w.bring(things("f: {" + x.second + "}")); err != nil || len(d.Steps)+len(d.Changes) > 0 {
					t.Errorf("the second start finds %v, %v", d, err)
				}
			})
		})
	}
}

// TestTheFirstConversionAgain: a conversion that was given up for another, and is taken up again after that one has filled its values, does
// not take these for its own.
func TestTheFirstConversionAgain(t *testing.T) {
	for name, x := range map[string]struct{ was, first, second, value, want string }{
		"digits":   {"type: decimal, digits: 2", "type: decimal, digits: 3, from: {type: decimal, digits: 2}", "type: decimal, digits: 4, from: {type: decimal, digits: 2}", `"12.50"`, `"12.500"`},
		"map":      {"type: enum, values: [a, b]", "type: enum, values: [c, d], from: {type: enum, map: {a: c, b: d}}", "type: enum, values: [c, d], from: {type: enum, map: {a: d, b: c}}", `"a"`, `"c"`},
		"elements": {"type: list, max: 9, of: {type: int}", "type: list, max: 9, of: {type: decimal, digits: 2}, from: {type: list, of: {type: int}}", "type: list, max: 9, of: {type: decimal, digits: 1}, from: {type: list, of: {type: int}}", `[1,2]`, `["1.00","2.00"]`},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.must(things("f: {" + x.was + "}"))
				id := w.create("things", `{"label": "a", "f": `+x.value+`}`)
				for _, text := range []string{x.first, x.second} {
					if _, err := migration.Prepare(t.Context(), w.data, target(w, things("f: {"+text+"}"))); err != nil {
						t.Fatal(err)
					}
				}
				w.must(things("f: {" + x.first + "}"))
				if got := w.get("things", id)["f"]; got != x.want {
					t.Errorf("the value reads %s, and %s was declared", got, x.first)
				}
			})
		})
	}
}

// TestRenamedAndGivenAway: a field or a collection that is renamed while its old name is given to a new one is refused, since its values would
// stay under the old name; one after the other works.
func TestRenamedAndGivenAway(t *testing.T) {
	a, b := "a: {type: text, max: 9, optional: true}", "b: {type: text, max: 9, optional: true, was: a}"
	each(t, func(t *testing.T, w *world) {
		w.must(things(a))
		id := w.create("things", `{"label": "l", "a": "old"}`)
		for _, declaration := range []string{things(b, a), things(a, b), things(a) + "  pieces:\n    was: things\n    fields:\n      a: {type: text, max: 9}\n"} {
			if _, err := w.bring(declaration); err == nil || !strings.Contains(err.Error(), "still declared") {
				t.Errorf("%v", err)
			}
		}
		w.must(things(b))
		w.must(things(b, a))
		if got := w.get("things", id); got["b"] != `"old"` || got["a"] == `"old"` {
			t.Errorf("the row reads %v", got)
		}
	})
}

// TestPreparedStands: what was converted, because an operator asked for it, stands when the declaration asks for the same; and a conversion
// that was stopped goes on where it was.
func TestPreparedStands(t *testing.T) {
	was, bare := things("f: {type: decimal, digits: 2}"), things("f: {type: decimal, digits: 3}")
	asks := things("f: {type: decimal, digits: 3, from: {type: decimal, digits: 2}}")
	each(t, func(t *testing.T, w *world) {
		w.must(was)
		for range 450 {
			w.create("things", `{"label": "a", "f": "1.25"}`)
		}
		ctx, stop := context.WithCancel(t.Context())
		to, first := target(t, bare), int64(0)
		to.Convert, to.Progress = []string{"things.f"}, func(string, int64, int64) { stop() }
		if _, err := migration.Prepare(ctx, w.data, to); err == nil {
			t.Fatal("it was not stopped")
		}
		to = target(t, asks)
		to.Progress = func(_ string, done, _ int64) {
			if first == 0 {
				first = done
			}
		}
		if _, err := migration.Prepare(t.Context(), w.data, to); err != nil || first != 400 {
			t.Errorf("it went on at %d: %v", first, err)
		}
		to = target(t, asks)
		to.Progress = func(_ string, done, _ int64) { t.Errorf("%d rows were converted again", done) }
		if _, err := migration.Bring(t.Context(), w.data, to); err != nil {
			t.Error(err)
		}
	})
}
