// Package keeptest gives the tests of this room a Keep on every engine, callers, and a database that counts what it is asked.
// The stories and the property tests that touch every part of the room are tests of this package, so that the packages they
// cross each keep one test per promise.
package keeptest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// Kit is a Keep over an empty database. Its clock stands still and moves a millisecond with each write.
type Kit struct {
	testing.TB
	Keep  *keep.Keep
	DB    *Counter
	Ring  *seal.Ring
	Clock *types.ManualClock
	Plan  *plan.Plan
}

// Nobody is the anonymous caller.
var Nobody = &types.Caller{}

// Declaration reads a declaration of this package's folder testdata, such as "cases"; "press" is the example.
func Declaration(t testing.TB, name string) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(file), "testdata", name+".yaml")
	if name == "press" {
		path = filepath.Join(filepath.Dir(file), "../../../examples/press/fastness.yaml")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Compile makes the plan of a declaration.
func Compile(t testing.TB, declaration string) *plan.Plan {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte(declaration), "development")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, "development")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Tables are those of a plan with keep's own and the evidence.
func Tables(p *plan.Plan) []store.Table {
	return append(append(p.Tables(), keep.Tables()...), ledger.Tables()...)
}

// Each runs fn on every engine with the plan of a declaration.
func Each(t *testing.T, declaration string, fn func(t *testing.T, k *Kit)) {
	t.Helper()
	p := Compile(t, declaration)
	storetest.Each(t, storetest.Options{Tables: Tables(p), Recorder: ledger.Evidence{}}, func(t *testing.T, db store.DB) {
		fn(t, New(t, p, db))
	})
}

// New puts a Keep over a database that has the tables of the plan.
func New(t testing.TB, p *plan.Plan, db store.DB) *Kit {
	t.Helper()
	ring, err := seal.New(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		t.Fatal(err)
	}
	k := &Kit{TB: t, DB: &Counter{DB: db}, Ring: ring, Clock: types.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), Plan: p}
	k.Keep = k.Again(p)
	return k
}

// Again is another Keep over the same data, under this or another plan: a second process, or the next start.
func (k *Kit) Again(p *plan.Plan) *keep.Keep {
	k.Helper()
	out, err := keep.New(keep.Config{Plan: p, DB: k.DB, Ring: k.Ring, Clock: k.Clock})
	if err != nil {
		k.Fatal(err)
	}
	return out
}

// Person makes an account with roles and returns its caller, freshly proved.
func (k *Kit) Person(name string, roles ...string) *types.Caller {
	k.Helper()
	id := types.NewID(k.Clock.Now())
	err := k.DB.Write(context.Background(), func(tx store.Tx) error {
		return k.Keep.Profiles().Create(context.Background(), tx, id, json.RawMessage(`{"name": "`+name+`"}`))
	})
	if err != nil {
		k.Fatal(err)
	}
	return &types.Caller{Kind: types.Signed, Account: id, Roles: k.Plan.RoleSet(roles...), FreshAt: k.Clock.Now(), RequestID: types.RandomID()}
}

// Row decodes an answer.
func Row(t testing.TB, a *plan.Answer, err error) map[string]any {
	t.Helper()
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	out := map[string]any{}
	if len(a.Body) > 0 {
		if err := json.Unmarshal(a.Body, &out); err != nil {
			t.Fatalf("the answer is not JSON: %v: %s", err, a.Body)
		}
	}
	if a.Release != nil {
		a.Release()
	}
	return out
}

// Create makes a row and fails the test when it is refused.
func (k *Kit) Create(c *types.Caller, collection, body string) map[string]any {
	k.Helper()
	row, err := k.TryCreate(c, collection, body)
	if err != nil {
		k.Fatalf("refused: %v", err)
	}
	return row
}

// TryCreate makes a row.
func (k *Kit) TryCreate(c *types.Caller, collection, body string) (map[string]any, error) {
	k.Helper()
	k.Clock.Advance(time.Millisecond)
	a, err := k.Keep.Create(context.Background(), c, keep.Write{Collection: collection, Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	return Row(k, a, nil), nil
}

// Update changes a row.
func (k *Kit) Update(c *types.Caller, collection, id, body string) (map[string]any, error) {
	k.Helper()
	k.Clock.Advance(time.Millisecond)
	a, err := k.Keep.Update(context.Background(), c, keep.Write{Collection: collection, ID: id, Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	return Row(k, a, nil), nil
}

// Delete removes a row.
func (k *Kit) Delete(c *types.Caller, collection, id string) error {
	k.Helper()
	k.Clock.Advance(time.Millisecond)
	_, err := k.Keep.Delete(context.Background(), c, keep.Write{Collection: collection, ID: id})
	return err
}

// Get reads a row.
func (k *Kit) Get(c *types.Caller, collection, id string) (map[string]any, error) {
	k.Helper()
	row, _, err := k.GetTagged(c, collection, id)
	return row, err
}

// GetTagged reads a row and its ETag.
func (k *Kit) GetTagged(c *types.Caller, collection, id string) (map[string]any, string, error) {
	k.Helper()
	a, err := k.Keep.Get(context.Background(), c, keep.GetQuery{Collection: collection, ID: id})
	if err != nil {
		return nil, "", err
	}
	return Row(k, a, nil), a.Header["Etag"][0], nil
}

// Page is a page of a list as a client reads it.
type Page struct {
	Items []map[string]any
	Next  string
	Count *int
	More  bool
}

// List reads a page.
func (k *Kit) List(c *types.Caller, q keep.ListQuery) (Page, error) {
	k.Helper()
	var page Page
	a, err := k.Keep.List(context.Background(), c, q)
	if err != nil {
		return page, err
	}
	if err := json.Unmarshal(a.Body, &page); err != nil {
		k.Fatalf("the page is not JSON: %v: %s", err, a.Body)
	}
	a.Release()
	return page, nil
}

// Want checks the kind and code of a refusal.
func Want(t testing.TB, err error, kind types.Kind, code string) {
	t.Helper()
	if err == nil || types.KindOf(err) != kind || types.CodeOf(err) != code {
		t.Errorf("want kind %d %s, got %v", kind, code, err)
	}
}

// Evidence is one entry as it lies in the database.
type Evidence struct {
	Event, Collection, Row, Code string
	Outcome                      types.Outcome
	Count                        int64
}

var evidence = store.SQL("SELECT event, collection, row_id, code, outcome, count FROM fastness_evidence ORDER BY at, id")

// Evidence reads all entries, oldest first.
func (k *Kit) Evidence() []Evidence {
	k.Helper()
	var out []Evidence
	err := k.DB.Write(context.Background(), func(tx store.Tx) error { // a write, so that what joins the next commit is there
		out = nil
		rows, err := tx.Query(context.Background(), evidence)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			out = append(out, Evidence{rows.Text(0), rows.Text(1), rows.Text(2), rows.Text(3), types.Outcome(rows.Int(4)), rows.Int(5)})
		}
		return rows.Err()
	})
	if err != nil {
		k.Fatal(err)
	}
	return out
}
