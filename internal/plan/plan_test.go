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
		"organisations": "organisations: {sign_up: create, roles: []}", "mail": `mail: {from: "a@b.example"}`, "ledger: keep": "ledger: {keep: 7y}",
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
