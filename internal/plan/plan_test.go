package plan_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

func TestPress(t *testing.T) {
	p, err := plan.Load("../../examples/press/fastness.yaml", "development")
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Load("../../examples/press/fastness.yaml", "development")
	if err != nil || again.Version != p.Version {
		t.Errorf("compiling twice gives %s and %s (%v)", p.Version, again.Version, err)
	}
	if got := len(p.Tables()); got != 4 {
		t.Errorf("%d tables", got)
	}
}

// TestUnbuiltIsRefusedByName: what cannot be done yet stops the start instead of being ignored.
func TestUnbuiltIsRefusedByName(t *testing.T) {
	for word, block := range map[string]string{
		"ledger: keep": "ledger: {keep: 7y}",
		"keys: rotate": "keys: {rotate: 90d}",
	} {
		f, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x}\n"+block+"\n"), "development")
		if err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		if _, err := plan.Compile(f, "development"); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// TestUncoveredOrdersAreNamed: each rule whose rows no index holds in some order is named with that order, and no other is.
func TestUncoveredOrdersAreNamed(t *testing.T) {
	const text = `version: 1
service: {name: x}
roles: {clerk: {}}
collections:
  notes:
    fields:
      owner: {type: account}
      team: {type: list, of: {type: account}, max: 5}
      day: {type: date, indexed: true}
      place: {type: text, max: 9, indexed: true, optional: true}
    index: [[owner, -created], [owner, -updated], [owner, place]]
    allow:
      - {to: read, when: "has_role('clerk')"}
      - {to: read, when: "row.owner == me.id"}
      - {to: read, only: [place], when: "row.owner == me.id"}
      - {to: read, when: "me.id in row.team"}
      - {to: read, when: "has(row.place)"}
`
	f, err := decl.Parse("fastness.yaml", []byte(text), "development")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, "development")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"notes, rule on line 14: no index holds the rows of one owner in the order of day; a list in such an order works through all of them, or through the order until its page is full; add index: [[owner, day]]",
		"notes, rule on line 16: rows are found through the list team and sorted at each request, or tested along the order, whatever is less",
		"notes, rule on line 17: no index finds the rows that it grants; a list tests rows one by one, in whatever order",
	}
	if got := strings.Join(p.Warnings, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("warned:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

// TestOverlappingConditionsAreNamed: two conditions that only together are rare are named with the index that mends them, and with it
// they are not.
func TestOverlappingConditionsAreNamed(t *testing.T) {
	const text = `version: 1
service: {name: x}
collections:
  notes:
    fields:
      owner: {type: account}
      place: {type: text, max: 9, indexed: true}
    index: [INDEXES]
    allow:
      - {to: read, when: "row.owner == me.id && row.place == 'here'"}
`
	const pair = "notes, rule on line 10: no index holds the rows that meet both conditions, on owner and place; where each is met often and both seldom, a list works through the rows of one; add index: [[owner, place, -created]]"
	for indexes, want := range map[string]string{"[owner, -created], [place, -created]": pair,
		"[owner, place, -created], [owner, place, updated]": "", "[place, owner, -updated], [place, owner, created]": ""} {
		f, err := decl.Parse("fastness.yaml", []byte(strings.Replace(text, "INDEXES", indexes, 1)), "development")
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(f, "development")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Warnings, "\n"); got != want {
			t.Errorf("index: [%s]: warned:\n%s\nwant:\n%s", indexes, got, want)
		}
	}
}

// TestPairsOfClientsAreNoted: pairs of fields that clients may filter by at once, and that no index holds, are named in one line for each
// collection with the index that mends them; with it they are not, and nothing is warned of.
func TestPairsOfClientsAreNoted(t *testing.T) {
	const text = `version: 1
service: {name: x}
roles: {clerk: {}}
collections:
  notes:
    fields:
      day: {type: date, indexed: true}
      code: {type: text, max: 9, unique: true}
      kind: {type: enum, values: [a, b], indexed: true}
      live: {type: bool, indexed: true}
      apart: {type: int, indexed: true}
      plain: {type: int}
    index: [INDEXES]
    unique: [UNIQUES]
    allow:
      - {to: read, only: [day, code, kind, live, plain], when: "has_role('clerk')"}
      - {to: read, only: [apart], when: "has_role('clerk')"}
  quiet:
    fields:
      kind: {type: enum, values: [a, b], indexed: true}
    allow:
      - {to: read, when: "has_role('clerk')"}
`
	for _, x := range []struct{ indexes, uniques, add string }{
		{"", "", "add index: [[live, kind, -created], [live, day, -created], [kind, day, -created]]"},
		{"[live, kind, -created]", "", "add index: [[live, day, -created], [kind, day, -created]]"},
		{"[live, kind, -created], [day, live]", "[day, kind]", ""},
	} {
		declaration := strings.NewReplacer("INDEXES", x.indexes, "UNIQUES", x.uniques).Replace(text)
		f, err := decl.Parse("fastness.yaml", []byte(declaration), "development")
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(f, "development")
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(p.Notes, "\n")
		if x.add == "" && got != "" || x.add != "" && (len(p.Notes) != 1 || !strings.HasPrefix(got, "notes: ") || !strings.HasSuffix(got, x.add)) {
			t.Errorf("index: [%s]: noted %q, want %q", x.indexes, got, x.add)
		}
	}
	many := strings.NewReplacer("INDEXES", "", "UNIQUES", "", "plain: {type: int}", "plain: {type: int, indexed: true}").Replace(text)
	f, err := decl.Parse("fastness.yaml", []byte(many), "development")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := plan.Compile(f, "development"); err != nil || len(p.Notes) != 1 || !strings.HasSuffix(p.Notes[0], "(3 more pairs have none)") {
		t.Errorf("%v: %v", err, p.Notes)
	}
}
