package judge_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// tenants is two organisations, each with a board and a card of the same names. Eve owns the second, and nothing in the first.
type tenants struct {
	*keeptest.Kit
	ann, eve          *types.Caller
	board, card       string // of herons, Ann's
	herBoard, herCard string // of ravens, Eve's
}

func eachTenants(t *testing.T, fn func(t *testing.T, w *tenants)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "tenants"), func(t *testing.T, k *keeptest.Kit) {
		w := &tenants{Kit: k}
		w.ann, w.eve = k.Member("Ann", k.Organisation("Herons"), "owner"), k.Member("Eve", k.Organisation("Ravens"), "owner")
		w.board, w.card = w.fill(w.ann)
		w.herBoard, w.herCard = w.fill(w.eve)
		fn(t, w)
	})
}

func (w *tenants) fill(c *types.Caller) (board, card string) {
	board = w.Create(c, "boards", `{"name": "Nest", "size": 3}`)["id"].(string)
	return board, w.Create(c, "cards", `{"board": "`+board+`", "title": "Twig", "place": 1}`)["id"].(string)
}

// TestAnotherOrganisationsRows: by no verb, list, filter, order, count, include, batch, question or condition does the owner of one
// organisation get at a row of another, and what he is told is what he would be told of a row that does not exist.
func TestAnotherOrganisationsRows(t *testing.T) {
	eachTenants(t, func(t *testing.T, w *tenants) {
		absent := string(types.NewID(w.Clock.Now()))
		for what, id := range map[string]string{"theirs": w.board, "absent": absent} {
			_, err := w.Get(w.eve, "boards", id)
			wantGone(t, what+" read", err)
			_, err = w.Update(w.eve, "boards", id, `{"size": 4}`)
			wantGone(t, what+" updated", err)
			wantGone(t, what+" deleted", w.Delete(w.eve, "boards", id))
			a, err := w.Keep.Batch(context.Background(), w.eve, []byte(`{"do": [{"create": "boards", "new": {"name": "x`+what+`"}}, {"create": "cards", "new": {"board": "@0", "title": "a"}}, {"update": "boards", "id": "`+id+`", "new": {"size": 5}}]}`), keep.Write{})
			if err == nil {
				t.Errorf("%s: the batch answered %s", what, a.Body)
			}
			for _, q := range []string{`{"action": "read", "collection": "boards", "id": "` + id + `"}`, `{"action": "update", "collection": "boards", "id": "` + id + `", "new": {"size": 1}}`,
				`{"action": "delete", "collection": "boards", "id": "` + id + `"}`} {
				if got := w.can(t, w.eve, q); got != `{"may":false,"code":"not_found"}` {
					t.Errorf("%s: %s is answered %s", what, q, got)
				}
			}
			_, err = w.TryCreate(w.eve, "cards", `{"board": "`+id+`", "title": "b"}`)
			keeptest.Want(t, err, types.Forbidden, "not_allowed")
		}
		for _, q := range []keep.ListQuery{{}, {Sort: "name"}, {Sort: "-size"}, {Filter: "row.name == 'Nest'"}, {Filter: "row.size > 0 && !(row.name != 'Nest')"}, {Filters: nil, Sort: "updated"}} {
			q.Collection, q.Count = "boards", true
			page, err := w.List(w.eve, q)
			if err != nil || len(page.Items) != 1 || page.Items[0]["id"] != w.herBoard || *page.Count != 1 {
				t.Errorf("%+v lists %v, counts %v, %v", q, page.Items, page.Count, err)
			}
		}
		page, err := w.List(w.eve, keep.ListQuery{Collection: "cards", Include: []string{"board"}})
		if err != nil || len(page.Items) != 1 || page.Items[0]["included"].(map[string]any)["board"].(map[string]any)["id"] != w.herBoard {
			t.Errorf("cards with boards: %v, %v", page.Items, err)
		}
		if page, err := w.List(w.eve, keep.ListQuery{Collection: "memberships"}); err != nil || len(page.Items) != 1 {
			t.Errorf("memberships: %v, %v", page.Items, err)
		}
	})
}

func wantGone(t *testing.T, what string, err error) {
	t.Helper()
	if types.KindOf(err) != types.NotFound || types.CodeOf(err) != "not_found" {
		t.Errorf("%s: %v", what, err)
	}
}

// can asks one question and returns its answer.
func (w *tenants) can(t *testing.T, c *types.Caller, q string) string {
	t.Helper()
	a, err := w.Keep.Can(context.Background(), c, []byte(`{"do": [`+q+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Can []json.RawMessage }
	if err := json.Unmarshal(a.Body, &out); err != nil || len(out.Can) != 1 {
		t.Fatalf("%s: %v", a.Body, err)
	}
	return string(out.Can[0])
}

// TestOrgIsTheServers: a row belongs to where its author is, says so, and neither he nor an operator moves it.
func TestOrgIsTheServers(t *testing.T) {
	eachTenants(t, func(t *testing.T, w *tenants) {
		op := &types.Caller{Kind: types.Operator, Name: "op", Reason: "because", Org: w.ann.Org}
		if row, err := w.Get(w.ann, "boards", w.board); err != nil || row["org"] != string(w.ann.Org) {
			t.Errorf("%v, %v", row, err)
		}
		for _, c := range []*types.Caller{w.ann, op} {
			_, err := w.TryCreate(c, "boards", `{"name": "x", "org": "`+string(w.eve.Org)+`"}`)
			keeptest.Want(t, err, types.Invalid, "invalid")
			_, err = w.Update(c, "boards", w.board, `{"org": "`+string(w.eve.Org)+`"}`)
			keeptest.Want(t, err, types.Invalid, "invalid")
		}
	})
}

// TestWithoutAnOrganisationNoRows: whoever is signed in and in no organisation is told to choose one; an operator reads across and
// says where a new row shall be.
func TestWithoutAnOrganisationNoRows(t *testing.T) {
	eachTenants(t, func(t *testing.T, w *tenants) {
		nowhere := *w.ann
		nowhere.Org = ""
		_, err := w.Get(&nowhere, "boards", w.board)
		keeptest.Want(t, err, types.Forbidden, "organisation_required")
		_, err = w.List(&nowhere, keep.ListQuery{Collection: "boards"})
		keeptest.Want(t, err, types.Forbidden, "organisation_required")
		_, err = w.TryCreate(&nowhere, "boards", `{"name": "x"}`)
		keeptest.Want(t, err, types.Forbidden, "organisation_required")
		op := &types.Caller{Kind: types.Operator, Name: "op", Reason: "because"}
		if page, err := w.List(op, keep.ListQuery{Collection: "boards"}); err != nil || len(page.Items) != 2 {
			t.Errorf("an operator lists %v, %v", page.Items, err)
		}
		_, err = w.TryCreate(op, "boards", `{"name": "x", "lead": "`+string(w.ann.Account)+`"}`)
		keeptest.Want(t, err, types.Invalid, "organisation_required")
		op.Org = w.eve.Org
		if row, err := w.TryCreate(op, "boards", `{"name": "x", "lead": "`+string(w.ann.Account)+`"}`); err != nil || row["org"] != string(w.eve.Org) {
			t.Errorf("%v, %v", row, err)
		}
	})
}
