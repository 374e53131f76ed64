package view_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// shown are the words that a caller sees: those that are no board's name, as far as he may know.
func shown(t *testing.T, k *keeptest.Kit, c *types.Caller) []string {
	t.Helper()
	page, err := k.List(c, keep.ListQuery{Collection: "words", Sort: "text"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range page.Items {
		out = append(out, row["text"].(string))
	}
	return out
}

// TestExistsStaysWithin: a rule that asks a collection of organisations hears of the rows of the caller's own.
func TestExistsStaysWithin(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "tenants"), func(t *testing.T, k *keeptest.Kit) {
		ann, eve := k.Member("Ann", k.Organisation("Herons"), "owner"), k.Member("Eve", k.Organisation("Ravens"), "owner")
		k.Create(ann, "boards", `{"name": "Nest"}`)
		k.Create(eve, "boards", `{"name": "Crag"}`)
		for _, word := range []string{"Crag", "Nest", "Twig"} {
			if _, err := k.TryCreate(ann, "words", `{"text": "`+word+`"}`); err != nil {
				t.Fatal(err)
			}
		}
		if a, e := shown(t, k, ann), shown(t, k, eve); len(a) != 2 || a[0] != "Crag" || len(e) != 2 || e[0] != "Nest" {
			t.Errorf("Ann, who has the nest, sees %v; Eve, who has the crag, %v", a, e)
		}
		if page, err := k.List(ann, keep.ListQuery{Collection: "accounts"}); err != nil || len(page.Items) != 1 {
			t.Errorf("colleagues of Ann: %v, %v", page.Items, err)
		}
	})
}

// TestWithoutAnOrganisationNothingIsTold: whoever is in no organisation learns nothing about the rows of any: for him there are none,
// and what depends on there being none is so, in the statement and in memory.
func TestWithoutAnOrganisationNothingIsTold(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "tenants"), func(t *testing.T, k *keeptest.Kit) {
		ann, nobody := k.Member("Ann", k.Organisation("Herons"), "owner"), k.Person("Nell")
		k.Create(ann, "boards", `{"name": "Nest"}`)
		k.Create(ann, "words", `{"text": "Twig"}`)
		if _, err := k.TryCreate(nobody, "words", `{"text": "Nest"}`); err != nil {
			t.Fatal(err)
		}
		if got := shown(t, k, nobody); len(got) != 2 {
			t.Errorf("a word that is a board's name is hidden from somebody who must not know: %v", got)
		}
	})
}
