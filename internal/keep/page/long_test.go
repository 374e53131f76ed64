package page_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/types"
)

const notes = `version: 1
service: {name: x}
roles: {staff: {}, clerk: {}}
accounts:
  fields: {name: {type: text, max: 80}}
  allow: [{to: read, when: "row.id == me.id"}]
collections:
  notes:
    fields:
      key: {type: text, max: 20000, indexed: true, optional: true}
      open: {type: bool, default: "true"}
      big: {type: text, max: 400000, optional: true}
      about: {type: ref, to: notes, optional: true}
    allow:
      - {to: [read, create, update, delete], when: "has_role('staff')"}
      - {to: read, only: [open], when: "has_role('clerk')"}
      - {to: read, when: "has_role('clerk') && row.open"}
`

// walk reads a list to its end and gives the ids in order.
func walk(t *testing.T, k *keeptest.Kit, c *types.Caller, q keep.ListQuery, each func(p keeptest.Page)) (ids []string) {
	t.Helper()
	q.Collection = "notes"
	for range 500 {
		p, err := k.List(c, q)
		if err != nil {
			t.Fatalf("behind %d rows: %v", len(ids), err)
		}
		for _, i := range p.Items {
			ids = append(ids, i["id"].(string))
		}
		if each != nil {
			each(p)
		}
		if q.After = p.Next; p.Next == "" {
			return ids
		}
	}
	t.Fatal("the list does not end")
	return nil
}

// TestLongKeysGoOn: whatever length and letters the keys of a list have, each row stands in it once, in order, and a cursor fits into a
// query string.
func TestLongKeysGoOn(t *testing.T) {
	keeptest.Each(t, notes, func(t *testing.T, k *keeptest.Kit) {
		c := k.Person("Ada", "staff")
		letters := []string{"a", "<", "\u2028", "\U00020000"} // an index of PostgreSQL packs what repeats
		type made struct{ key, id string }
		var all []made
		for _, letter := range letters {
			for _, n := range []int{1, 2, 100, 160, 300, 661, 900, 1000, 3000, 20000} {
				for range 2 { // keys that are equal
					key := strings.Repeat(letter, n)
					all = append(all, made{key, k.Create(c, "notes", fmt.Sprintf(`{"key": %q}`, key))["id"].(string)})
				}
			}
		}
		all = append(all, made{"", k.Create(c, "notes", `{}`)["id"].(string)})
		slices.SortFunc(all, func(a, b made) int { return strings.Compare(a.key+"\x00"+a.id, b.key+"\x00"+b.id) })
		var want []string
		for _, m := range all {
			want = append(want, m.id)
		}
		for _, sort := range []string{"key", "-key"} {
			got := walk(t, k, c, keep.ListQuery{Sort: sort, Limit: 1, Fields: []string{"open"}}, func(p keeptest.Page) {
				if n := len(url.QueryEscape(p.Next)); n > 1500 {
					t.Errorf("a cursor of %d bytes", n)
				}
			})
			if !slices.Equal(got, want) {
				t.Errorf("by %s: %d rows of %d, or out of order", sort, len(got), len(want))
			}
			slices.Reverse(want)
		}
	})
}

// TestLongKeysThatMoved: where the last row of a page with a long key is gone, has another key or no longer shows it, the list begins
// again, with one answer for all; another change of the row does no harm.
func TestLongKeysThatMoved(t *testing.T) {
	keeptest.Each(t, notes, func(t *testing.T, k *keeptest.Kit) {
		staff, clerk := k.Person("Ada", "staff"), k.Person("Cleo", "clerk")
		said := map[string]bool{}
		for name, step := range map[string]struct {
			ok bool
			do func(id string) error
		}{
			"as it was":   {true, func(string) error { return nil }},
			"other field": {true, func(id string) error { _, err := k.Update(staff, "notes", id, `{"big": "x"}`); return err }},
			"other key":   {false, func(id string) error { _, err := k.Update(staff, "notes", id, `{"key": "b"}`); return err }},
			"no key":      {false, func(id string) error { _, err := k.Update(staff, "notes", id, `{"key": null}`); return err }},
			"masked":      {false, func(id string) error { _, err := k.Update(staff, "notes", id, `{"open": false}`); return err }},
			"gone":        {false, func(id string) error { return k.Delete(staff, "notes", id) }},
		} {
			var ids []string
			for _, letter := range []string{"a", "b"} {
				ids = append(ids, k.Create(staff, "notes", `{"key": "`+strings.Repeat(letter, 2000)+`"}`)["id"].(string))
			}
			q := keep.ListQuery{Collection: "notes", Sort: "key", Limit: 1}
			p, err := k.List(clerk, q)
			if err != nil || p.Next == "" || p.Items[0]["id"] != ids[0] {
				t.Fatalf("%s: %v, %v", name, p, err)
			}
			if err := step.do(ids[0]); err != nil {
				t.Fatal(err)
			}
			q.After = p.Next
			p, err = k.List(clerk, q)
			switch {
			case step.ok && (err != nil || len(p.Items) != 1 || p.Items[0]["id"] != ids[1]):
				t.Errorf("%s: %v, %v", name, p, err)
			case !step.ok:
				keeptest.Want(t, err, types.Malformed, "cursor_invalid")
				said[fmt.Sprint(err)] = true
			}
			for _, id := range ids {
				if err := k.Delete(staff, "notes", id); err != nil && name != "gone" {
					t.Fatal(err)
				}
			}
		}
		if len(said) != 1 {
			t.Errorf("told apart: %v", said)
		}
	})
}

// TestPagesEndByBytes: a page ends where it is full of bytes, with and without includes, and the list goes on behind it.
func TestPagesEndByBytes(t *testing.T) {
	keeptest.Each(t, notes, func(t *testing.T, k *keeptest.Kit) {
		c := k.Person("Ada", "staff")
		big := strings.Repeat("x", 390000)
		about := k.Create(c, "notes", `{"big": "`+big+`"}`)["id"].(string)
		var want []string
		for range 24 {
			want = append(want, k.Create(c, "notes", `{"key": "k", "about": "`+about+`", "big": "`+big+`"}`)["id"].(string))
		}
		for _, q := range []keep.ListQuery{{}, {Include: []string{"about"}}, {Include: []string{"about"}, Fields: []string{"about"}}} {
			q.Sort, q.Limit, q.Collection = "key", 200, "notes"
			q.Filters = []page.Filter{{Field: "key", Value: "k"}}
			var got []string
			for pages := 1; ; pages++ {
				a, err := k.Keep.List(t.Context(), c, q)
				if err != nil {
					t.Fatal(err)
				}
				if len(a.Body) > 5<<20 {
					t.Fatalf("a page of %d bytes", len(a.Body))
				}
				p, err := k.List(c, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range p.Items {
					got = append(got, i["id"].(string))
				}
				if q.After = p.Next; q.After == "" {
					if pages < 2 {
						t.Errorf("%v: one page holds all", q.Include)
					}
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v: %d rows of %d, or out of order", q.Include, len(got), len(want))
			}
		}
	})
}
