package plan_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/store"
)

// compiled compiles collections.
func compiled(t *testing.T, head, collections string) (*plan.Plan, error) {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x}\n"+head+"collections:\n"+collections), "development")
	if err != nil {
		t.Fatal(err)
	}
	return plan.Compile(f, "development")
}

// TestMadeNames: every name that a plan makes for the database fits, and no two tables or indexes share one.
func TestMadeNames(t *testing.T) {
	long := strings.Repeat("f", 46)
	p, err := compiled(t, "", "  "+strings.Repeat("c", 48)+":\n    unique: [["+long+"_a, "+long+"_b]]\n    index: [["+long+"_a, "+long+"_b]]\n    fields:\n"+
		"      "+long+"_a: {type: text, max: 9, unique: true}\n      "+long+"_b: {type: text, max: 9, unique: true}\n"+
		"      "+long+"_c: {type: list, of: {type: account}, max: 9}\n      "+long+"_d: {type: list, of: {type: account}, max: 9}\n")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, table := range p.Tables() {
		names := []string{table.Name}
		for _, i := range table.Indexes {
			names = append(names, i.Name)
		}
		for _, name := range names {
			if len(name) > store.MaxName || seen[name] {
				t.Errorf("%s has %d bytes, there already: %v", name, len(name), seen[name])
			}
			seen[name] = true
		}
		for _, f := range table.Foreign {
			if len(f.Name) > store.MaxName || seen[table.Name+f.Name] {
				t.Errorf("foreign key %s has %d bytes", f.Name, len(f.Name))
			}
			seen[table.Name+f.Name] = true
		}
	}
}

// TestNamesThatMeet: declarations whose made names meet, or that PostgreSQL keeps for itself, are refused by name.
func TestNamesThatMeet(t *testing.T) {
	for want, collections := range map[string]string{
		`"a_by_created"`: "  a: {fields: {n: {type: int}}}\n  a_by_created: {fields: {n: {type: int}}}\n",
		`"a_by_x"`:       "  a: {fields: {x: {type: int, indexed: true}}}\n  a_by_x: {fields: {n: {type: int}}}\n",
		`"a_on_b_c"`:     "  a: {fields: {b: {type: int}, c: {type: int}, b_c: {type: int}}, index: [[b, c], [b_c]]}\n",
		`"xmin"`:         "  a: {fields: {xmin: {type: int}}}\n",
	} {
		if _, err := compiled(t, "", collections); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
