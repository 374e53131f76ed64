package replay_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/replay"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// office is a case to report about, its owner and his boss.
type office struct {
	*keeptest.Kit
	owner, other, boss *types.Caller
	id                 string
}

func each(t *testing.T, fn func(t *testing.T, o *office)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		o := &office{Kit: k, owner: k.Person("Olga", "staff"), other: k.Person("Otto", "staff"), boss: k.Person("Bea", "boss")}
		o.id = k.Create(o.owner, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		fn(t, o)
	})
}

func (o *office) report(c *types.Caller, key, path, text string) (*plan.Answer, error) {
	o.Clock.Advance(time.Millisecond)
	return o.Keep.Create(context.Background(), c, keep.Write{Collection: "reports", Body: []byte(`{"about": "` + o.id + `", "text": "` + text + `"}`), IdempotencyKey: key, Method: "POST", Path: path})
}

func (o *office) reports(t *testing.T) int {
	t.Helper()
	p, err := o.List(o.boss, keep.ListQuery{Collection: "reports", Count: true})
	if err != nil {
		t.Fatal(err)
	}
	return *p.Count
}

const path = "/api/v1/reports"

// TestReplay: the same request with the same key is done once and answered the same, whatever the spelling of its JSON.
func TestReplay(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		a, err := o.report(o.owner, "k1", path, "for you")
		first := keeptest.Row(t, a, err)
		a, err = o.Keep.Create(t.Context(), o.owner, keep.Write{Collection: "reports", IdempotencyKey: "k1", Method: "POST", Path: path,
			Body: []byte(` {"text":"for \u0079ou",  "about":"` + o.id + `"}`)})
		again := keeptest.Row(t, a, err)
		if a.Status != 201 || again["id"] != first["id"] || again["text"] != "for you" || o.reports(t) != 1 {
			t.Errorf("first %v, again %v, %d rows", first, again, o.reports(t))
		}
		patch := func() map[string]any {
			a, err := o.Keep.Update(t.Context(), o.owner, keep.Write{Collection: "cases", ID: o.id, Body: []byte(`{"title": "B"}`), IdempotencyKey: "k2", Method: "PATCH", Path: "/x"})
			return keeptest.Row(t, a, err)
		}
		if one, two := patch(), patch(); one["version"] != 2.0 || two["version"] != 2.0 {
			t.Errorf("versions %v and %v, want 2", one["version"], two["version"])
		}
		batch := func() string {
			a, err := o.Keep.Batch(t.Context(), o.owner, []byte(`{"do": [{"create": "reports", "new": {"about": "`+o.id+`", "text": "y"}}]}`), keep.Write{IdempotencyKey: "k3", Method: "POST", Path: "/api/v1/batch"})
			if err != nil {
				t.Fatal(err)
			}
			return string(a.Body)
		}
		if batch(); !strings.Contains(batch(), `"replayed":true`) || o.reports(t) != 2 {
			t.Errorf("a replayed batch made %d rows", o.reports(t))
		}
	})
}

// TestKeyIsBoundToItsCaller: somebody else's key is a key of its own.
func TestKeyIsBoundToItsCaller(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.report(o.owner, "k", path, "for you")
		if _, err := o.Update(o.owner, "cases", o.id, `{"kind": "open"}`); err != nil {
			t.Fatal(err)
		}
		a, err := o.report(o.other, "k", path, "for you")
		if row := keeptest.Row(t, a, err); row["id"] == nil || o.reports(t) != 2 {
			t.Errorf("another caller with the same key: %v, %d rows", row, o.reports(t))
		}
	})
}

// TestKeyIsBoundToItsOrganisation: after a switch the same key is a key of its own: what was made there is not answered here.
func TestKeyIsBoundToItsOrganisation(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "tenants"), func(t *testing.T, k *keeptest.Kit) {
		here := k.Member("Ann", k.Organisation("Herons"), "owner")
		there := k.Join(here, k.Organisation("Ravens"), "owner")
		made := map[*types.Caller]string{}
		for _, c := range []*types.Caller{here, there, here} {
			a, err := k.Keep.Create(t.Context(), c, keep.Write{Collection: "boards", Body: []byte(`{"name": "Nest"}`), IdempotencyKey: "k", Method: "POST", Path: "/api/v1/boards"})
			id, _ := keeptest.Row(t, a, err)["id"].(string)
			if made[c] != "" && made[c] != id {
				t.Errorf("the repeated request made %s beside %s", id, made[c])
			}
			made[c] = id
		}
		if made[here] == made[there] {
			t.Error("a row of one organisation is answered in another")
		}
	})
}

// TestKeyIsBoundToItsRoute: the same key on another path or by another method is a key of its own.
func TestKeyIsBoundToItsRoute(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for i, p := range []string{path, path + "/x"} {
			if _, err := o.report(o.owner, "k", p, "for you"); err != nil || o.reports(t) != i+1 {
				t.Errorf("%s: %v, %d rows", p, err, o.reports(t))
			}
		}
	})
}

// TestKeyIsBoundToItsBody: another body under the same key is refused and does nothing.
func TestKeyIsBoundToItsBody(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.report(o.owner, "k", path, "for you")
		_, err := o.report(o.owner, "k", path, "for me")
		keeptest.Want(t, err, types.Invalid, "idempotency_mismatch")
		if o.reports(t) != 1 {
			t.Errorf("%d rows", o.reports(t))
		}
	})
}

// TestReplayReadsAnew: a replay shows the row as the caller may read it now, not as it was answered.
func TestReplayReadsAnew(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		a, err := o.report(o.owner, "k", path, "for you")
		first := keeptest.Row(t, a, err)
		id := first["id"].(string)
		if first["text"] != "for you" {
			t.Fatalf("the author reads %v", first)
		}
		if _, err := o.Update(o.boss, "reports", id, `{"text": "for nobody"}`); err != nil {
			t.Fatal(err)
		}
		a, err = o.report(o.owner, "k", path, "for you")
		if row := keeptest.Row(t, a, err); len(row) != 1 || row["id"] != id || a.Header["Etag"] != nil {
			t.Errorf("the replay shows %v", row)
		}
		press := *o.owner
		press.Roles = o.Plan.RoleSet("press")
		_, err = o.report(&press, "k", path, "for you")
		keeptest.Want(t, err, types.Forbidden, "not_allowed")
	})
}

// TestRefusedRequestsKeepNoKey: what was refused may be sent again and is judged anew.
func TestRefusedRequestsKeepNoKey(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		_, err := o.Keep.Update(t.Context(), o.other, keep.Write{Collection: "cases", ID: o.id, Body: []byte(`{"title": "B"}`), IdempotencyKey: "k", Method: "PATCH", Path: "/x"})
		keeptest.Want(t, err, types.NotFound, "not_found")
		if _, err := o.Update(o.owner, "cases", o.id, `{"helpers": ["`+string(o.other.Account)+`"]}`); err != nil {
			t.Fatal(err)
		}
		if _, err = o.Keep.Update(t.Context(), o.other, keep.Write{Collection: "cases", ID: o.id, Body: []byte(`{"title": "B"}`), IdempotencyKey: "k", Method: "PATCH", Path: "/x"}); err != nil {
			t.Error(err)
		}
	})
}

// TestKeyExpires: a day later the same request is a new one.
func TestKeyExpires(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for i, wait := range []time.Duration{0, 23 * time.Hour, 2 * time.Hour} {
			o.Clock.Advance(wait)
			if _, err := o.report(o.owner, "k", path, "for you"); err != nil {
				t.Fatal(err)
			}
			if want := 1 + i/2; o.reports(t) != want {
				t.Errorf("after %v: %d rows, want %d", wait, o.reports(t), want)
			}
		}
		o.Clock.Advance(25 * time.Hour)
		if err := o.Keep.Tidy(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBadKeys: nobody has no keys, and a key is short.
func TestBadKeys(t *testing.T) {
	open := strings.Replace(keeptest.Declaration(t, "cases"), `{to: create, when: "has_role('staff')"}`, `{to: create, when: "new.text == 'x'", public: "a letter box"}`, 1)
	open = strings.Replace(open, "about: {type: ref, to: cases, fixed: true, on_delete: cascade}", "about: {type: ref, to: cases, optional: true}", 1)
	keeptest.Each(t, open, func(t *testing.T, k *keeptest.Kit) {
		send := func(c *types.Caller, key string) error {
			_, err := k.Keep.Create(t.Context(), c, keep.Write{Collection: "reports", Body: []byte(`{"text": "x"}`), IdempotencyKey: key, Method: "POST", Path: path})
			return err
		}
		if err := send(keeptest.Nobody, ""); err != nil {
			t.Error(err)
		}
		keeptest.Want(t, send(keeptest.Nobody, "k"), types.Malformed, "bad_idempotency_key")
		olga := k.Person("Olga", "staff")
		keeptest.Want(t, send(olga, strings.Repeat("k", 65)), types.Malformed, "bad_idempotency_key")
		if err := send(olga, strings.Repeat("k", 64)); err != nil {
			t.Error(err)
		}
	})
}

// TestKeyOfAnEndedSession: a key whose session was ended for cause, or whose account has another epoch since, neither repeats the act nor passes
// for it, whatever the body; one that still stands is replayed.
func TestKeyOfAnEndedSession(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		thief := *o.owner
		thief.Session, thief.Epoch = types.RandomID(), 7
		stands := true
		keys := &replay.Keys{Ring: o.Ring, Clock: o.Clock, Holds: func(_ context.Context, _ store.Reader, account, session types.ID, epoch int64) (bool, error) {
			if account != thief.Account || session != thief.Session || epoch != 7 {
				t.Errorf("judged are %s %s %d", account, session, epoch)
			}
			return stands, nil
		}}
		find := func(c *types.Caller, body string) (done *replay.Done, err error) {
			key, err := keys.New(c, replay.Request{Key: "k", Method: "POST", Path: path, Body: []byte(body)})
			if err != nil {
				t.Fatal(err)
			}
			err = o.DB.Write(t.Context(), func(tx store.Tx) (err error) {
				if done, err = key.Find(t.Context(), tx); done == nil && err == nil {
					return key.Keep(t.Context(), tx, 201, "row")
				}
				return err
			})
			return done, err
		}
		if done, err := find(&thief, "{}"); done != nil || err != nil {
			t.Fatal(done, err)
		}
		owner := *o.owner
		owner.Session, owner.Epoch = types.RandomID(), 8
		if done, err := find(&owner, "{}"); err != nil || done == nil || done.Row != "row" {
			t.Errorf("another session's key is not replayed: %v %v", done, err)
		}
		stands = false
		for _, body := range []string{"{}", `{"a": 1}`} {
			done, err := find(&owner, body)
			keeptest.Want(t, err, types.Conflict, "idempotency_over")
			if done != nil {
				t.Error("replayed", done)
			}
		}
	})
}

// TestOneAtATime: while a request runs, the same key is refused with 409; afterwards it is a replay.
func TestOneAtATime(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		keys := &replay.Keys{Ring: o.Ring, Clock: o.Clock}
		r := replay.Request{Key: "k", Method: "POST", Path: path, Body: []byte("{}")}
		one, err1 := keys.New(o.owner, r)
		two, err2 := keys.New(o.owner, r)
		if err1 != nil || err2 != nil || one.Begin() != nil {
			t.Fatal("the first does not begin", err1, err2)
		}
		err := two.Begin()
		keeptest.Want(t, err, types.Conflict, "in_progress")
		if e, ok := err.(*types.Error); !ok || e.RetryAfter <= 0 {
			t.Errorf("no Retry-After: %v", err)
		}
		one.End()
		if err := two.Begin(); err != nil {
			t.Error(err)
		}
		two.End()
	})
}

// TestAtOnce: sixteen at once through two processes make one row; each is told of that row or to repeat.
func TestAtOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		second := o.Again(o.Plan)
		ids := make(chan string, 16)
		var wg sync.WaitGroup
		for i := range 16 {
			k := o.Keep
			if i%2 == 1 {
				k = second
			}
			wg.Go(func() {
				a, err := k.Create(t.Context(), o.owner, keep.Write{Collection: "reports", Body: []byte(`{"about": "` + o.id + `", "text": "for you"}`), IdempotencyKey: "k", Method: "POST", Path: path})
				if types.CodeOf(err) == "in_progress" {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				ids <- string(a.Body[:34])
			})
		}
		wg.Wait()
		close(ids)
		seen := map[string]bool{}
		for id := range ids {
			seen[id] = true
		}
		if len(seen) != 1 || o.reports(t) != 1 {
			t.Errorf("%d rows, answers %v", o.reports(t), seen)
		}
	})
}
