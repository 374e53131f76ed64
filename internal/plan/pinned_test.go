package plan_test

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// TestPinnedRowsAreNamed: a reference that may hold on to a row unseen is named, and no other is.
func TestPinnedRowsAreNamed(t *testing.T) {
	const text = `version: 1
service: {name: x}
roles: {clerk: {}, boss: {}}
collections:
  files:
    fields: {name: {type: text, max: 9}}
    allow: [{to: [read, delete], when: "has_role('clerk')"}]
  notes:
    fields: {file: {type: ref, to: files, optional: true WORD}}
    allow: [{to: read, when: "has_role('ROLE')"}]
`
	for words, pinned := range map[[2]string]bool{{"", "boss"}: true, {"", "clerk"}: false, {", hidden: clear", "boss"}: false,
		{", hidden: cascade", "boss"}: false, {", on_delete: clear", "boss"}: false, {", on_delete: refuse", "boss"}: true} {
		f, err := decl.Parse("fastness.yaml", []byte(strings.NewReplacer(" WORD", words[0], "ROLE", words[1]).Replace(text)), "development")
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(f, "development")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Warnings, "\n"); strings.Contains(got, "notes.file: rows that nobody shows") != pinned {
			t.Errorf("%v: warned %q", words, got)
		}
	}
}
