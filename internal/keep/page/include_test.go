package page_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestIncludeOfAMaskedReference: a reference that the caller may not see is not followed, even to a row that he may read.
func TestIncludeOfAMaskedReference(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		open := o.Create(o.owner, "cases", `{"title": "Open", "code": "c-1", "kind": "open"}`)["id"].(string)
		child := o.Create(o.owner, "cases", `{"title": "Child", "code": "c-3", "kind": "open", "parent": "`+open+`"}`)["id"].(string)
		for c, want := range map[*types.Caller]int{o.owner: 1, o.other: 0} {
			a, err := o.Keep.Get(t.Context(), c, keep.GetQuery{Collection: "cases", ID: child, Include: []string{"parent"}})
			if in := keeptest.Row(t, a, err)["included"].(map[string]any); len(in) != want {
				t.Errorf("included %v, want %d rows", in, want)
			}
		}
	})
}

// TestIncludeOfAnUnreadableRow: the caller reads the reference and not the row that it points at.
func TestIncludeOfAnUnreadableRow(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "press"), func(t *testing.T, k *keeptest.Kit) {
		ada, bob, ed := k.Person("Ada", "author"), k.Person("Bob", "author"), k.Person("Ed", "editor")
		id := k.Create(ada, "articles", `{"title": "T", "slug": "t", "body": "b", "section": "news"}`)["id"].(string)
		for _, step := range []struct {
			by   *types.Caller
			body string
		}{{ada, `{"status": "review"}`}, {ed, `{"status": "published", "published_on": "2026-11-24"}`}} {
			if _, err := k.Update(step.by, "articles", id, step.body); err != nil {
				t.Fatal(err)
			}
		}
		comment := k.Create(bob, "comments", `{"article": "`+id+`", "text": "Nice"}`)["id"].(string)
		get := func() map[string]any {
			a, err := k.Keep.Get(t.Context(), bob, keep.GetQuery{Collection: "comments", ID: comment, Include: []string{"article"}})
			return keeptest.Row(t, a, err)["included"].(map[string]any)
		}
		if get()["article"] == nil {
			t.Error("a published article is not included")
		}
		if _, err := k.Update(ed, "articles", id, `{"status": "withdrawn"}`); err != nil {
			t.Fatal(err)
		}
		if got := get(); len(got) != 0 {
			t.Errorf("a withdrawn article of somebody else is included: %v", got)
		}
	})
}
