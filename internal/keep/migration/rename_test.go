package migration_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

const notes = `  notes:
    fields:
      owner: {type: account}
      blocked: {type: list, max: 9, of: {type: account}}
      secret: {type: text, max: 40, encrypted: true}
    allow:
      - {to: read, when: "has_role('staff') && !(me.id in row.blocked)"}
  replies:
    fields:
      note: {type: ref, to: notes, on_delete: cascade}
      tags: {type: list, max: 9, of: {type: text, max: 9}}
`

// TestRenames: a list that is renamed keeps its side table, so that whom a rule kept out stays out; a renamed sealed field opens; rows that
// refer to a renamed collection still do, and go with it.
func TestRenames(t *testing.T) {
	fields := strings.NewReplacer("row.blocked", "row.shut_out", "secret: {", "hidden: {was: secret, ", "blocked: {", "shut_out: {was: blocked, ").Replace(notes)
	collection := strings.NewReplacer("  notes:\n", "  memos:\n    was: notes\n", "to: notes", "to: memos", "  replies:\n", "  answers:\n    was: replies\n").Replace(notes)
	both := strings.NewReplacer("  notes:\n", "  memos:\n    was: notes\n", "to: notes", "to: memos").Replace(fields)
	for name, x := range map[string]struct{ declaration, coll, replies, blocked, secret string }{
		"fields": {fields, "notes", "replies", "shut_out", "hidden"}, "collections": {collection, "memos", "answers", "blocked", "secret"}, "both": {both, "memos", "replies", "shut_out", "hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.must(collections(notes))
				owner, enemy, friend := w.person(), w.person(), w.person()
				id := w.create("notes", `{"owner": "`+owner+`", "blocked": ["`+enemy+`"], "secret": "sesame"}`)
				reply := w.create("replies", `{"note": "`+id+`", "tags": ["x", "y"]}`)
				w.must(collections(x.declaration))
				sees := func(who string) error {
					c := &types.Caller{Kind: types.Signed, Account: types.ID(who), Roles: w.plan.RoleSet("staff"), RequestID: types.RandomID()}
					_, err := w.keep.Get(t.Context(), c, keep.GetQuery{Collection: x.coll, ID: id})
					return err
				}
				if err := sees(enemy); types.KindOf(err) != types.NotFound {
					t.Errorf("whom the rule kept out reads the row: %v", err)
				}
				if err := sees(friend); err != nil {
					t.Errorf("another member: %v", err)
				}
				row := w.get(x.coll, id)
				if row[x.secret] != `"sesame"` || row[x.blocked] != `["`+enemy+`"]` || w.side(x.coll, x.blocked) != 1 {
					t.Errorf("the row reads %v, and its list has %d elements aside", row, w.side(x.coll, x.blocked))
				}
				if got := w.get(x.replies, reply); got["note"] != `"`+id+`"` || w.side(x.replies, "tags") != 2 {
					t.Errorf("the reply reads %v", got)
				}
				if d, err := w.bring(collections(x.declaration)); err != nil || len(d.Steps)+len(d.Changes) > 0 {
					t.Errorf("the second start finds %v, %v", d, err)
				}
				if _, err := w.keep.Delete(t.Context(), system, keep.Write{Collection: x.coll, ID: id}); err != nil {
					t.Fatal(err)
				}
				if _, err := w.keep.Get(t.Context(), system, keep.GetQuery{Collection: x.replies, ID: reply}); types.KindOf(err) != types.NotFound {
					t.Errorf("the reply outlives what it refers to: %v", err)
				}
			})
		})
	}
}

// TestRenameAndConvert: a field that is renamed, converted and renamed again is still the same field.
func TestRenameAndConvert(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.must(things("fee: {type: decimal, digits: 2}", "note: {type: text, max: 9}"))
		id := w.create("things", `{"label": "a", "fee": "12.50", "note": "n"}`)
		w.must(things("price: {type: decimal, digits: 3, was: fee, from: {type: decimal, digits: 2}}", "note: {type: text, max: 9}"))
		w.must(things("cost: {type: decimal, digits: 4, was: price, from: {type: decimal, digits: 3}}", "fee: {type: int, fill: \"1\"}", "note: {type: text, max: 9}"))
		w.must(things("cost: {type: decimal, digits: 4}", "fee: {type: int}", "price: {type: text, max: 9, was: note}"))
		if row := w.get("things", id); row["cost"] != `"12.5000"` || row["price"] != `"n"` || row["fee"] != "1" {
			t.Errorf("the row reads %v", row)
		}
		if _, err := w.bring(things("cost: {type: decimal, digits: 5, from: {type: decimal, digits: 2}}", "price: {type: text, max: 9}", "fee: {type: int}")); err == nil {
			t.Error("an outdated from was obeyed")
		}
		if _, err := w.bring(things("price: {type: text, max: 9}", "fee: {type: int}")); err == nil || !strings.Contains(err.Error(), "--drop things.cost") {
			t.Errorf("a converted column went, or under another name: %v", err)
		}
	})
}

// TestWhatDoesNotOpen: a sealed value that does not open is a fault for checks too, and never a missing value.
func TestWhatDoesNotOpen(t *testing.T) {
	declaration := collections(`  things:
    fields:
      label: {type: text, max: 20}
      code: {type: text, max: 20, encrypted: true, optional: true}
    check:
      - {that: "has(new.code)", else: "no code"}
`)
	each(t, func(t *testing.T, w *world) {
		w.must(declaration)
		id := w.create("things", `{"label": "a", "code": "good"}`)
		if err := w.data.DB.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), store.SQL("UPDATE things SET code = ?"), types.BytesValue([]byte("\x01broken")))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		_, err := w.keep.Update(t.Context(), system, keep.Write{Collection: "things", ID: id, Body: []byte(`{"label": "b"}`)})
		if !errors.Is(err, seal.ErrOpen) || types.KindOf(err) == types.Invalid {
			t.Errorf("a check ran on a value that does not open: %v", err)
		}
		if _, err := w.bring(strings.Replace(declaration, "max: 20, encrypted", "max: 9, encrypted", 1)); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("a migration passed over a value that does not open: %v", err)
		}
	})
}
