package keeptest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

const draft = `{"title": "First", "slug": %q, "body": "<p onclick=x>Hi<script>alert(1)</script></p>", "section": "news"}`

func TestDayInThePress(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "press"), func(t *testing.T, k *keeptest.Kit) {
		ada, bob, ed := k.Person("Ada", "author"), k.Person("Bob", "author"), k.Person("Ed", "editor")
		made := k.Create(ada, "articles", fmt.Sprintf(draft, "first"))
		id := made["id"].(string)
		if made["body"] != "<p>Hi</p>" || made["status"] != "draft" || made["author"] != string(ada.Account) {
			t.Errorf("made %v", made)
		}
		_, err := k.Get(bob, "articles", id)
		keeptest.Want(t, err, types.NotFound, "not_found")
		_, err = k.Get(keeptest.Nobody, "articles", id)
		keeptest.Want(t, err, types.NotFound, "not_found")
		_, err = k.Update(bob, "articles", id, `{"title": "Mine"}`)
		keeptest.Want(t, err, types.NotFound, "not_found")
		_, err = k.Update(ada, "articles", id, `{"status": "published"}`)
		keeptest.Want(t, err, types.Forbidden, "field_not_allowed")
		if _, err = k.Update(ada, "articles", id, `{"status": "review"}`); err != nil {
			t.Fatal(err)
		}
		_, err = k.Update(ed, "articles", id, `{"status": "published"}`)
		keeptest.Want(t, err, types.Invalid, "invalid")
		if _, err = k.Update(ed, "articles", id, `{"status": "published", "published_on": "2026-11-24", "editor_note": "good"}`); err != nil {
			t.Fatal(err)
		}
		_, err = k.Update(ed, "articles", id, `{"title": "Changed"}`)
		keeptest.Want(t, err, types.Forbidden, "field_not_allowed")
		seen, err := k.Get(keeptest.Nobody, "articles", id)
		if err != nil || keys(seen) != "title slug body status author" {
			t.Errorf("anonymous sees %v, %v", seen, err)
		}
		if seen, err = k.Get(ed, "articles", id); err != nil || seen["editor_note"] != "good" {
			t.Errorf("the editor sees %v, %v", seen, err)
		}
		comment := k.Create(bob, "comments", `{"article": "`+id+`", "text": "Nice"}`)
		page, err := k.List(keeptest.Nobody, keep.ListQuery{Collection: "comments", Include: []string{"article"}})
		if err != nil || len(page.Items) != 1 || keys(page.Items[0]["included"].(map[string]any)["article"].(map[string]any)) != "title slug body status author" {
			t.Errorf("comments: %v, %v", page.Items, err)
		}
		if _, err = k.Update(ed, "articles", id, `{"status": "withdrawn"}`); err != nil {
			t.Fatal(err)
		}
		if page, _ = k.List(keeptest.Nobody, keep.ListQuery{Collection: "comments"}); len(page.Items) != 0 {
			t.Errorf("comments below a withdrawn article: %v", page.Items)
		}
		_, err = k.Get(keeptest.Nobody, "comments", comment["id"].(string))
		keeptest.Want(t, err, types.NotFound, "not_found")
	})
}

func TestPagesAreWhole(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "press"), func(t *testing.T, k *keeptest.Kit) {
		ada, bob, ed := k.Person("Ada", "author"), k.Person("Bob", "author"), k.Person("Ed", "editor")
		for i := range 45 {
			who, extra := ada, ""
			if i%3 == 0 {
				who, extra = bob, fmt.Sprintf(`, "colleagues": [%q, %q], "words": %d`, ada.Account, ada.Account, i/9)
			}
			k.Create(who, "articles", strings.TrimSuffix(fmt.Sprintf(draft, fmt.Sprint("a", i)), "}")+extra+"}")
		}
		for _, sort := range []string{"", "created", "words", "-words", "slug", "-section", "published_on", "id"} {
			for who, total := range map[*types.Caller]int{ada: 45, bob: 15, ed: 45} {
				seen, after := map[string]bool{}, ""
				for range 20 {
					page, err := k.List(who, keep.ListQuery{Collection: "articles", Sort: sort, Limit: 7, After: after})
					if err != nil {
						t.Fatalf("sort %q: %v", sort, err)
					}
					for _, i := range page.Items {
						if seen[i["id"].(string)] {
							t.Errorf("sort %q: a row came twice", sort)
						}
						seen[i["id"].(string)] = true
					}
					if after = page.Next; after == "" {
						break
					}
				}
				if len(seen) != total {
					t.Errorf("sort %q: %d rows of %d", sort, len(seen), total)
				}
			}
		}
		page, err := k.List(ada, keep.ListQuery{Collection: "articles", Filter: "row.words >= 2 && row.section == 'news'", Sort: "words"})
		if err != nil || len(page.Items) != 9 {
			t.Errorf("search: %d rows, %v", len(page.Items), err)
		}
		page, err = k.List(ada, keep.ListQuery{Collection: "articles", Limit: 1, Count: true})
		if err != nil || page.Count == nil || *page.Count != 45 {
			t.Errorf("count: %v, %v", page.Count, err)
		}
	})
}

// keys are the names that are present, in a fixed order.
func keys(m map[string]any) string {
	var out []string
	for _, f := range strings.Fields("name title slug body status editor_note fee contact author included") {
		if _, ok := m[f]; ok {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}
