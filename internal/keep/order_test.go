package keep_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestNothingBeforeTheRule: whatever else is wrong with a write, a caller whom no rule allows it is told exactly what he would be told
// of a row that does not exist: a stranger, and a helper who reads the row and may not do this.
func TestNothingBeforeTheRule(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		if err := o.write(t, o.owner, o.id, `{"stage": "held"}`, ""); err != nil { // now the helper may write nothing
			t.Fatal(err)
		}
		bodies := map[string]string{"a good value": `{"title": "X"}`, "a step that is none": `{"stage": "done"}`, "a unique value of another": `{"code": "his"}`,
			"its own value": `{"code": "hers"}`, "a check that fails": `{"ends": "2025-01-01"}`, "a reference to nothing": `{"parent": "` + o.absent + `"}`,
			"a reference to itself": `{"parent": "` + o.id + `"}`, "no fields": `{}`, "a field of somebody else": `{"pay": 1}`, "a delete": ``}
		for what, body := range bodies {
			for _, tag := range []string{"", `"00000000000000000000000000000000"`, "*", "nonsense"} {
				absent := o.write(t, o.other, o.absent, body, tag)
				keeptest.Want(t, absent, types.NotFound, "not_found")
				for name, c := range map[string]*types.Caller{"a stranger": o.other, "a helper": o.helper} {
					if got := o.write(t, c, o.id, body, tag); got == nil || absent == nil || got.Error() != absent.Error() {
						t.Errorf("%s, %s, If-Match %s: told %v, of an absent row %v", name, what, tag, got, absent)
					}
				}
			}
		}
	})
}

// TestRequestAloneFirst: what is wrong with the request alone is told to everybody, before any row is looked at.
func TestRequestAloneFirst(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for _, id := range []string{o.id, o.absent, "nonsense"} {
			for _, body := range []string{`{"title": 5}`, `{"title": ""}`, `{"nothing": 1}`, `{"title": "x", "stage": "nowhere"}`, `{"pay": 1.5}`} {
				o.DB.Reset()
				err := o.write(t, o.other, id, body, "")
				keeptest.Want(t, err, types.Invalid, "invalid")
				if w := o.DB.Reset(); len(w.Statements) != 0 {
					t.Errorf("%s %s: %d statements", id, body, len(w.Statements))
				}
			}
		}
	})
}

// TestIfMatch: a write goes through under the ETag that was read and fails with 412 under any other, for each mask its own.
func TestIfMatch(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		_, owners, _ := o.GetTagged(o.owner, "cases", o.id)
		_, helpers, err := o.GetTagged(o.helper, "cases", o.id)
		if err != nil {
			t.Fatal(err)
		}
		keeptest.Want(t, o.write(t, o.owner, o.id, `{"title": "B"}`, helpers), types.Precondition, "changed")
		keeptest.Want(t, o.write(t, o.owner, o.id, ``, helpers), types.Precondition, "changed")
		keeptest.Want(t, o.write(t, o.owner, o.id, `{"title": "B"}`, "W/"+owners), types.Precondition, "changed")
		if err := o.write(t, o.helper, o.id, `{"title": "B"}`, helpers); err != nil {
			t.Error(err)
		}
		keeptest.Want(t, o.write(t, o.owner, o.id, `{"title": "C"}`, owners), types.Precondition, "changed")
		if err := o.write(t, o.owner, o.id, `{"title": "C"}`, "*"); err != nil {
			t.Error(err)
		}
		a, err := o.Keep.Get(t.Context(), o.owner, keep.GetQuery{Collection: "cases", ID: o.id, Fields: []string{"title"}})
		if err != nil {
			t.Fatal(err)
		}
		w := keep.Write{Collection: "cases", ID: o.id, Body: []byte(`{"title": "D"}`), IfMatch: a.Header["Etag"][0], Fields: []string{"title"}}
		if _, err := o.Keep.Update(t.Context(), o.owner, w); err != nil {
			t.Errorf("with the fields that the ETag was read with: %v", err)
		}
	})
	each(t, func(t *testing.T, o *office) { // each operation of a batch may carry one
		_, tag, _ := o.GetTagged(o.owner, "cases", o.id)
		quoted, _ := json.Marshal(tag)
		send := func(title string) error {
			_, err := o.batch(o.owner, `{"do": [{"update": "cases", "id": "`+o.id+`", "new": {"title": "`+title+`"}, "if_match": `+string(quoted)+`}]}`)
			return err
		}
		if err := send("B"); err != nil {
			t.Error(err)
		}
		keeptest.Want(t, send("C"), types.Precondition, "changed")
	})
}

// TestIfMatchRequired: a collection that demands it refuses a write without, whoever asks and whatever the row.
func TestIfMatchRequired(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.Create(o.owner, "guarded", `{"text": "a"}`)["id"].(string)
		for _, c := range []*types.Caller{o.owner, o.other} {
			for _, row := range []string{id, o.absent} {
				_, err := o.Keep.Update(t.Context(), c, keep.Write{Collection: "guarded", ID: row, Body: []byte(`{"text": "b"}`)})
				keeptest.Want(t, err, types.Precondition, "if_match_required")
				_, err = o.Keep.Delete(t.Context(), c, keep.Write{Collection: "guarded", ID: row})
				keeptest.Want(t, err, types.Precondition, "if_match_required")
			}
		}
		_, tag, _ := o.GetTagged(o.owner, "guarded", id)
		if _, err := o.Keep.Delete(t.Context(), o.owner, keep.Write{Collection: "guarded", ID: id, IfMatch: tag}); err != nil {
			t.Error(err)
		}
	})
}

// TestWritesNeedAReadRule: a rule that lets a caller change or remove a row is worth nothing on rows that he may not read.
func TestWritesNeedAReadRule(t *testing.T) {
	blind := strings.Replace(keeptest.Declaration(t, "cases"), `{to: update, when: "has_role('boss')"}`, `{to: [update, delete], when: "has_role('staff') || has_role('boss')"}`, 1)
	keeptest.Each(t, blind, func(t *testing.T, k *keeptest.Kit) {
		owner, boss := k.Person("Olga", "staff"), k.Person("Bea", "boss")
		id := k.Create(owner, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		unread := k.Create(owner, "reports", `{"about": "`+id+`", "text": "for the boss"}`)["id"].(string)
		_, err := k.Update(owner, "reports", unread, `{"text": "for you"}`)
		keeptest.Want(t, err, types.NotFound, "not_found")
		keeptest.Want(t, k.Delete(owner, "reports", unread), types.NotFound, "not_found")
		if row, err := k.Update(boss, "reports", unread, `{"text": "for you"}`); err != nil || row["text"] != "for you" {
			t.Error(row, err)
		}
		if row, err := k.Update(owner, "reports", unread, `{"text": "for the boss"}`); err != nil || len(row) != 0 {
			t.Errorf("what he may read no longer is answered without a body: %v, %v", row, err)
		}
	})
}
