package migration_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/store"
)

// TestPassingNames: a name never passes from one field, or collection, to another in one step. Either no value is under another name than it
// was declared to be, or the start is refused and says whose name is meant.
func TestPassingNames(t *testing.T) {
	field := func(name, was string) string {
		s := name + ": {type: text, max: 9, optional: true"
		if was != "" {
			s += ", was: " + was
		}
		return s + "}"
	}
	for name, x := range map[string]struct {
		had []string // fields, each of which holds its name
		now []string // "name" or "name was"
		say string   // of the refusal; "": it is taken
	}{
		"swap":                      {[]string{"a", "b"}, []string{"a b", "b a"}, "holds both"},
		"ring":                      {[]string{"a", "b", "c"}, []string{"a b", "b c", "c a"}, "holds both"},
		"half a swap":               {[]string{"a", "b"}, []string{"a b", "b"}, "holds both"},
		"onto one that stands":      {[]string{"a", "b"}, []string{"a b"}, "holds both"},
		"chain":                     {[]string{"b", "c"}, []string{"a b", "b c"}, "things.a: was b, and b is still declared"},
		"chain, the other way":      {[]string{"b", "c"}, []string{"b c", "a b"}, "things.b: was c, and the database holds both"},
		"onto one that just left":   {[]string{"a", "b"}, []string{"c a", "a b"}, "things.a: was b, and the database holds both"},
		"the old name to a new one": {[]string{"a"}, []string{"b a", "a"}, "still declared"},
		"two of one":                {[]string{"a"}, []string{"b a", "c a"}, "another says so too"},
		"itself":                    {[]string{"a"}, []string{"a a"}, "holds both"},
		"of nothing":                {[]string{"a"}, []string{"a z"}, ""},
		"side by side":              {[]string{"a", "b"}, []string{"c a", "d b"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				var had, now, pieces, parts []string
				values := map[string]string{"label": `"l"`}
				for _, n := range x.had {
					had, values[n] = append(had, field(n, "")), `"`+n+`"`
					pieces = append(pieces, "  "+n+":\n    fields: {mark: {type: text, max: 9}}\n")
				}
				for _, n := range x.now {
					name, was, _ := strings.Cut(n, " ")
					now = append(now, field(name, was))
					part := "  " + name + ":\n    fields: {mark: {type: text, max: 9}}\n"
					if was != "" {
						part += "    was: " + was + "\n"
					}
					parts = append(parts, part)
				}
				before, after := things(had...)+strings.Join(pieces, ""), things(now...)+strings.Join(parts, "")
				w.must(before)
				id, marks := w.create("things", body(values)), map[string]string{}
				for _, n := range x.had {
					marks[n] = w.create(n, `{"mark": "`+n+`"}`)
				}
				for _, declaration := range []string{things(now...) + strings.Join(pieces, ""), things(had...) + strings.Join(parts, ""), after} {
					_, err := w.bring(declaration)
					if x.say == "" {
						if err != nil {
							t.Errorf("%v", err)
						}
						break
					}
					if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(x.say, "things.")) {
						t.Fatalf("%v\nwant %q", err, x.say)
					}
				}
				names := x.now
				if x.say != "" {
					w.must(before)
					names = x.had
				} else {
					w.must(after)
				}
				for range 2 { // the word means nothing once it was obeyed
					for _, n := range names {
						name, was, _ := strings.Cut(n, " ")
						if !slices.Contains(x.had, was) {
							was = name
						}
						if got := w.get("things", id)[name]; got != `"`+was+`"` {
							t.Errorf("%s reads %s, want %s", name, got, was)
						}
						if got := w.get(name, marks[was])["mark"]; got != `"`+was+`"` {
							t.Errorf("the row of %s reads %s, want %s", name, got, was)
						}
					}
					if x.say == "" {
						w.must(after)
					}
				}
			})
		})
	}
}

// TestNamesExchanged: what the refusal of an exchange advises works, with the words of earlier starts left in the declaration.
func TestNamesExchanged(t *testing.T) {
	text := "{type: text, max: 9, optional: true"
	each(t, func(t *testing.T, w *world) {
		w.must(things("a: "+text+"}", "b: "+text+"}"))
		id := w.create("things", `{"label": "l", "a": "a", "b": "b"}`)
		w.must(things("x: "+text+", was: a}", "b: "+text+"}"))
		w.must(things("x: "+text+", was: a}", "a: "+text+", was: b}"))
		for range 2 {
			w.must(things("b: "+text+", was: x}", "a: "+text+", was: b}"))
			if got := w.get("things", id); got["a"] != `"b"` || got["b"] != `"a"` {
				t.Errorf("the row reads %v", got)
			}
		}
	})
}

// TestLongNamesGo: a list whose side table has a digest for a name is dropped under its own name, also when its collection is renamed at
// once; and what a conversion of it that was given up had begun asks for nothing.
func TestLongNamesGo(t *testing.T) {
	coll, list := strings.Repeat("c", 48), strings.Repeat("l", 48)
	declare := func(name, was string, fields ...string) string {
		return collections("  " + name + ":\n    " + was + "\n    fields:\n      label: {type: text, max: 9}\n      " + strings.Join(fields, "\n      ") + "\n")
	}
	for _, name := range []string{coll, "short"} {
		for _, field := range []string{list, "tags"} {
			t.Run(fmt.Sprint(len(name), "/", len(field)), func(t *testing.T) {
				each(t, func(t *testing.T, w *world) {
					was := declare(name, "", field+": {type: list, max: 9, of: {type: int}}")
					w.must(was)
					id := w.create(name, `{"label": "x", "`+field+`": [1, 2]}`)
					for _, rename := range []string{name, "other"} {
						word := ""
						if rename != name {
							word = "was: " + name
						}
						text := declare(rename, word, field+": {type: list, max: 9, of: {type: text, max: 9}, from: {type: list, of: {type: int}}}")
						if _, err := migration.Prepare(t.Context(), w.data, target(t, text)); err != nil {
							t.Fatal(err)
						}
						w.must(was) // given up
						if got := w.get(name, id)[field]; got != "[1,2]" || w.side(name, field) != 2 {
							t.Errorf("the list reads %s", got)
						}
					}
					gone := declare("other", "was: "+name)
					if _, err := w.bring(gone); err == nil || !strings.Contains(err.Error(), "holds data: other."+field+"; ") {
						t.Errorf("%v", err)
					}
					to := target(t, gone)
					to.Drop = []string{"other." + field}
					if _, err := migration.Bring(t.Context(), w.data, to); err != nil {
						t.Errorf("%v", err)
					}
				})
			})
		}
	}
}

// views counts what is asked of a database.
type views struct {
	store.DB
	n int
}

func (v *views) View(ctx context.Context, fn func(store.Reader) error) error {
	v.n++
	return v.DB.View(ctx, fn)
}

// TestReferencesLookedUpTogether: what rows refer to is looked up a batch at a time, and what is not there is found in each place.
func TestReferencesLookedUpTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		was := things("one: {type: text, max: 60}", "many: {type: list, max: 9, of: {type: text, max: 60}}")
		now := things("one: {type: ref, to: others}", "many: {type: list, max: 9, of: {type: ref, to: others}}")
		w.must(was)
		there, gone := w.create("others", `{"label": "o"}`), strings.Repeat("1", 26)
		var bad []string
		for n := range 500 {
			one, many := there, there
			if n == 250 {
				one = gone
			}
			if n == 499 {
				many = gone
			}
			id := w.create("things", `{"label": "x", "one": "`+one+`", "many": ["`+there+`", "`+many+`"]}`)
			if one == gone || many == gone {
				bad = append(bad, id)
			}
		}
		v := &views{DB: w.data.DB}
		w.data.DB = v
		steps := w.look(now)
		w.data.DB = v.DB
		for field, id := range map[string]string{"things.one": bad[0], "things.many": bad[1]} {
			if s := steps[field]; s == nil || s.Kind != refused || s.Rows != 1 || s.IDs[0] != id {
				t.Errorf("%s: %v", field, s)
			}
		}
		if v.n > 15 {
			t.Errorf("500 rows were looked at in %d views", v.n)
		}
	})
}
