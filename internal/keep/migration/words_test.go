package migration_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// change is one field before and after, with the values that two rows hold.
type change struct {
	was, now      string
	first, second string
	kind          migration.Kind // what becomes of it
	rows          int64          // in the way
	want          string         // of the first row afterwards; "": as before
}

const (
	noted, fits, converts, refused = migration.Noted, migration.Fits, migration.Converted, migration.Refused
)

// changes is every word added, removed and changed, once over rows that fit and once over rows that do not.
var changes = []change{
	{"type: text, max: 9", "type: text, max: 5", `"abcde"`, `"a"`, fits, 0, ""}, {"type: text, max: 9", "type: text, max: 4", `"abcde"`, `"a"`, refused, 1, ""},
	{"type: text, max: 5", "type: text, max: 9", `"abcde"`, `"a"`, fits, 0, ""}, {"type: text, max: 9", "type: text, max: 9, min: 2", `"abcde"`, `"a"`, refused, 1, ""},
	{"type: text, max: 9, min: 2", "type: text, max: 9", `"ab"`, `"abc"`, fits, 0, ""}, {"type: int", "type: int, max: \"6\"", `7`, `8`, refused, 2, ""},
	{"type: int, max: \"6\"", "type: int", `6`, `5`, fits, 0, ""}, {"type: int", "type: int, min: \"6\"", `7`, `8`, fits, 0, ""},
	{"type: decimal, digits: 2", "type: decimal, digits: 2, max: \"9.99\"", `"12.50"`, `"1.00"`, refused, 1, ""},
	{"type: date", "type: date, min: \"2026-01-01\"", `"2025-12-31"`, `"2026-01-01"`, refused, 1, ""},
	{"type: time", "type: time, max: \"2026-01-01T00:00:00Z\"", `"2026-01-31T12:00:00Z"`, `"2025-01-31T12:00:00Z"`, refused, 1, ""},
	{"type: text, max: 9", "type: text, max: 9, pattern: '[a-z]+'", `"abc"`, `"ab1"`, refused, 1, ""},
	{"type: text, max: 9", "type: text, max: 9, pattern: '[a-z]+'", `"abc"`, `"ab"`, fits, 0, ""},
	{"type: text, max: 9, pattern: '[a-z]+'", "type: text, max: 9", `"abc"`, `"ab"`, fits, 0, ""},
	{"type: enum, values: [a, b]", "type: enum, values: [a]", `"a"`, `"b"`, refused, 1, ""}, {"type: enum, values: [a, b]", "type: enum, values: [a]", `"a"`, `"a"`, fits, 0, ""},
	{"type: enum, values: [a]", "type: enum, values: [a, b]", `"a"`, `"a"`, fits, 0, ""},
	{"type: enum, values: [a, b]", "type: enum, values: [c, b], from: {type: enum, map: {a: c}}", `"a"`, `"b"`, converts, 0, `"c"`},
	{"type: enum, values: [a, b]", "type: enum, values: [c, b], from: {type: enum, map: {b: c}}", `"a"`, `"b"`, refused, 0, ""},
	{"type: enum, values: [a, b]", "type: enum, values: [c], from: {type: enum, map: {b: c}}", `"a"`, `"b"`, refused, 1, ""},
	{"type: state, start: a, steps: {a: [b], b: [c]}", "type: state, start: a, steps: {a: [b]}", `"a"`, `"a"`, fits, 0, ""},
	{"type: state, start: a, steps: {a: [b], b: [a]}", "type: state, start: a, steps: {a: [b]}", `"a"`, `"a"`, noted, 0, ""},
	{"type: state, start: a, steps: {a: [b]}", "type: state, start: b, steps: {b: [c]}", `"a"`, `"a"`, refused, 2, ""},
	{"type: state, start: a, steps: {a: [b]}", "type: state, start: b, steps: {b: [c]}, from: {type: state, map: {a: b}}", `"a"`, `"a"`, converts, 0, `"b"`},
	{"type: text, max: 9, optional: true", "type: text, max: 9", `"a"`, `null`, refused, 1, ""}, {"type: text, max: 9, optional: true", "type: text, max: 9", `"a"`, `"b"`, fits, 0, ""},
	{"type: text, max: 9, optional: true", "type: text, max: 9, fill: z", `null`, `"b"`, fits, 0, `"z"`}, {"type: int, optional: true", "type: int, fill: \"0\"", `null`, `1`, fits, 0, `0`},
	{"type: text, max: 9", "type: text, max: 9, optional: true", `"a"`, `"b"`, noted, 0, ""},
	{"type: list, max: 9, of: {type: text, max: 9}, optional: true", "type: list, max: 9, of: {type: text, max: 9}, fill: \"[]\"", `null`, `["a"]`, fits, 0, `[]`},
	{"type: decimal, digits: 2, optional: true", "type: decimal, digits: 3, fill: \"0\", from: {type: decimal, digits: 2}", `null`, `"1.25"`, converts, 0, `"0.000"`},
	{"type: text, max: 9", "type: text, max: 9, unique: true", `"a"`, `"a"`, refused, 1, ""}, {"type: text, max: 9", "type: text, max: 9, unique: true", `"a"`, `"b"`, noted, 0, ""},
	{"type: text, max: 9, optional: true", "type: text, max: 9, optional: true, unique: true", `null`, `null`, noted, 0, ""},
	{"type: text, max: 9, unique: true", "type: text, max: 9", `"a"`, `"b"`, noted, 0, ""},
	{"type: text, max: 9", "type: text, max: 9, fixed: true", `"a"`, `"b"`, noted, 0, ""}, {"type: text, max: 9, fixed: true", "type: text, max: 9", `"a"`, `"b"`, noted, 0, ""},
	{"type: text, max: 9", "type: text, max: 9, indexed: true", `"a"`, `"b"`, noted, 0, ""}, {"type: text, max: 9, indexed: true", "type: text, max: 9", `"a"`, `"b"`, noted, 0, ""},
	{"type: text, max: 9", "type: text, max: 9, personal: true", `"a"`, `"b"`, noted, 0, ""},
	{"type: text, max: 9", "type: text, max: 9, encrypted: true", `"a"`, `"b"`, refused, 2, ""},
	{"type: text, max: 9", "type: text, max: 9, encrypted: true, from: {type: text}", `"a"`, `"b"`, converts, 0, ""},
	{"type: text, max: 9, encrypted: true", "type: text, max: 9", `"a"`, `"b"`, refused, 2, ""},
	{"type: text, max: 9, encrypted: true", "type: text, max: 9, from: {type: text, encrypted: true}", `"a"`, `"b"`, converts, 0, ""},
	{"type: text, max: 9, encrypted: true", "type: text, max: 2, encrypted: true", `"abc"`, `"b"`, refused, 1, ""},
	{"type: text, max: 9", "type: text, max: 9, encrypted: true, from: {type: int}", `"a"`, `"b"`, refused, 0, ""},
	{"type: html, profile: rich", "type: html, profile: basic", `"<figure>x</figure>"`, `"<p>y</p>"`, refused, 1, ""},
	{"type: html, profile: rich", "type: html, profile: basic", `"<p>x</p>"`, `"<p>y</p>"`, fits, 0, ""}, {"type: html, profile: basic", "type: html, profile: rich", `"<p>x</p>"`, `"<p>y</p>"`, fits, 0, ""},
	{"type: html, profile: rich", "type: html, profile: basic, from: {type: html, profile: rich}", `"<figure>x</figure>"`, `"<p>y</p>"`, converts, 0, `"x\n"`},
	{"type: html, profile: rich, images: [a.example]", "type: html, profile: rich, images: [b.example]", `"<img src=\"https://a.example/p.png\" alt=\"p\"/>"`, `"<p>y</p>"`, refused, 1, ""},
	{"type: html, profile: rich", "type: html, profile: rich, images: [b.example]", `"<p>x</p>"`, `"<p>y</p>"`, fits, 0, ""},
	{"type: json", "type: json, max: 5", `{"a":1}`, `1`, refused, 1, ""}, {"type: list, max: 9, of: {type: text, max: 9}", "type: list, max: 1, of: {type: text, max: 9}", `["a","b"]`, `[]`, refused, 1, ""},
	{"type: list, max: 9, of: {type: text, max: 9}", "type: list, max: 9, of: {type: text, max: 1}", `["ab"]`, `[]`, refused, 1, ""},
	{"type: list, max: 9, of: {type: int}", "type: list, max: 9, of: {type: decimal, digits: 1}", `[1]`, `[]`, refused, 2, ""},
	{"type: list, max: 9, of: {type: int}", "type: list, max: 9, of: {type: decimal, digits: 1}, from: {type: list, of: {type: int}}", `[1]`, `[]`, converts, 0, `["1.0"]`},
	{"type: ref, to: others, optional: true", "type: ref, to: others, optional: true, on_delete: clear", `REF`, `null`, noted, 0, ""},
	{"type: ref, to: others, on_delete: cascade", "type: ref, to: others", `REF`, `REF`, noted, 0, ""},
	{"type: ref, to: others, optional: true", "type: ref, to: peers, optional: true", `REF`, `null`, refused, 1, ""}, {"type: ref, to: others, optional: true", "type: ref, to: peers, optional: true", `null`, `null`, fits, 0, ""},
	{"type: text, max: 60", "type: ref, to: others", `REF`, `REF`, fits, 0, ""},
}

// TestEveryWord: a word that is added, removed or changed over filled rows leaves each value what it is, converts it when somebody asks,
// or is refused with the rows in the way; and a refusal leaves the declaration before as it was.
func TestEveryWord(t *testing.T) {
	peers := "  peers:\n    fields:\n      label: {type: text, max: 20}\n"
	each(t, func(t *testing.T, w *world) {
		declare := func(field func(c change) string) string {
			var out []string
			for n, c := range changes {
				out = append(out, fmt.Sprintf("f%d: {%s}", n, field(c)))
			}
			half := len(out) / 2 // a collection has at most sixty fields
			return things(out[:half]...) + "  more:\n    fields:\n      " + strings.Join(out[half:], "\n      ") + "\n" + peers
		}
		coll := func(n int) string {
			if n < len(changes)/2 {
				return "things"
			}
			return "more"
		}
		w.must(declare(func(c change) string { return c.was }))
		ref := w.create("others", `{"label": "o"}`)
		rows := map[string][]string{}
		for _, name := range []string{"things", "more"} {
			for second := range 2 {
				values := map[string]string{}
				if name == "things" {
					values["label"] = `"x"`
				}
				for n, c := range changes {
					if v := []string{c.first, c.second}[second]; coll(n) == name {
						values[fmt.Sprintf("f%d", n)] = strings.ReplaceAll(v, "REF", `"`+ref+`"`)
					}
				}
				rows[name] = append(rows[name], w.create(name, body(values)))
			}
		}
		read := func(fresh bool) {
			t.Helper()
			for n, c := range changes {
				want := c.first
				if fresh && c.want != "" {
					want = c.want
				}
				if got := w.get(coll(n), rows[coll(n)][0])[fmt.Sprintf("f%d", n)]; got != strings.ReplaceAll(want, "REF", `"`+ref+`"`) {
					t.Errorf("%s to %s: %s reads %s, want %s", c.was, c.now, c.first, got, want)
				}
			}
		}
		all := target(t, declare(func(c change) string { return c.now }))
		d, err := migration.Look(context.Background(), w.data, all)
		if err != nil {
			t.Fatal(err)
		}
		for n, c := range changes {
			where := fmt.Sprintf("%s.f%d", coll(n), n)
			i := slices.IndexFunc(d.Steps, func(s *migration.Step) bool { return s.Where == where && (c.kind != refused || s.Kind == refused) })
			if i < 0 {
				t.Errorf("%s to %s is no step, or no refusal", c.was, c.now)
				continue
			}
			if s := d.Steps[i]; s.Kind != c.kind || s.Rows != c.rows || len(s.IDs) != int(min(3, c.rows)) {
				t.Errorf("%s to %s: kind %d, %d rows, want kind %d and %d: %s", c.was, c.now, s.Kind, s.Rows, c.kind, c.rows, s.Words())
			}
		}
		if _, err := w.bring(declare(func(c change) string { return c.now })); err == nil {
			t.Fatal("rows in the way and the start was not refused")
		}
		w.must(declare(func(c change) string { return c.was }))
		read(false)
		next := declare(func(c change) string {
			if c.kind == refused {
				return c.was
			}
			return c.now
		})
		w.must(next)
		read(true)
		if d, err := w.bring(next); err != nil || len(d.Steps)+len(d.Changes) > 0 {
			t.Fatalf("the second start finds %v, %v", d, err)
		}
	})
}

// TestArrivals: a mandatory field that is new has a value for each row, or the start is refused by its name; over an empty table it needs none.
func TestArrivals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.must(things())
		bare, filled := things("added: {type: text, max: 9}"), things("added: {type: text, max: 9, fill: z}")
		a, b := w.create("things", `{"label": "a"}`), w.create("things", `{"label": "b"}`)
		for _, declaration := range []string{bare, things("added: {type: ref, to: others}"), things("added: {type: text, max: 9, fill: z, unique: true}")} {
			_, err := w.bring(declaration)
			if err == nil || !strings.Contains(err.Error(), "things.added") || !strings.Contains(err.Error(), b) || strings.Contains(err.Error(), "constraint") {
				t.Errorf("%v", err)
			}
		}
		w.must(filled)
		if got := w.get("things", a)["added"]; got != `"z"` {
			t.Errorf("a row that was there reads %s", got)
		}
		w.must(filled + "  empty:\n    fields:\n      one: {type: int}\n")
		w.must(filled + "  empty:\n    fields:\n      one: {type: int}\n      two: {type: ref, to: things}\n      three: {type: list, max: 3, of: {type: text, max: 3}}\n")
		id := w.create("empty", `{"one": 1, "two": "`+a+`", "three": ["x"]}`)
		if w.get("empty", id)["two"] != `"`+a+`"` || w.side("empty", "three") != 1 {
			t.Error("a table that was empty does not work")
		}
		none := target(t, filled+"  empty:\n    fields:\n      one: {type: int}\n") // a reference and a list go
		none.Drop = []string{"empty.two", "empty.three"}
		if _, err := migration.Bring(t.Context(), w.data, none); err != nil {
			t.Errorf("dropping a reference: %v", err)
		}
	})
}

// TestBorders: rows neither come into organisations nor lose the one they have unasked, and what is unique within one must be unique
// without.
func TestBorders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plain := collections("  things:\n    fields:\n      label: {type: text, max: 20}\n")
		within := strings.Replace(plain, "  things:\n", "  things:\n    per: organisation\n", 1) + "organisations:\n  sign_up: create\n  roles: [staff]\n"
		w.must(plain)
		id := w.create("things", `{"label": "a"}`)
		if _, err := w.bring(within); err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "rows import") {
			t.Errorf("%v", err)
		}
		w.must(plain)
		if got := w.get("things", id)["label"]; got != `"a"` {
			t.Errorf("the row reads %s", got)
		}
	})
}

// TestIndexesFollow: what was declared unique and is no more takes equal values, and what becomes it refuses them.
func TestIndexesFollow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.must(things("code: {type: text, max: 9, unique: true}"))
		w.create("things", `{"label": "a", "code": "x"}`)
		w.must(things("code: {type: text, max: 9}"))
		second := w.create("things", `{"label": "b", "code": "x"}`)
		_, err := w.bring(things("code: {type: text, max: 9, unique: true}"))
		if err == nil || !strings.Contains(err.Error(), second) {
			t.Errorf("%v", err)
		}
		if got := storetest.Rows(t, w.data.DB, "SELECT code FROM things"); len(got) != 2 {
			t.Errorf("%v", got)
		}
	})
}
