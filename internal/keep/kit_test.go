package keep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
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

// kit is a Keep over an empty database, with the callers of a test.
type kit struct {
	*testing.T
	keep  *keep.Keep
	db    store.DB
	clock *types.ManualClock
	plan  *plan.Plan
}

// each runs fn on every engine with the plan of a declaration.
func each(t *testing.T, declaration string, fn func(k *kit)) {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte(declaration), "development")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, "development")
	if err != nil {
		t.Fatal(err)
	}
	tables := append(append(p.Tables(), keep.Tables()...), ledger.Tables()...)
	storetest.Each(t, storetest.Options{Tables: tables, Recorder: ledger.Evidence{}}, func(t *testing.T, db store.DB) {
		ring, err := seal.New(bytes.Repeat([]byte{5}, 32))
		if err != nil {
			t.Fatal(err)
		}
		clock := types.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
		k, err := keep.New(keep.Config{Plan: p, DB: db, Ring: ring, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		fn(&kit{T: t, keep: k, db: db, clock: clock, plan: p})
	})
}

// person makes an account with roles and returns its caller.
func (k *kit) person(name string, roles ...string) *types.Caller {
	k.Helper()
	id := types.NewID(k.clock.Now())
	err := k.db.Write(context.Background(), func(tx store.Tx) error {
		return k.keep.Profiles().Create(context.Background(), tx, id, json.RawMessage(`{"name": "`+name+`"}`))
	})
	if err != nil {
		k.Fatal(err)
	}
	return &types.Caller{Kind: types.Signed, Account: id, Roles: k.plan.RoleSet(roles...), FreshAt: k.clock.Now(), RequestID: types.RandomID()}
}

var nobody = &types.Caller{}

// row decodes an answer.
func row(t testing.TB, a *plan.Answer, err error) map[string]any {
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

func (k *kit) create(c *types.Caller, collection, body string) map[string]any {
	k.Helper()
	k.clock.Advance(time.Millisecond)
	a, err := k.keep.Create(context.Background(), c, keep.Write{Collection: collection, Body: []byte(body)})
	return row(k, a, err)
}

func (k *kit) update(c *types.Caller, collection, id, body string) (map[string]any, error) {
	k.Helper()
	k.clock.Advance(time.Millisecond)
	a, err := k.keep.Update(context.Background(), c, keep.Write{Collection: collection, ID: id, Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	return row(k, a, nil), nil
}

func (k *kit) get(c *types.Caller, collection, id string) (map[string]any, error) {
	k.Helper()
	a, err := k.keep.Get(context.Background(), c, keep.GetQuery{Collection: collection, ID: id})
	if err != nil {
		return nil, err
	}
	return row(k, a, nil), nil
}

func (k *kit) list(c *types.Caller, q keep.ListQuery) (items []map[string]any, next string, err error) {
	k.Helper()
	a, err := k.keep.List(context.Background(), c, q)
	if err != nil {
		return nil, "", err
	}
	var page struct {
		Items []map[string]any
		Next  string
	}
	if err := json.Unmarshal(a.Body, &page); err != nil {
		k.Fatalf("%v: %s", err, a.Body)
	}
	return page.Items, page.Next, nil
}

// want checks the kind and code of a refusal.
func want(t testing.TB, err error, kind types.Kind, code string) {
	t.Helper()
	if err == nil || types.KindOf(err) != kind || types.CodeOf(err) != code {
		t.Errorf("want kind %d %s, got %v", kind, code, err)
	}
}

func keys(m map[string]any) string {
	var out []string
	for _, f := range strings.Fields("name title slug body status editor_note fee contact author included") {
		if _, ok := m[f]; ok {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}
