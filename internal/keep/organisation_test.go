package keep_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// tenants is two organisations with a board each, whose owners are Ann and Eve.
type tenants struct {
	*keeptest.Kit
	ann, eve *types.Caller
	board    string // of Ann's organisation
	hers     string // of Eve's
}

func eachTenants(t *testing.T, fn func(t *testing.T, w *tenants)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "tenants"), func(t *testing.T, k *keeptest.Kit) {
		w := &tenants{Kit: k, ann: k.Member("Ann", k.Organisation("Herons"), "owner"), eve: k.Member("Eve", k.Organisation("Ravens"), "owner")}
		w.board = k.Create(w.ann, "boards", `{"name": "Nest"}`)["id"].(string)
		w.hers = k.Create(w.eve, "boards", `{"name": "Crag"}`)["id"].(string)
		fn(t, w)
	})
}

// TestUniqueWithinOrganisations: a value that another organisation uses is free, alone and with others; within one it is taken.
func TestUniqueWithinOrganisations(t *testing.T) {
	eachTenants(t, func(t *testing.T, w *tenants) {
		for _, c := range []*types.Caller{w.ann, w.eve} {
			if _, err := w.TryCreate(c, "boards", `{"name": "Tree"}`); err != nil {
				t.Errorf("a name of another organisation is taken: %v", err)
			}
			_, err := w.TryCreate(c, "boards", `{"name": "Tree"}`)
			keeptest.Want(t, err, types.Conflict, "already_exists")
		}
		for c, board := range map[*types.Caller]string{w.ann: w.board, w.eve: w.hers} {
			card := `{"board": "` + board + `", "title": "Twig", "place": 1}`
			if _, err := w.TryCreate(c, "cards", card); err != nil {
				t.Errorf("a place of another organisation is taken: %v", err)
			}
			_, err := w.TryCreate(c, "cards", card)
			keeptest.Want(t, err, types.Conflict, "already_exists")
		}
	})
}

// TestOperatorsReferencesStayWithin: an operator acts across organisations, and a row that he writes still points at none but those of
// its own; at what belongs to everybody it may point.
func TestOperatorsReferencesStayWithin(t *testing.T) {
	eachTenants(t, func(t *testing.T, w *tenants) {
		op := &types.Caller{Kind: types.Operator, Name: "op", Reason: "because", Org: w.ann.Org}
		word := w.Create(w.ann, "words", `{"text": "Egg"}`)["id"].(string)
		if _, err := w.TryCreate(op, "cards", `{"board": "`+w.board+`", "title": "a", "word": "`+word+`"}`); err != nil {
			t.Errorf("within the organisation: %v", err)
		}
		_, theirs := w.TryCreate(op, "cards", `{"board": "`+w.hers+`", "title": "b"}`)
		_, absent := w.TryCreate(op, "cards", `{"board": "`+string(types.NewID(w.Clock.Now()))+`", "title": "b"}`)
		keeptest.Want(t, theirs, types.Invalid, "invalid")
		if theirs == nil || absent == nil || theirs.Error() != absent.Error() {
			t.Errorf("another's board: %v, an absent one: %v", theirs, absent)
		}
	})
}

// TestPathsStayWithin: a rule about a row that is proposed looks through its references before they are judged, and sees nothing of
// another organisation: a board there is refused like one that does not exist, whatever is written on it.
func TestPathsStayWithin(t *testing.T) {
	eachTenants(t, func(t *testing.T, w *tenants) {
		shut := w.Create(w.eve, "boards", `{"name": "Shut", "open": false}`)["id"].(string)
		for _, board := range []string{w.hers, shut, string(types.NewID(w.Clock.Now()))} {
			_, err := w.TryCreate(w.ann, "cards", `{"board": "`+board+`", "title": "a"}`)
			keeptest.Want(t, err, types.Forbidden, "not_allowed")
		}
		if _, err := w.TryCreate(w.ann, "cards", `{"board": "`+w.board+`", "title": "a"}`); err != nil {
			t.Error(err)
		}
	})
}

// TestOrganisationsComeByAnotherDoor: rows of the built-in collections are not made, changed or removed as rows, not even by an
// operator: the last owner would be one delete away.
func TestOrganisationsComeByAnotherDoor(t *testing.T) {
	eachTenants(t, func(t *testing.T, w *tenants) {
		op := &types.Caller{Kind: types.Operator, Name: "op", Reason: "because", Org: w.ann.Org}
		page, err := w.List(op, keep.ListQuery{Collection: "memberships"})
		if err != nil || len(page.Items) != 2 {
			t.Fatalf("%v, %v", page, err)
		}
		one := page.Items[0]["id"].(string)
		_, made := w.TryCreate(op, "memberships", `{"account": "`+string(w.eve.Account)+`", "role": "owner"}`)
		_, changed := w.Update(op, "memberships", one, `{"role": "owner"}`)
		_, founded := w.TryCreate(op, "organisations", `{"name": "x"}`)
		_, renamed := w.Update(op, "organisations", string(w.ann.Org), `{"name": "x"}`)
		for what, err := range map[string]error{"made": made, "changed": changed, "removed": w.Delete(op, "memberships", one), "founded": founded,
			"renamed": renamed, "ended": w.Delete(op, "organisations", string(w.ann.Org))} {
			if types.CodeOf(err) != "not_allowed" {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
