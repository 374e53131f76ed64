package decl_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// TestReferencesAreNotSealed: whether a caller may read what a reference points at is asked of the reference, which a sealed one does not tell. So
// none is sealed, neither alone nor in a list.
func TestReferencesAreNotSealed(t *testing.T) {
	for field, good := range map[string]bool{
		"{type: ref, to: notes, optional: true}":                                                false,
		"{type: account, optional: true}":                                                       false,
		"{type: state, start: a, steps: {a: [b], b: [a]}}":                                      false,
		"{type: list, of: {type: ref, to: notes}, max: 3, optional: true}":                      false,
		"{type: list, of: {type: account}, max: 3, optional: true}":                             false,
		"{type: list, of: {type: text, max: 9}, max: 3, optional: true}":                        true,
		"{type: list, of: {type: ref, to: notes, encrypted: true}, max: 3, optional: true, HA}": false,
	} {
		for _, sealed := range []bool{true, false} {
			own, want := strings.Replace(field, ", HA", "", 1), good || !sealed
			if strings.Contains(field, "HA") {
				want = false // the word stands at the element
			}
			if sealed {
				own = strings.TrimSuffix(own, "}") + ", encrypted: true}"
			}
			_, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x, host: x.example}\ncollections:\n  notes:\n    fields:\n      f: "+own+
				"\n      t: {type: text, max: 9}\n    allow: [{to: read, when: \"row.t == 'a'\"}]\n"), "production")
			if (err == nil) != want {
				t.Errorf("%s: %v, want it taken: %v", own, err, want)
			}
		}
	}
}
