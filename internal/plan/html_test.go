package plan_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// TestMarkupIsBounded: rich text is no longer than what can be cleaned at a small multiple of its length; text may be.
func TestMarkupIsBounded(t *testing.T) {
	for field, good := range map[string]bool{"{type: html, profile: rich, max: 200000}": true, "{type: html, profile: rich}": true, "{type: html, profile: basic, max: 200001}": false,
		"{type: html, profile: rich, max: 1000000}": false, "{type: text, max: 1000000}": true} {
		f, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x}\nroles: {editor: {}}\ncollections:\n  notes:\n    fields:\n      f: "+field+
			"\n    allow: [{to: read, when: \"has_role('editor')\"}]\n"), "development")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = plan.Compile(f, "development"); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "at most 200000 characters") {
			t.Errorf("%s: %v, want it taken: %v", field, err, good)
		}
	}
}
