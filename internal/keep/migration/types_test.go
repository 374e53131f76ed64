package migration_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/migration"
)

// form is a type as it is declared, and one value of it on the wire. REF stands for a row of others, ME for an account.
type form struct{ name, words, value string }

var forms = []form{
	{"text", "type: text, max: 60", `"plain words"`}, {"int", "type: int", `7`}, {"decimal", "type: decimal, digits: 2", `"12.50"`},
	{"fine", "type: decimal, digits: 3", `"12.505"`}, {"bool", "type: bool", `true`}, {"date", "type: date", `"2026-01-31"`},
	{"time", "type: time", `"2026-01-31T12:00:00Z"`}, {"enum", "type: enum, values: [a, b]", `"a"`}, {"email", "type: email", `"ada@example.org"`},
	{"url", "type: url", `"https://example.org/a"`}, {"uuid", "type: uuid", `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
	{"json", "type: json", `{"a":[1,"x"]}`}, {"html", "type: html", `"<p>words</p>"`}, {"texts", "type: list, max: 9, of: {type: text, max: 20}", `["x","y"]`},
	{"ints", "type: list, max: 9, of: {type: int}", `[1,2]`}, {"account", "type: account", `ME`}, {"ref", "type: ref, to: others", `REF`},
	{"state", "type: state, start: a, steps: {a: [b]}", `"a"`}, {"sealed", "type: text, max: 60, encrypted: true", `"plain words"`},
	{"sealedint", "type: int, encrypted: true", `7`},
}

// became says what the value above becomes under another type, when somebody asks for it. What is not named is refused. "=": it is the
// same value, and nobody needs to ask.
var became = map[string]map[string]string{
	"text":      {"text": "=", "sealed": `"plain words"`, "html": `"plain words"`},
	"int":       {"int": "=", "text": `"7"`, "decimal": `"7.00"`, "fine": `"7.000"`, "json": `7`, "sealed": `"7"`, "sealedint": `7`, "html": `"7"`},
	"decimal":   {"decimal": "=", "fine": `"12.500"`, "text": `"12.50"`, "json": `"12.50"`, "sealed": `"12.50"`, "html": `"12.50"`},
	"fine":      {"fine": "=", "text": `"12.505"`, "json": `"12.505"`, "sealed": `"12.505"`, "html": `"12.505"`},
	"bool":      {"bool": "=", "int": `1`, "sealedint": `1`, "text": `"true"`, "json": `true`, "sealed": `"true"`, "html": `"true"`},
	"date":      {"date": "=", "text": "=", "time": `"2026-01-31T00:00:00Z"`, "json": `"2026-01-31"`, "sealed": `"2026-01-31"`, "html": `"2026-01-31"`},
	"time":      {"time": "=", "text": `"2026-01-31T12:00:00Z"`, "json": `"2026-01-31T12:00:00Z"`, "sealed": `"2026-01-31T12:00:00Z"`, "html": `"2026-01-31T12:00:00Z"`},
	"enum":      {"enum": "=", "text": "=", "state": "=", "json": `"a"`, "sealed": `"a"`, "html": `"a"`},
	"state":     {"state": "=", "text": "=", "enum": "=", "json": `"a"`, "sealed": `"a"`, "html": `"a"`},
	"email":     {"email": "=", "text": "=", "json": `"ada@example.org"`, "sealed": `"ada@example.org"`, "html": `"ada@example.org"`},
	"url":       {"url": "=", "text": "=", "json": `"https://example.org/a"`, "sealed": `"https://example.org/a"`, "html": `"https://example.org/a"`},
	"uuid":      {"uuid": "=", "text": "=", "json": `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, "sealed": `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, "html": `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`},
	"json":      {"json": "="},
	"html":      {"html": "=", "json": `"<p>words</p>"`},
	"texts":     {"texts": "=", "json": `["x","y"]`},
	"ints":      {"ints": "=", "json": `[1,2]`, "texts": `["1","2"]`},
	"account":   {"account": "=", "text": "=", "json": "ME", "sealed": "ME", "html": "ME"},
	"ref":       {"ref": "=", "text": "=", "json": "REF", "sealed": "REF", "html": "REF"},
	"sealed":    {"sealed": "=", "text": `"plain words"`, "json": `"plain words"`, "html": `"plain words"`},
	"sealedint": {"sealedint": "=", "int": `7`, "text": `"7"`, "sealed": `"7"`, "json": `7`, "decimal": `"7.00"`, "fine": `"7.000"`, "html": `"7"`},
}

func init() { // what is a legal text of JSON, or of a list's words, is one of json as well
	became["text"]["json"] = `"plain words"`
}

// TestEveryTypeToEveryType: over rows that hold values, a field that changes its type is what it was, is refused, or, when somebody asks,
// becomes its exact counterpart; and whenever it is refused the declaration before still opens everything.
func TestEveryTypeToEveryType(t *testing.T) {
	tally := map[string]int{}
	for _, from := range forms {
		t.Run(from.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) { everyType(t, w, from, tally) })
		})
	}
	t.Logf("pairs: %v", tally)
	if tally["refused"] < 250 || tally["converted"] < 70 || tally["same"] < 30 {
		t.Errorf("the table has only %v", tally)
	}
}

// everyType gives a collection one field for each new type, all of them of the old type first.
func everyType(t *testing.T, w *world, from form, tally map[string]int) {
	const coll = "things"
	declare := func(field func(to form) string) string {
		var fields []string
		for _, to := range forms {
			fields = append(fields, "f_"+to.name+": {optional: true, "+field(to)+"}")
		}
		return things(fields...)
	}
	before := declare(func(form) string { return from.words })
	w.must(before)
	me, ref := w.person(), w.create("others", `{"label": "o"}`)
	fill := func(s string) string {
		return strings.NewReplacer("ME", `"`+me+`"`, "REF", `"`+ref+`"`).Replace(s)
	}
	values, missing := map[string]string{"label": `"x"`}, map[string]string{"label": `"e"`}
	for _, to := range forms {
		values["f_"+to.name], missing["f_"+to.name] = fill(from.value), "null"
	}
	full, empty := w.create(coll, body(values)), w.create(coll, body(missing))
	unchanged := func(when string) {
		t.Helper()
		w.must(before)
		row := w.get(coll, full)
		for name, v := range values {
			if row[name] != v {
				t.Errorf("%s: %s reads %s, was %s", when, name, row[name], v)
			}
		}
	}
	asked := ", from: {" + strings.NewReplacer(", max: 60", "", ", values: [a, b]", "", ", max: 9", "", ", max: 20", "", ", to: others", "", ", start: a, steps: {a: [b]}", "").Replace(from.words) + "}"
	if from.name == "html" {
		asked = ", from: {type: html, profile: basic}"
	}
	// Nobody asks: only what is the same may go through.
	steps := w.look(declare(func(to form) string { return to.words }))
	for _, to := range forms {
		s := steps[coll+".f_"+to.name]
		switch want := became[from.name][to.name]; {
		case want == "=" && from.name == to.name:
			if s != nil {
				t.Errorf("%s stays and is a step: %s", to.name, s.Words())
			}
		case s == nil:
			t.Errorf("%s to %s is no step", from.name, to.name)
		case (want == "=") != (s.Kind == migration.Fits):
			t.Errorf("%s to %s, unasked: %s", from.name, to.name, s.Words())
		case want != "=" && (s.Kind != migration.Refused || s.Rows != 1 || !slices.Equal(s.IDs, []string{full})):
			t.Errorf("%s to %s, unasked, names %v: %s", from.name, to.name, s.IDs, s.Words())
		}
	}
	if _, err := w.bring(declare(func(to form) string { return to.words })); err == nil {
		t.Errorf("%s: the start was not refused", from.name)
	}
	unchanged("after a refusal")
	// Somebody asks: what has a counterpart becomes it, the rest is refused.
	steps = w.look(declare(func(to form) string { return to.words + asked }))
	for _, to := range forms {
		s, want := steps[coll+".f_"+to.name], became[from.name][to.name]
		if s != nil && (want == "") != (s.Kind == migration.Refused) {
			t.Errorf("%s to %s, asked: %s", from.name, to.name, s.Words())
		}
		if s != nil {
			tally[map[bool]string{true: "refused", false: "converted"}[s.Kind == migration.Refused]]++
		}
		if want == "=" {
			tally["same"]++
		}
	}
	final := declare(func(to form) string {
		if became[from.name][to.name] == "" {
			return from.words
		}
		return to.words + asked
	})
	w.must(final)
	for range 2 { // from is void once it is reached
		row, none := w.get(coll, full), w.get(coll, empty)
		for _, to := range forms {
			want := became[from.name][to.name]
			if want == "" || want == "=" {
				want = from.value
			}
			if got := row["f_"+to.name]; got != fill(want) {
				t.Errorf("%s to %s reads %s, want %s", from.name, to.name, got, fill(want))
			}
			if none["f_"+to.name] != "null" {
				t.Errorf("%s to %s: a missing value reads %s", from.name, to.name, none["f_"+to.name])
			}
		}
		if d, err := w.bring(final); err != nil || len(d.Steps)+len(d.Changes) > 0 {
			t.Fatalf("the second start finds %v %v", d, err)
		}
	}
	if from.name == "ints" && w.side(coll, "f_texts") != 2 {
		t.Errorf("the side table of the converted list has %d rows", w.side(coll, "f_texts"))
	}
}

// TestValuesThatConvert: values that have a counterpart although most of their type have none, and those that look like it and have none.
func TestValuesThatConvert(t *testing.T) {
	text, number := "type: text, max: 60", "type: int"
	cases := []struct{ from, value, to, want string }{
		{text, `"7"`, number, `7`}, {text, `"007"`, number, ""}, {text, `"+7"`, number, ""}, {text, `" 7"`, number, ""}, {text, `"-0"`, number, ""},
		{text, `"9007199254740993"`, number, ""}, {text, `""`, number, ""}, {text, `"7.0"`, number, ""}, {text, `"true"`, "type: bool", `true`},
		{text, `"True"`, "type: bool", ""}, {text, `"12.5"`, "type: decimal, digits: 2", `"12.50"`}, {text, `"12.505"`, "type: decimal, digits: 2", ""},
		{text, `"2026-01-31"`, "type: date", `"2026-01-31"`}, {text, `"2026-02-30"`, "type: date", ""}, {text, `"2026-01-31T12:00:00Z"`, "type: time", `"2026-01-31T12:00:00Z"`},
		{text, `"ada@example.org"`, "type: email", `"ada@example.org"`}, {text, `"a"`, "type: enum, values: [a, b]", `"a"`}, {text, `"c"`, "type: enum, values: [a, b]", ""},
		{text, `"a < b & c"`, "type: html", `"a &lt; b &amp; c"`}, {text, `"<b>x</b>"`, "type: html", `"&lt;b&gt;x&lt;/b&gt;"`},
		{"type: html", `"a &lt; b"`, text, `"a < b"`}, {"type: html", `"<p>x</p>"`, text, ""},
		{"type: decimal, digits: 2", `"12.00"`, number, `12`}, {"type: decimal, digits: 2", `"12.50"`, "type: decimal, digits: 1", `"12.5"`},
		{"type: decimal, digits: 2", `"-0.10"`, "type: decimal, digits: 4", `"-0.1000"`}, {"type: decimal, digits: 2", `"12.55"`, "type: decimal, digits: 1", ""},
		{"type: time", `"2026-01-31T00:00:00Z"`, "type: date", `"2026-01-31"`}, {number, `1`, "type: bool", `true`}, {number, `2`, "type: bool", ""},
		{"type: bool", `false`, number, `0`}, {"type: json", `"7"`, text, `"7"`}, {"type: json", `7`, number, `7`}, {"type: json", `7`, text, ""},
		{"type: json", `["a","b"]`, "type: list, max: 9, of: {type: text, max: 9}", `["a","b"]`}, {"type: json", `["a","b"]`, "type: list, max: 1, of: {type: text, max: 9}", ""},
		{"type: list, max: 9, of: {type: text, max: 9}", `["1","2"]`, "type: list, max: 9, of: {type: int}", `[1,2]`},
		{"type: list, max: 9, of: {type: decimal, digits: 1}", `["1.5"]`, "type: list, max: 9, of: {type: decimal, digits: 2}", `["1.50"]`},
		{"type: html, profile: rich", `"<figure>x</figure>"`, "type: html, profile: basic", `"x\n"`}, {text, `"x"`, "type: text, max: 60, encrypted: true", `"x"`},
		{"type: list, max: 9, of: {type: text, max: 9}", `["s"]`, "type: list, max: 9, encrypted: true, of: {type: text, max: 9}", `["s"]`},
		{"type: list, max: 9, encrypted: true, of: {type: text, max: 9}", `["s"]`, "type: list, max: 9, of: {type: text, max: 9}", `["s"]`},
	}
	each(t, func(t *testing.T, w *world) {
		declare := func(field func(n int) string) string {
			var out []string
			for n := range cases {
				out = append(out, fmt.Sprintf("f%d: {optional: true, %s}", n, field(n)))
			}
			return things(out...)
		}
		values := map[string]string{"label": `"x"`}
		for n, c := range cases {
			values[fmt.Sprintf("f%d", n)] = c.value
		}
		w.must(declare(func(n int) string { return cases[n].from }))
		id := w.create("things", body(values))
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(values)), func(s string) bool { return s == "label" })
		for n := range names {
			names[n] = "things." + names[n]
		}
		steps := w.look(declare(func(n int) string { return cases[n].to }), names...)
		for n, c := range cases {
			if s := steps[fmt.Sprintf("things.f%d", n)]; s == nil || (s.Kind == migration.Refused) != (c.want == "") {
				t.Errorf("%s %s to %s: %v", c.from, c.value, c.to, s)
			}
		}
		w.must(declare(func(n int) string {
			if cases[n].want == "" {
				return cases[n].from
			}
			return cases[n].to
		}), names...)
		row := w.get("things", id)
		for n, c := range cases {
			want := c.want
			if want == "" {
				want = c.value
			}
			if got := row[fmt.Sprintf("f%d", n)]; got != want {
				t.Errorf("%s %s to %s reads %s, want %s", c.from, c.value, c.to, got, want)
			}
		}
	})
}
