package keep_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/types"
)

func press(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../examples/press/fastness.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const draft = `{"title": "First", "slug": %q, "body": "<p onclick=x>Hi<script>alert(1)</script></p>", "section": "news"}`

func TestDayInThePress(t *testing.T) {
	each(t, press(t), func(k *kit) {
		ada, bob, ed := k.person("Ada", "author"), k.person("Bob", "author"), k.person("Ed", "editor")
		made := k.create(ada, "articles", fmt.Sprintf(draft, "first"))
		id := made["id"].(string)
		if made["body"] != "<p>Hi</p>" || made["status"] != "draft" || made["author"] != string(ada.Account) {
			k.Errorf("made %v", made)
		}
		_, err := k.get(bob, "articles", id)
		want(k, err, types.NotFound, "not_found")
		_, err = k.get(nobody, "articles", id)
		want(k, err, types.NotFound, "not_found")
		_, err = k.update(bob, "articles", id, `{"title": "Mine"}`)
		want(k, err, types.NotFound, "not_found")
		_, err = k.update(ada, "articles", id, `{"status": "published"}`)
		want(k, err, types.Forbidden, "field_not_allowed")
		if _, err = k.update(ada, "articles", id, `{"status": "review"}`); err != nil {
			k.Fatal(err)
		}
		_, err = k.update(ed, "articles", id, `{"status": "published"}`)
		want(k, err, types.Invalid, "invalid")
		if _, err = k.update(ed, "articles", id, `{"status": "published", "published_on": "2026-11-24", "editor_note": "good"}`); err != nil {
			k.Fatal(err)
		}
		_, err = k.update(ed, "articles", id, `{"title": "Changed"}`)
		want(k, err, types.Forbidden, "field_not_allowed")
		seen, err := k.get(nobody, "articles", id)
		if err != nil || keys(seen) != "title slug body status author" {
			k.Errorf("anonymous sees %v, %v", seen, err)
		}
		if seen, err = k.get(ed, "articles", id); err != nil || seen["editor_note"] != "good" {
			k.Errorf("the editor sees %v, %v", seen, err)
		}
		comment := k.create(bob, "comments", `{"article": "`+id+`", "text": "Nice"}`)
		items, _, err := k.list(nobody, keep.ListQuery{Collection: "comments", Include: []string{"article"}})
		if err != nil || len(items) != 1 || keys(items[0]["included"].(map[string]any)["article"].(map[string]any)) != "title slug body status author" {
			k.Errorf("comments: %v, %v", items, err)
		}
		if _, err = k.update(ed, "articles", id, `{"status": "withdrawn"}`); err != nil {
			k.Fatal(err)
		}
		if items, _, _ = k.list(nobody, keep.ListQuery{Collection: "comments"}); len(items) != 0 {
			k.Errorf("comments below a withdrawn article: %v", items)
		}
		_, err = k.get(nobody, "comments", comment["id"].(string))
		want(k, err, types.NotFound, "not_found")
	})
}

func TestPagesAreWhole(t *testing.T) {
	each(t, press(t), func(k *kit) {
		ada, bob, ed := k.person("Ada", "author"), k.person("Bob", "author"), k.person("Ed", "editor")
		for i := range 45 {
			who, extra := ada, ""
			if i%3 == 0 {
				who, extra = bob, fmt.Sprintf(`, "colleagues": [%q, %q], "words": %d`, ada.Account, ada.Account, i/9)
			}
			k.create(who, "articles", strings.TrimSuffix(fmt.Sprintf(draft, fmt.Sprint("a", i)), "}")+extra+"}")
		}
		for _, sort := range []string{"", "created", "words", "-words", "slug", "-section", "published_on", "id"} {
			for who, total := range map[*types.Caller]int{ada: 45, bob: 15, ed: 45} {
				seen, after := map[string]bool{}, ""
				for range 20 {
					items, next, err := k.list(who, keep.ListQuery{Collection: "articles", Sort: sort, Limit: 7, After: after})
					if err != nil {
						k.Fatalf("sort %q: %v", sort, err)
					}
					for _, i := range items {
						if seen[i["id"].(string)] {
							k.Errorf("sort %q: a row came twice", sort)
						}
						seen[i["id"].(string)] = true
					}
					if after = next; next == "" {
						break
					}
				}
				if len(seen) != total {
					k.Errorf("sort %q: %d rows of %d", sort, len(seen), total)
				}
			}
		}
		items, _, err := k.list(ada, keep.ListQuery{Collection: "articles", Filter: "row.words >= 2 && row.section == 'news'", Sort: "words"})
		if err != nil || len(items) != 9 {
			k.Errorf("search: %d rows, %v", len(items), err)
		}
		a, err := k.keep.List(t.Context(), ada, keep.ListQuery{Collection: "articles", Limit: 1, Count: true})
		if err != nil || !strings.Contains(string(a.Body), `"count":45`) {
			k.Errorf("count: %v", err)
		}
	})
}
