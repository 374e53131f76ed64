package migration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// world is one database that goes from declaration to declaration.
type world struct {
	testing.TB
	data  migration.Data
	clock *types.ManualClock
	keep  *keep.Keep
	plan  *plan.Plan
}

// each runs fn on an empty database of each kind.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, storetest.Options{Recorder: ledger.Evidence{}}, func(t *testing.T, db store.DB) { fn(t, over(t, db)) })
}

// over is a world over a database.
func over(t testing.TB, db store.DB) *world {
	t.Helper()
	ring, err := seal.New(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, data: migration.Data{DB: db, Ring: ring}, clock: types.NewManualClock(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))}
}

var system = &types.Caller{Kind: types.System, Reason: "test"}

// things declares one collection with these fields, and others to refer to.
func things(fields ...string) string {
	return collections("  things:\n    fields:\n      label: {type: text, max: 20}\n      " + strings.Join(fields, "\n      ") + "\n")
}

func collections(text string) string {
	return "version: 1\nservice: {name: shop}\nroles:\n  staff: {}\ncollections:\n" +
		"  others:\n    fields:\n      label: {type: text, max: 20}\n    allow:\n      - {to: read, when: \"has_role('staff')\"}\n" + text
}

// target is the target that a declaration is. The plan is bound by the first comparison.
func target(t testing.TB, declaration string) migration.Target {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte(declaration), "development")
	if err != nil {
		t.Fatalf("%v\n%s", err, declaration)
	}
	p, err := plan.Compile(f, "development")
	if err != nil {
		t.Fatalf("%v\n%s", err, declaration)
	}
	return migration.Target{Plan: p, Schema: func() store.Schema {
		return store.Schema{Tables: append(keeptest.Tables(p), migration.Tables()...)}
	}}
}

// bring opens a declaration the way a start does.
func (w *world) bring(declaration string, convert ...string) (*migration.Difference, error) {
	w.Helper()
	t := target(w, declaration)
	t.Convert = convert
	d, err := migration.Bring(context.Background(), w.data, t)
	if err == nil {
		w.serve(t.Plan)
	}
	return d, err
}

// must is bring for a declaration that fits.
func (w *world) must(declaration string, convert ...string) {
	w.Helper()
	if _, err := w.bring(declaration, convert...); err != nil {
		w.Fatalf("refused: %v", err)
	}
}

// serve opens a Keep over what stands.
func (w *world) serve(p *plan.Plan) {
	w.Helper()
	k, err := keep.New(keep.Config{Plan: p, DB: w.data.DB, Ring: w.data.Ring, Clock: w.clock})
	if err != nil {
		w.Fatal(err)
	}
	w.keep, w.plan = k, p
}

// look says what would become of each step, by where it is.
func (w *world) look(declaration string, convert ...string) map[string]*migration.Step {
	w.Helper()
	t := target(w, declaration)
	t.Convert = convert
	d, err := migration.Look(context.Background(), w.data, t)
	if err != nil {
		w.Fatal(err)
	}
	out := map[string]*migration.Step{}
	for _, s := range d.Steps {
		out[s.Where] = s
	}
	return out
}

// create makes a row and returns its id.
func (w *world) create(collection, body string) string {
	w.Helper()
	w.clock.Advance(time.Millisecond)
	a, err := w.keep.Create(context.Background(), system, keep.Write{Collection: collection, Body: []byte(body)})
	if err != nil {
		w.Fatalf("%s: %v", body, err)
	}
	return keeptest.Row(w, a, nil)["id"].(string)
}

// person makes an account and returns its id.
func (w *world) person() string {
	w.Helper()
	id := types.RandomID()
	if err := w.data.DB.Write(context.Background(), func(tx store.Tx) error {
		return w.keep.Profiles().Create(context.Background(), tx, id, json.RawMessage(`{}`))
	}); err != nil {
		w.Fatal(err)
	}
	return string(id)
}

// get reads the fields of a row as they stand on the wire.
func (w *world) get(collection, id string) map[string]string {
	w.Helper()
	a, err := w.keep.Get(context.Background(), system, keep.GetQuery{Collection: collection, ID: id})
	if err != nil {
		w.Fatalf("%s/%s: %v", collection, id, err)
	}
	out := map[string]string{}
	dec := jsontext.NewDecoder(bytes.NewReader(slices.Clone(a.Body)))
	if a.Release != nil {
		a.Release()
	}
	dec.ReadToken()
	for dec.PeekKind() == '"' {
		name, _ := dec.ReadToken()
		field := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			w.Fatal(err)
		}
		out[field] = v.String()
	}
	return out
}

// side counts the elements in a list's side table.
func (w *world) side(collection, field string) int {
	w.Helper()
	f := w.plan.Collection(collection).Field(field)
	if f.Side == "" {
		return 0
	}
	return len(storetest.Rows(w, w.data.DB, "SELECT row_id FROM "+store.Quote(f.Side)))
}

func body(fields map[string]string) string {
	var parts []string
	for name, v := range fields {
		parts = append(parts, fmt.Sprintf("%q: %s", name, v))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
