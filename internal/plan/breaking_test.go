package plan_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
)

const contract = `service: {name: x, host: x.example}
roles: {clerk: {}}
collections:
  notes:
    fields:
      title: {type: text, min: 1, max: 40, pattern: "[a-z]+"}
      count: {type: int, min: 0, max: 9, optional: true, indexed: true}
      price: {type: decimal, digits: 2, default: "1.00"}
      day: {type: date, min: "2020-01-01", max: "2029-12-31", optional: true}
      kind: {type: enum, values: [red, green]}
      stage: {type: state, start: open, steps: {open: [closed, lost], closed: [open]}}
      tags: {type: list, of: {type: text, max: 9}, max: 5}
    allow:
      - {to: [read, create, update, delete], when: "has_role('clerk')"}
`

// TestBreaking: each way in which an old client would be let down is named, alone, and what grows breaks nothing.
func TestBreaking(t *testing.T) {
	load := func(from, to string) *plan.Plan {
		t.Helper()
		text := strings.Replace(contract, from, to, 1)
		if from != "" && text == contract {
			t.Fatalf("%q is not in the contract", from)
		}
		p, err := compile(t, text, "production")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	old := load("", "")
	for _, c := range []struct{ from, to, want string }{
		{"  notes:", "  papers:", "notes is gone"},
		{"    allow:\n      - {to: [read, create, update, delete]", "    allow:\n      - {to: [read, create, update]", "notes: nobody may delete any more"},
		{"  notes:\n", "  notes:\n    if_match: required\n", "notes: writes now need If-Match"},
		{"price:", "cost:", "notes.price is gone"},
		{"price: {type: decimal, digits: 2", "price: {type: decimal, digits: 3", "notes.price has another type"},
		{"count: {type: int, min: 0, max: 9, optional: true", "count: {type: int, min: 0, max: 9", "notes.count must be sent and cannot be null any more"},
		{"kind: {type: enum", "kind: {type: enum, optional: true", "notes.kind may be null now, which a reader does not expect"},
		{"kind: {type: enum", "kind: {type: enum, fixed: true", "notes.kind cannot be changed any more"},
		{"optional: true, indexed: true}", "optional: true}", "notes.count cannot be filtered or sorted by any more"},
		{"optional: true, indexed: true}", "optional: true, indexed: true, personal: true}", "notes.count cannot be in a query string any more"},
		{"optional: true, indexed: true}", "optional: true, unique: true}", "notes.count must be unique now"},
		{"min: 1, max: 40", "min: 2, max: 40", "notes.title takes less at its lower end"},
		{"min: 1, max: 40", "min: 1, max: 39", "notes.title takes less at its upper end"},
		{"max: 9, optional", "max: 8, optional", "notes.count takes less at its upper end"},
		{"2029-12-31", "2028-12-31", "notes.day takes less at its upper end"},
		{"2020-01-01", "2021-01-01", "notes.day takes less at its lower end"},
		{"[a-z]+", "[a-y]+", "notes.title takes another pattern"},
		{"[red, green]", "[red, blue]", `notes.kind does not know "green" any more`},
		{"open: [closed, lost]", "open: [lost], lost: [closed]", "notes.stage cannot go from open to closed any more"},
		{"of: {type: text, max: 9}", "of: {type: text, max: 8}", "notes.tags[] takes less at its upper end"},
		{"max: 5}", "max: 4}", "notes.tags takes less at its upper end"},
		{"      tags:", "      owner: {type: account}\n      tags:", "notes.owner is new and must be sent; give it a default or make it optional"},
		{"", "", ""},
		{"min: 1, max: 40, pattern: \"[a-z]+\"", "max: 400", ""},
		{"[red, green]", "[red, green, blue]", ""},
		{"open: [closed, lost]", "open: [closed, lost], lost: [open]", ""},
		{"      tags:", "      owner: {type: account, default: \"me.id\"}\n      tags:", ""},
		{"collections:\n", "collections:\n  more:\n    fields: {a: {type: bool}}\n    allow: [{to: read, when: \"has_role('clerk')\"}]\n", ""},
		{"default: \"1.00\"", "default: \"2.00\", indexed: true", ""},
	} {
		if got := strings.Join(plan.Breaking(old, load(c.from, c.to)), "\n"); got != c.want {
			t.Errorf("%q -> %q: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}
