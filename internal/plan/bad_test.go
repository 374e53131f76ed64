package plan_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// good is a declaration that is right; the rule, and lets, of notes are put into it.
const good = `version: 1
service: {name: small, host: small.example, level: 1}
roles: {editor: {}}
collections:
  notes:
    fields:
      title: {type: text, max: 80, indexed: true}
      mood: {type: text, max: 80, optional: true}
      secret: {type: text, max: 80, sensitive: true, encrypted: true, optional: true}
      amount: {type: decimal, digits: 2, optional: true}
      on: {type: date, optional: true}
      parent: {type: ref, to: notes, optional: true}
    let:
      fine: "row.title == 'a'"
    allow:
      - {to: read, when: "RULE"}
`

// TestRulesThatCannotStand: a rule that does not type-check, cannot be SQL, or refers to itself stops the start, at its line, with words that
// say what to write, and with nothing of the parser's own.
func TestRulesThatCannotStand(t *testing.T) {
	load := func(rule string) error {
		text := strings.Replace(good, "RULE", rule, 1)
		f, err := decl.Parse("fastness.yaml", []byte(text), "production")
		if err == nil {
			_, err = plan.Compile(f, "production")
		}
		return err
	}
	if err := load("fine || has_role('editor')"); err != nil {
		t.Fatalf("the declaration without a slip: %v", err)
	}
	for rule, want := range map[string]string{
		"row.titel == 'a'":                `did you mean "title"`,
		"row.title == 5":                  "values of one type",
		"row.title":                       "not a condition",
		"row.title < row.on":              "one type",
		"row.title == 'a' &&":             "cannot be read",
		"row.title.matches('a+')":         "not part of rules",
		"size(row.title) > 3":             "not part of rules",
		"row.title + 'x' == 'ax'":         "",
		"row.amount * 2 > 3":              "",
		"has(row.mood) ? true : false":    "",
		"row.secret == 'a'":               "encrypted",
		"has_role('king')":                "known: editor",
		"now > 5":                         "",
		"new.title == 'a'":                "",
		"nots.exists(n, n.title == 'a')":  "",
		"notes.exists(n, n.titel == 'a')": "title",
		"notes.all(n, n.title == 'a')":    "",
		"[1, 2].map(x, x) == [1]":         "",
		"row.parent.titel == 'a'":         "title",
		"me.password == 'a'":              "",
		"row.title == dyn(5)":             "",
		"'a' in row":                      "",
		strings.Repeat("(", 500) + strings.Repeat(")", 500):    "",
		strings.Repeat("row.title == 'a' || ", 20000) + "true": "",
	} {
		err := load(rule)
		short := rule[:min(len(rule), 60)]
		if err == nil {
			t.Errorf("%s: accepted", short)
			continue
		}
		if !strings.Contains(err.Error(), want) || !regexp.MustCompile(`^fastness\.yaml:[0-9]+:[0-9]+: `).MatchString(err.Error()) {
			t.Errorf("%s: %.300v: want a place and %q", short, err, want)
		}
		for _, leak := range []string{".go:", "antlr", "expecting {", "goroutine", "cel-go"} {
			if strings.Contains(err.Error(), leak) {
				t.Errorf("%s: tells %q: %.300v", short, leak, err)
			}
		}
	}
}

// TestCycles: names that stand for each other for ever are refused. References may go round: a tree of notes is one.
func TestCycles(t *testing.T) {
	for name, lets := range map[string]string{
		"itself":  "      fine: \"fine || row.title == 'a'\"\n",
		"another": "      fine: \"ok\"\n      ok: \"fine\"\n",
	} {
		text := strings.Replace(strings.Replace(good, "      fine: \"row.title == 'a'\"\n", lets, 1), "RULE", "fine", 1)
		f, err := decl.Parse("fastness.yaml", []byte(text), "production")
		if err == nil {
			_, err = plan.Compile(f, "production")
		}
		if err == nil || !strings.Contains(err.Error(), "fine") {
			t.Errorf("a name that stands for %s: %v", name, err)
		}
	}
}
