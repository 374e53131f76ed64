package decl_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// small is a declaration that is right; traps are put into it.
const small = `version: 1
service: {name: small, host: small.example, level: 1}
roles: {editor: {}}
collections:
  notes:
    fields:
      title: {type: text, max: 80}
      mood: {type: text, max: 80, optional: true}
    allow:
      - {to: read, when: "has_role('editor')"}
`

// traps are what people and their editors do to YAML. Each must be refused at its line, with words that say what to do.
var traps = map[string]struct {
	from, to string
	line     string   // where
	says     []string // what the message must hold
}{
	"a duplicate key":             {"      mood:", "      title:", ":8:", []string{"title", "duplicate"}},
	"a tab":                       {"      title:", "\ttitle:", ":7:", []string{"tab"}},
	"an anchor":                   {"roles: {editor: {}}", "roles: &r {editor: {}}", ":3:", []string{"anchor"}},
	"an alias":                    {"{editor: {}}", "{editor: *r}", ":3:", []string{"alias"}},
	"a merge key":                 {"roles: {editor: {}}", "roles: {editor: {}, <<: {admin: {}}}", ":3:", nil},
	"an unknown word":             {"collections:", "colections:", ":4:", []string{"colections", "collections"}},
	"an unknown word of a field":  {"max: 80}", "maxx: 80}", ":7:", []string{"maxx", "max"}},
	"an unknown type":             {"type: text, max: 80}", "type: strng, max: 80}", ":7:", []string{"strng", `did you mean "text"`}},
	"no for a bool":               {"optional: true", "optional: yes", ":8:", []string{"true"}},
	"a list for a mapping":        {"roles: {editor: {}}", "roles: [editor]", ":3:", nil},
	"another version":             {"version: 1", "version: 2", ":1:", []string{"version"}},
	"a tag":                       {"name: small", "name: !!binary c21hbGw=", ":2:", []string{"tag"}},
	"a second document":           {"collections:", "---\ncollections:", "", []string{"document"}},
	"a rule without quotes":       {`when: "has_role('editor')"`, `when: has_role('editor')`, ":10:", []string{"quotes", `"has_role('editor')"`}},
	"a comma without quotes":      {`when: "has_role('editor')"`, `when: notes.exists(n, n.title == 'x')`, ":10:", []string{"quotes", `- {to: read, when: "notes.exists(n, n.title == 'x')"}`}},
	"a leading exclamation mark":  {`when: "has_role('editor')"`, `when: !has_role('editor')`, ":10:", []string{"quotes", `- {to: read, when: "!has_role('editor')"}`}},
	"a list in braces":            {`when: "has_role('editor')"`, `when: row.title in ['a', 'b']`, ":10:", []string{"quotes", `- {to: read, when: "row.title in ['a', 'b']"}`}},
	"a condition with colons":     {`when: "has_role('editor')"`, `when: has(row.mood) ? true : false`, ":10:", []string{"quotes", `- {to: read, when: "has(row.mood) ? true : false"}`}},
	"a comment in a rule":         {`- {to: read, when: "has_role('editor')"}`, "- to: read\n        when: row.title == 'a #1' || row.title == 'b'", ":11:", []string{"quotes", `when: "row.title == 'a #1' || row.title == 'b'"`}},
	"a rule with texts in quotes": {`when: "has_role('editor')"`, `when: row.title == "a, b", fresh: 5m`, ":10:", []string{`- {to: read, when: 'row.title == "a, b"', fresh: 5m}`}},
	"a rule before other words":   {`when: "has_role('editor')"`, `when: row.title == 'x' && has(row.mood), only: [title]`, ":10:", []string{`- {to: read, when: "row.title == 'x' && has(row.mood)", only: [title]}`}},
	"a literal secret":            {"roles:", "mail: {from: a@b.example, smtp: \"smtp://user:hunter2@host\"}\nroles:", ":3:", []string{"secret"}},
}

// TestTraps: bad YAML is refused with its line and with words that help; a literal secret is not repeated.
func TestTraps(t *testing.T) {
	if _, err := decl.Parse("fastness.yaml", []byte(small), "production"); err != nil {
		t.Fatalf("the declaration without traps: %v", err)
	}
	for name, trap := range traps {
		if strings.Count(small, trap.from) == 0 {
			t.Fatalf("%s: there is no %q to replace", name, trap.from)
		}
		_, err := decl.Parse("fastness.yaml", []byte(strings.Replace(small, trap.from, trap.to, 1)), "production")
		if err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		if !strings.Contains(err.Error(), "fastness.yaml"+trap.line) {
			t.Errorf("%s: %v: want the line %s", name, err, trap.line)
		}
		for _, word := range trap.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v: want the word %q", name, err, word)
			}
		}
		if strings.Contains(err.Error(), "put the rule in quotes") && strings.Count(err.Error(), "fastness.yaml:") != 1 {
			t.Errorf("%s: one slip is told as several: %v", name, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the secret is repeated: %v", name, err)
		}
	}
}

// TestHostileFiles: files that are made to hurt a reader end quickly in an error.
func TestHostileFiles(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 8) + "*" + string(c-1) + "]\n"
	}
	for name, text := range map[string]string{
		"an anchor bomb": small + bomb,
		"deep nesting":   small + "x: " + strings.Repeat("[", 100_000),
		"deep braces":    small + "x: " + strings.Repeat("{a: ", 5_000) + strings.Repeat("}", 5_000),
		"a huge file":    small + "# " + strings.Repeat("x", 3<<20),
		"bad UTF-8":      small + "# \xff\xfe",
		"NUL":            small + "x: \"\x00\"",
		"a long key":     small + strings.Repeat("k", 200_000) + ": 1",
		"nothing":        "",
		"only a comment": "# hello",
		"a scalar":       "hello",
	} {
		if _, err := decl.Parse("fastness.yaml", []byte(text), "production"); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// FuzzParse: no text makes the reader panic, and what it refuses it refuses with a position or a reason.
func FuzzParse(f *testing.F) {
	seeds := 0
	for _, trap := range traps {
		f.Add([]byte(strings.Replace(small, trap.from, trap.to, 1)))
		seeds++
	}
	f.Add([]byte(small))
	if seeds == 0 {
		f.Fatal("there are no seeds")
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := decl.Parse("fastness.yaml", text, "production"); err != nil && err.Error() == "" {
			t.Fatal("a refusal without words")
		}
	})
}
