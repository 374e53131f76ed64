package keep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestReferencesAreReadable: a reference to a row that the caller may not read is refused exactly like one to a row that is not
// there; one to a row that he may read is taken.
func TestReferencesAreReadable(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		set := func(id string) error { return o.write(t, o.other, o.his, `{"parent": "`+id+`"}`, "") }
		denied, absent := set(o.id), set(o.absent)
		keeptest.Want(t, denied, types.Invalid, "invalid")
		if !reflect.DeepEqual(denied, absent) {
			t.Errorf("unreadable: %v, absent: %v", denied, absent)
		}
		work := func(id string) keeptest.Work {
			o.Clock.Advance(time.Minute) // refusals of a minute are coalesced
			o.DB.Reset()
			set(id)
			return o.DB.Reset()
		}
		if absent, denied := work(o.absent), work(o.id); !reflect.DeepEqual(absent, denied) {
			t.Errorf("a reference to an absent row costs %+v, to an unreadable one %+v", absent, denied)
		}
		if err := set(o.his); err != nil {
			t.Errorf("a readable row: %v", err)
		}
		list := func(id string) error { return o.write(t, o.other, o.his, `{"helpers": ["`+id+`"]}`, "") }
		keeptest.Want(t, list(o.absent), types.Invalid, "invalid")
		if err := list(string(o.owner.Account)); err != nil {
			t.Errorf("a readable account in a list: %v", err)
		}
		press := *o.other
		press.Roles = o.Plan.RoleSet("press") // who reads no account but his own
		pressed := func(id types.ID) error { return o.write(t, &press, o.his, `{"helpers": ["`+string(id)+`"]}`, "") }
		if hidden, none := pressed(o.owner.Account), pressed(types.ID(o.absent)); hidden == nil || !reflect.DeepEqual(hidden, none) {
			t.Errorf("unreadable account: %v, absent: %v", hidden, none)
		}
		if err := pressed(o.other.Account); err != nil {
			t.Error(err)
		}
	})
}

// TestUniqueTellsNothing: a unique value of a row that the caller may not read is refused as a value, without saying that it
// exists; of a row that he reads it is a conflict. After ten such refusals in an hour, by whatever door, writes of the field are 429
// for that account, whether the value is taken or free.
func TestUniqueTellsNothing(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		_, err := o.TryCreate(o.other, "cases", `{"title": "A", "code": "hers"}`)
		keeptest.Want(t, err, types.Invalid, "not_accepted")
		keeptest.Want(t, o.write(t, o.other, o.his, `{"code": "hers"}`, ""), types.Invalid, "not_accepted")
		_, err = o.TryCreate(o.owner, "cases", `{"title": "A", "code": "hers"}`)
		keeptest.Want(t, err, types.Conflict, "already_exists")
		_, err = o.TryCreate(o.helper, "cases", `{"title": "A", "code": "hers"}`)
		keeptest.Want(t, err, types.Conflict, "already_exists")
		if err := o.write(t, o.owner, o.id, `{"code": "hers"}`, ""); err != nil {
			t.Errorf("a row does not conflict with itself: %v", err)
		}
		// an open case shows its title and not its code: that it has this code stays untold
		if err := o.write(t, o.owner, o.id, `{"kind": "open"}`, ""); err != nil {
			t.Fatal(err)
		}
		_, err = o.TryCreate(o.other, "cases", `{"title": "A", "code": "hers"}`)
		keeptest.Want(t, err, types.Invalid, "not_accepted")
	})
	each(t, func(t *testing.T, o *office) {
		doors := []func() error{
			func() error { _, err := o.TryCreate(o.other, "cases", `{"title": "A", "code": "hers"}`); return err },
			func() error { return o.write(t, o.other, o.his, `{"code": "hers"}`, "") },
			func() error {
				_, err := o.Keep.Batch(t.Context(), o.other, []byte(`{"do": [{"create": "cases", "new": {"title": "A", "code": "hers"}}]}`), keep.Write{})
				return err
			},
			func() error {
				a, err := o.Keep.Can(t.Context(), o.other, []byte(`{"do": [{"action": "create", "collection": "cases", "new": {"title": "A", "code": "hers"}}]}`))
				if err == nil && bytes.Contains(a.Body, []byte("not_accepted")) {
					return &types.Error{Kind: types.Invalid, Code: "not_accepted"}
				}
				if err == nil && bytes.Contains(a.Body, []byte("too_many_conflicts")) {
					return &types.Error{Kind: types.TooMany, Code: "too_many_conflicts"}
				}
				return err
			},
		}
		for i := range 10 {
			keeptest.Want(t, doors[i%len(doors)](), types.Invalid, "not_accepted")
		}
		for _, door := range doors {
			keeptest.Want(t, door(), types.TooMany, "too_many_conflicts")
		}
		_, err := o.TryCreate(o.other, "cases", `{"title": "A", "code": "free"}`)
		keeptest.Want(t, err, types.TooMany, "too_many_conflicts")
		if err := o.write(t, o.other, o.his, `{"title": "B"}`, ""); err != nil {
			t.Errorf("a write of another field: %v", err)
		}
		if _, err := o.TryCreate(o.helper, "cases", `{"title": "A", "code": "free"}`); err != nil {
			t.Errorf("another account: %v", err)
		}
		n := 0
		for _, e := range o.Evidence() {
			if e.Code == "not_accepted" {
				n++
			}
		}
		if n != 10 {
			t.Errorf("%d entries of 10 guesses", n)
		}
		o.Clock.Advance(time.Hour)
		if _, err := o.TryCreate(o.other, "cases", `{"title": "A", "code": "again"}`); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

// TestStateSteps: a state begins at its start and goes only where a step leads.
func TestStateSteps(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		_, err := o.TryCreate(o.owner, "cases", `{"title": "A", "code": "x", "stage": "held"}`)
		keeptest.Want(t, err, types.Invalid, "invalid")
		for _, step := range []struct {
			to string
			ok bool
		}{{"draft", true}, {"held", true}, {"done", false}, {"draft", true}, {"done", true}, {"draft", false}, {"held", false}, {"done", true}} {
			err := o.write(t, o.owner, o.id, `{"stage": "`+step.to+`"}`, "")
			if step.ok && err != nil {
				t.Errorf("to %s: %v", step.to, err)
			}
			if !step.ok {
				keeptest.Want(t, err, types.Conflict, "no_such_step")
			}
		}
		keeptest.Want(t, o.write(t, o.owner, o.id, `{"stage": "nowhere"}`, ""), types.Invalid, "invalid")
	})
}

// TestFixedFields: what is fixed is set at creation only, by nobody else and never again; what the system writes is nobody's.
func TestFixedFields(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		op := &types.Caller{Kind: types.Operator, Name: "op", Reason: "test"}
		for _, c := range []*types.Caller{o.owner, op} {
			keeptest.Want(t, o.write(t, c, o.id, `{"owner": "`+string(o.other.Account)+`"}`, ""), types.Invalid, "invalid")
			for _, f := range []string{"id", "created", "updated", "version"} {
				keeptest.Want(t, o.write(t, c, o.id, `{"`+f+`": null}`, ""), types.Invalid, "invalid")
			}
		}
		if row, _ := o.Get(o.owner, "cases", o.id); row["owner"] != string(o.owner.Account) {
			t.Errorf("the owner became %v", row["owner"])
		}
	})
}

// TestChecks: a check must be true of the whole new row, also when only one of its fields is named.
func TestChecks(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		keeptest.Want(t, o.write(t, o.owner, o.id, `{"ends": "2025-12-31"}`, ""), types.Invalid, "invalid")
		for _, body := range []string{`{"ends": "2026-01-01"}`, `{"begins": null}`, `{"ends": "2025-12-31"}`} {
			if err := o.write(t, o.owner, o.id, body, ""); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		}
		keeptest.Want(t, o.write(t, o.owner, o.id, `{"begins": "2026-01-01"}`, ""), types.Invalid, "invalid")
	})
}

// TestHTMLIsSanitisedOnWrite: what is stored is clean already.
func TestHTMLIsSanitisedOnWrite(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		if err := o.write(t, o.owner, o.id, `{"note": "<p onclick=x>Hi<script>alert(1)</script></p>"}`, ""); err != nil {
			t.Fatal(err)
		}
		if got := o.column(t, "cases", "note", o.id); got != "<p>Hi</p>" {
			t.Errorf("stored %q", got)
		}
	})
}

// TestEncryptedDefaultsAreSealed: an encrypted field that a create does not name holds its default sealed.
func TestEncryptedDefaultsAreSealed(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.Create(o.owner, "sealed", `{}`)["id"].(string)
		row, err := o.Get(o.owner, "sealed", id)
		if err != nil || row["secret"] != "nothing yet" {
			t.Errorf("secret is %v, %v", row["secret"], err)
		}
		if got := o.column(t, "sealed", "secret", id); got == "" || bytes.Contains([]byte(got), []byte("nothing")) {
			t.Errorf("the column holds %q", got)
		}
	})
}

// column reads what is stored.
func (o *office) column(t *testing.T, table, name, id string) (out string) {
	t.Helper()
	err := o.DB.View(context.Background(), func(r store.Reader) error {
		rows, err := r.Query(context.Background(), store.SQL(fmt.Sprintf(`SELECT %q FROM %q WHERE "id" = ?`, name, table)), types.TextValue(id))
		if err != nil {
			return err
		}
		defer rows.Close()
		if rows.Next() {
			out = string(rows.Bytes(0))
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDeletesFollowReferences: what points by cascade goes along, what points by clear loses the reference and gets a new version, and
// each is evidence.
func TestDeletesFollowReferences(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		child := o.Create(o.owner, "cases", `{"title": "Child", "code": "child", "parent": "`+o.id+`"}`)["id"].(string)
		report := o.Create(o.owner, "reports", `{"about": "`+o.id+`", "text": "for you"}`)["id"].(string)
		_, before, _ := o.GetTagged(o.owner, "cases", child)
		if err := o.write(t, o.owner, o.id, "", ""); err != nil {
			t.Fatal(err)
		}
		row, after, err := o.GetTagged(o.owner, "cases", child)
		if err != nil || row["parent"] != nil || row["version"] != 2.0 || before == after {
			t.Errorf("the child is %v, ETag %s before and %s after, %v", row, before, after, err)
		}
		_, err = o.Get(o.boss, "reports", report)
		keeptest.Want(t, err, types.NotFound, "not_found")
		seen := map[string]string{}
		for _, e := range o.Evidence() {
			if e.Outcome == types.Done {
				seen[e.Row+e.Event] = e.Code
			}
		}
		if seen[child+"row.update"] != "clear" || seen[report+"row.delete"] != "cascade" {
			t.Errorf("evidence %v", seen)
		}
	})
}

// TestAccountsComeByAnotherDoor: rows of accounts are neither made nor removed here, not even by an operator.
func TestAccountsComeByAnotherDoor(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		op := &types.Caller{Kind: types.Operator, Name: "op", Reason: "test"}
		_, err := o.TryCreate(op, "accounts", `{"name": "Eve"}`)
		keeptest.Want(t, err, types.Forbidden, "not_allowed")
		keeptest.Want(t, o.Delete(op, "accounts", string(o.other.Account)), types.Forbidden, "not_allowed")
		_, err = o.Keep.Batch(t.Context(), op, []byte(`{"do": [{"create": "accounts", "new": {"name": "Eve"}}]}`), keep.Write{})
		keeptest.Want(t, err, types.Forbidden, "not_allowed")
	})
}

// TestGuessesAtOnce: of 120 guesses at once at a unique value that the guesser may not read ten are looked at, whatever the doors.
func TestGuessesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		var looked, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 120 {
			wg.Go(func() {
				body := `{"title": "A", "code": "hers"}`
				var err error
				switch i % 3 {
				case 0:
					_, err = o.Keep.Create(t.Context(), o.other, keep.Write{Collection: "cases", Body: []byte(body)})
				case 1:
					_, err = o.Keep.Batch(t.Context(), o.other, []byte(`{"do": [{"create": "cases", "new": `+body+`}]}`), keep.Write{})
				case 2:
					var a *plan.Answer
					if a, err = o.Keep.Can(t.Context(), o.other, []byte(`{"do": [{"action": "create", "collection": "cases", "new": `+body+`}]}`)); err == nil {
						_, code, _ := bytes.Cut(a.Body, []byte(`"code":"`))
						err = &types.Error{Code: string(bytes.TrimSuffix(code, []byte(`"}]}`)))}
					}
				}
				switch types.CodeOf(err) {
				case "not_accepted":
					looked.Add(1)
				case "too_many_conflicts":
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if looked.Load() != 10 || refused.Load() != 110 {
			t.Errorf("%d of 120 guesses were looked at, %d refused", looked.Load(), refused.Load())
		}
	})
}

// TestStepsOfAMaskedState: who may write a state and not read it is not told where it is; who reads it is.
func TestStepsOfAMaskedState(t *testing.T) {
	const text = `version: 1
service: {name: x}
roles: {clerk: {}, boss: {}}
accounts:
  fields: {name: {type: text, max: 80}}
  allow: [{to: read, when: "row.id == me.id"}]
collections:
  jobs:
    fields:
      title: {type: text, max: 9}
      stage: {type: state, start: draft, steps: {draft: [held], held: [draft, done], done: []}}
    allow:
      - {to: [read, create], only: [title], when: "has_role('clerk')"}
      - {to: [read, update], when: "has_role('boss')"}
      - {to: update, only: [stage], when: "has_role('clerk')"}
`
	keeptest.Each(t, text, func(t *testing.T, k *keeptest.Kit) {
		clerk, boss := k.Person("Cleo", "clerk"), k.Person("Bea", "boss")
		id := k.Create(clerk, "jobs", `{"title": "a"}`)["id"].(string)
		for c, want := range map[*types.Caller]string{clerk: "stage cannot go from where it is to done", boss: "stage cannot go from draft to done"} {
			_, err := k.Update(c, "jobs", id, `{"stage": "done"}`)
			keeptest.Want(t, err, types.Conflict, "no_such_step")
			if told := new(types.Error); !errors.As(err, &told) || told.Detail != want {
				t.Errorf("told %v, want %s", err, want)
			}
		}
	})
}
