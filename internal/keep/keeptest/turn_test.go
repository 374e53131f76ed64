package keeptest_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

const lists = `version: 1
service: {name: lists, host: lists.example}
roles: {staff: {}}
accounts:
  fields: {name: {type: text, max: 40}}
  allow: [{to: read, when: "has_role('staff')"}]
collections:
  notes:
    fields:
      words: {type: list, of: {type: text, max: 40}, max: 100}
      marks: {type: list, of: {type: int}, max: 100, default: "[]"}
    allow:
      - {to: [create, read, update], when: "has_role('staff')"}
      - {to: read, when: "'7 \"x' in row.words && 7 in row.marks"}
`

// TestItemsAreOneStatement: the elements of a list are written by one statement, whatever their number, when a row is made and when it
// changes, and rules find them.
func TestItemsAreOneStatement(t *testing.T) {
	keeptest.Each(t, lists, func(t *testing.T, k *keeptest.Kit) {
		staff, anybody := k.Person("Sam", "staff"), k.Person("Ann")
		body := func(n int) string {
			var words, marks []string
			for i := range n {
				words, marks = append(words, fmt.Sprintf("%q", fmt.Sprintf("%d \"x", i))), append(marks, fmt.Sprint(i))
			}
			return `{"words": [` + strings.Join(words, ",") + `], "marks": [` + strings.Join(marks, ",") + `]}`
		}
		k.DB.Reset()
		one := k.Create(staff, "notes", body(1))
		few := k.DB.Reset().Inside
		many := k.Create(staff, "notes", body(60))
		if got := k.DB.Reset().Inside; !slices.Equal(got, few) {
			t.Errorf("60 elements take %d statements, one takes %d", len(got), len(few))
		}
		if _, err := k.Update(staff, "notes", one["id"].(string), body(60)); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Update(staff, "notes", many["id"].(string), body(7)); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Get(anybody, "notes", one["id"].(string)); err != nil {
			t.Errorf("a rule does not find an element: %v", err)
		}
		_, err := k.Get(anybody, "notes", many["id"].(string))
		keeptest.Want(t, err, types.NotFound, "not_found")
	})
}

// TestWritesTakeTheirTurn: the database is told whose write it is: of an account, or of a network that has none.
func TestWritesTakeTheirTurn(t *testing.T) {
	keeptest.Each(t, lists, func(t *testing.T, k *keeptest.Kit) {
		staff := k.Person("Sam", "staff")
		k.DB.Reset()
		id := k.Create(staff, "notes", `{"words": []}`)["id"].(string)
		if _, err := k.Update(staff, "notes", id, `{"words": ["a"]}`); err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		if _, err := k.Keep.Batch(ctx, staff, []byte(`{"do": [{"create": "notes", "new": {"words": []}}]}`), keep.Write{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := k.Keep.Import(ctx, staff, "notes", coded("x"), 1); err == nil {
			t.Fatal("a note has a code")
		}
		if turns := k.DB.Reset().Turns; len(turns) < 3 || slices.ContainsFunc(turns, func(s string) bool { return s != string(staff.Account) }) {
			t.Errorf("the writes of an account have the turns %q", turns)
		}
	})
	k := func(t *testing.T, k *keeptest.Kit) {
		nobody := &types.Caller{Address: netip.MustParseAddr("203.0.113.9")}
		if _, err := k.Keep.Create(context.Background(), nobody, keep.Write{Collection: "letters", Body: []byte(`{"text": "a"}`)}); err != nil {
			t.Fatal(err)
		}
		if turns := k.DB.Reset().Turns; fmt.Sprint(turns) != "[203.0.113.0/24]" {
			t.Errorf("the write of nobody has the turn %q", turns)
		}
	}
	keeptest.Each(t, lists+"  letters:\n    fields: {text: {type: text, max: 40}}\n    allow: [{to: create, public: \"a form\"}]\n", k)
}
