package plan_test

import (
	"strings"
	"testing"
)

// TestDefaultsFitTheirFields: the caller is a default for accounts only, and times and dates for fields of their own type.
func TestDefaultsFitTheirFields(t *testing.T) {
	for field, fits := range map[string]bool{
		`{type: account, default: "me.id"}`: true, `{type: ref, to: accounts, default: "me.id"}`: true, `{type: ref, to: notes, optional: true, default: "me.id"}`: false,
		`{type: list, of: {type: account}, max: 3, default: "[me.id]"}`: true, `{type: list, of: {type: ref, to: notes}, max: 3, default: "[me.id]"}`: false,
		`{type: time, default: "now"}`: true, `{type: date, default: "today"}`: true, `{type: date, default: "now"}`: false, `{type: time, default: "today"}`: false,
		`{type: int, default: "me.id"}`: false, `{type: account, default: "06h16edhb4ljrr55fcu5m2cl54"}`: false,
	} {
		_, err := compile(t, "service: {name: x, host: x.example}\nroles: {clerk: {}}\ncollections:\n  notes:\n    fields:\n      f: "+field+"\n    allow: [{to: read, when: \"has_role('clerk')\"}]\n", "production")
		if fits != (err == nil) || err != nil && !strings.Contains(err.Error(), "default of f") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
