package keep_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestLongNames: a declaration with the longest names it may have, alike in their first 63 bytes, is made once and serves: uniqueness,
// references and lists under the names that they have in the database.
func TestLongNames(t *testing.T) {
	c, f := strings.Repeat("c", 48), strings.Repeat("f", 46)
	text := fmt.Sprintf(`version: 1
service: {name: x}
roles: {staff: {}}
accounts:
  fields: {name: {type: text, max: 80}}
  allow: [{to: read, when: "has_role('staff')"}]
collections:
  %[1]s:
    fields:
      owner: {type: account, default: me.id}
      %[2]s_a: {type: text, max: 40, unique: true}
      %[2]s_b: {type: text, max: 40, indexed: true, optional: true}
      %[2]s_l: {type: list, of: {type: account}, max: 5, default: "[]"}
      %[2]s_m: {type: list, of: {type: text, max: 40}, max: 5, default: "[]"}
      %[2]s_r: {type: ref, to: %[1]s, optional: true}
    index: [[%[2]s_a, owner], [%[2]s_b, owner]]
    unique: [[owner, %[2]s_a, %[2]s_b]]
    allow:
      - {to: [read, delete], when: "row.owner == me.id || me.id in row.%[2]s_l"}
      - {to: create, when: "new.owner == me.id"}
`, c, f)
	keeptest.Each(t, text, func(t *testing.T, k *keeptest.Kit) {
		have, err := k.DB.Schema(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range store.Diff(have, store.Schema{Tables: keeptest.Tables(k.Plan)}, store.Renames{}) {
			if !change.Destroys() {
				t.Errorf("a second start would %s", change.Words())
			}
		}
		one, other := k.Person("One", "staff"), k.Person("Other", "staff")
		id := k.Create(one, c, fmt.Sprintf(`{"%[1]s_a": "x", "%[1]s_l": ["%[2]s"], "%[1]s_m": ["y"]}`, f, other.Account))["id"].(string)
		if _, err := k.Get(other, c, id); err != nil {
			t.Errorf("a member of the list does not see the row: %v", err)
		}
		if _, err := k.TryCreate(one, c, fmt.Sprintf(`{"%s_a": "x"}`, f)); types.CodeOf(err) != "already_exists" {
			t.Errorf("a second of a unique value: %v", err)
		}
		k.Create(one, c, fmt.Sprintf(`{"%[1]s_a": "z", "%[1]s_r": "%[2]s"}`, f, id))
		if err := k.Delete(one, c, id); err == nil {
			t.Error("a row that another refers to is deleted")
		}
	})
}

// TestLongestKeys: the longest values that PostgreSQL's indexes are declared to hold are written, whatever they say.
func TestLongestKeys(t *testing.T) {
	text := "version: 1\nservice: {name: x}\ncollections:\n  a:\n    fields: {n: {type: text, max: 661, indexed: true, unique: true}, o: {type: text, max: 268}, p: {type: text, max: 400}}\n" +
		"    unique: [[o, p]]\n    allow: [{to: [read, create], public: \"all may\", when: \"true\"}]\n"
	value := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteRune(rune(0x20000 + rand.IntN(0xa000))) // four bytes each, and nothing to compress
		}
		return b.String()
	}
	keeptest.Each(t, text, func(t *testing.T, k *keeptest.Kit) {
		for range 3 {
			k.Create(keeptest.Nobody, "a", fmt.Sprintf(`{"n": %q, "o": %q, "p": %q}`, value(661), value(268), value(400)))
		}
	})
}
