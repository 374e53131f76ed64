package keeptest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/attack/naive"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	keeprow "github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// worldDeclaration has every kind of field that a rule may look at, references two deep, and lists in side tables.
const worldDeclaration = `
version: 1
service: {name: world, host: world.example, level: 1}
roles: {red: {}, blue: {}}
accounts:
  fields:
    name: {type: text, max: 40, optional: true}
  allow: [{to: read, when: "row.id == me.id"}]
collections:
  groups:
    fields:
      label: {type: text, max: 40, optional: true}
      head: {type: account, optional: true}
      size: {type: int, optional: true}
    allow: [{to: read, when: "has_role('red')"}]
  items:
    fields:
      t: {type: text, max: 40, optional: true}
      u: {type: text, max: 40, optional: true}
      i: {type: int, optional: true}
      j: {type: int}
      d: {type: decimal, digits: 2, optional: true}
      b: {type: bool, optional: true}
      day: {type: date, optional: true}
      at: {type: time, optional: true}
      e: {type: enum, values: [one, two, three], optional: true}
      who: {type: account, optional: true}
      group: {type: ref, to: groups, optional: true}
      up: {type: ref, to: items, optional: true}
      team: {type: list, of: {type: account}, max: 9, optional: true}
      tags: {type: list, of: {type: text, max: 20}, max: 9, optional: true}
    allow: [{to: [read, create, update], when: "has_role('red')"}]
`

// organisedDeclaration is the same world with its groups and items in organisations.
var organisedDeclaration = strings.NewReplacer("roles: {red", "organisations: {sign_up: create, roles: [owner, member]}\nroles: {red",
	"  groups:\n", "  groups:\n    per: organisation\n", "  items:\n", "  items:\n    per: organisation\n").Replace(worldDeclaration)

// world is a database filled with random rows, and the same rows for the naive evaluator.
type world struct {
	*keeptest.Kit
	rand   *rand.Rand
	tables *keeprow.Tables
	naive  *naive.World
	rows   map[string][]*keeprow.Row
	people []string
	orgs   []string // empty: the world has no organisations
	now    time.Time
}

// words meet each other often, and are awkward: wildcards, quotes, cases, code points beyond the first plane.
var words = []string{"a", "A", "ab", "a%", "a_b", "%", "_", `\`, `it's`, "é", "É", "éa", "Z", "z", "😀", "😀é", "ﬀ", "Straße", " "}
var days = []string{"2026-11-23", "2026-11-24", "2026-11-25", "1999-12-31", "2100-01-01"}
var instants = []string{"2026-11-24T12:00:00Z", "2026-11-24T11:00:00Z", "2026-11-24T12:00:00.000001Z", "2025-01-01T00:00:00Z"}
var decimals = []string{"0.00", "1.50", "-1.50", "12.34", "-0.01", "99999.99"}

func newWorld(k *keeptest.Kit) *world {
	ring, err := seal.New(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		k.Fatal(err)
	}
	w := &world{Kit: k, rand: rand.New(rand.NewPCG(7, 11)), tables: &keeprow.Tables{Plan: k.Plan, Ring: ring, Dialect: k.DB.Dialect()},
		naive: &naive.World{Types: map[string]map[string]naive.Type{}, Rows: map[string][]naive.Row{}}, rows: map[string][]*keeprow.Row{}, now: k.Clock.Now()}
	for name, shape := range k.Plan.Shapes {
		w.naive.Types[name] = map[string]naive.Type{}
		for _, f := range shape.Fields {
			w.naive.Types[name][f.Name] = naiveType(f.Type)
		}
	}
	for i := range 4 {
		fields := naive.Row{}
		c := k.Person(fmt.Sprintf("p%d", i))
		fields["id"], fields["name"] = string(c.Account), fmt.Sprintf("p%d", i)
		w.people = append(w.people, string(c.Account))
		w.naive.Rows["accounts"] = append(w.naive.Rows["accounts"], fields)
	}
	w.organise()
	for range 6 {
		w.insert("groups", w.draw("groups"))
	}
	for range 40 {
		w.insert("items", w.draw("items"))
	}
	return w
}

// organise makes two organisations, to each of which two of the people belong, if the declaration has any. References of rows will lead
// across them, as they could if something had gone wrong.
func (w *world) organise() {
	if w.Plan.Organisations == nil {
		return
	}
	w.naive.PerOrg = map[string]bool{"groups": true, "items": true, "memberships": true}
	for n, name := range []string{"herons", "ravens"} {
		org := w.Organisation(name)
		w.Clock.Advance(time.Millisecond)
		w.orgs = append(w.orgs, string(org))
		w.naive.Rows["organisations"] = append(w.naive.Rows["organisations"], naive.Row{"id": string(org), "name": name})
		for i, role := range []string{"owner", "member"} {
			who := w.people[(n+i)%len(w.people)]
			id := w.Membership(types.ID(who), org, role)
			w.naive.Rows["memberships"] = append(w.naive.Rows["memberships"], naive.Row{"id": string(id), "org": string(org), "account": who, "role": role})
		}
	}
}

// plain are the fields of built-in collections that the naive rows have too; nil: all.
var plain = map[string][]string{"accounts": {"id", "name"}, "organisations": {"id", "name"}, "memberships": {"id", "org", "account", "role"}}

func naiveType(t rule.Type) naive.Type {
	kind := map[rule.TypeKind]string{rule.BoolType: "bool", rule.IntType: "int", rule.DecimalType: "decimal", rule.TextType: "text",
		rule.TimeType: "time", rule.DateType: "date", rule.RefType: "ref", rule.ListType: "list", rule.JSONType: "json"}[t.Kind]
	out := naive.Type{Kind: kind, To: t.To}
	if t.Elem != nil {
		of := naiveType(*t.Elem)
		out.Of, out.To = of.Kind, of.To
	}
	return out
}

func pick[T any](w *world, list []T) T { return list[w.rand.IntN(len(list))] }

// draw makes a random row of a collection: JSON values by field, a field in three missing where it may be.
func (w *world) draw(collection string) map[string]any {
	out := map[string]any{}
	for _, f := range w.Plan.Collection(collection).Fields {
		if f.Optional && w.rand.IntN(4) == 0 {
			continue
		}
		if v := w.value(f); v != nil {
			out[f.Name] = v
		}
	}
	return out
}

func (w *world) value(f *plan.Field) any {
	switch f.Rule.Kind {
	case rule.BoolType:
		return w.rand.IntN(2) == 0
	case rule.IntType:
		return w.rand.IntN(5) - 2
	case rule.DecimalType:
		return pick(w, decimals)
	case rule.DateType:
		return pick(w, days)
	case rule.TimeType:
		return pick(w, instants)
	case rule.RefType:
		if rows := w.naive.Rows[f.Rule.To]; len(rows) > 0 {
			return pick(w, rows)["id"]
		}
		return nil
	case rule.ListType:
		out := []any{}
		for range w.rand.IntN(4) {
			if f.Rule.Elem.Kind == rule.RefType {
				out = append(out, pick(w, w.people))
			} else {
				out = append(out, pick(w, words))
			}
		}
		return out
	}
	if len(f.Rule.Values) > 0 {
		return pick(w, f.Rule.Values)
	}
	return pick(w, words)
}

// both makes the typed row and the naive one of the same JSON values.
func (w *world) both(collection string, fields map[string]any) (*keeprow.Row, naive.Row) {
	col := w.Plan.Collection(collection)
	r := &keeprow.Row{Collection: col, ID: types.NewID(w.Clock.Now()), Created: types.Micros(w.now), Updated: types.Micros(w.now), Version: 1, Values: make([]types.Value, len(col.Fields))}
	w.Clock.Advance(time.Millisecond)
	plain := naive.Row{"id": string(r.ID), "created": w.now, "updated": w.now, "version": int64(1)}
	if col.PerOrg {
		org := pick(w, w.orgs)
		r.Org, plain["org"] = types.TextValue(org), org
	}
	for name, v := range fields {
		f := col.Field(name)
		text, _ := json.Marshal(v)
		typed, errs := value.Decode(f, name, jsontext.Value(text))
		if len(errs) > 0 {
			w.Fatalf("%s = %s: %v", name, text, errs)
		}
		r.Values[f.Bit] = typed
		switch v := v.(type) {
		case int:
			plain[name] = int64(v)
		case string:
			plain[name] = v
			if f.Rule.Kind == rule.TimeType {
				at, _ := time.Parse(time.RFC3339, v)
				plain[name] = at
			}
		default:
			plain[name] = v
		}
	}
	return r, plain
}

func (w *world) insert(collection string, fields map[string]any) {
	r, plain := w.both(collection, fields)
	err := w.DB.Write(context.Background(), func(tx store.Tx) error { return w.tables.Insert(context.Background(), tx, r) })
	if err != nil {
		w.Fatal(err)
	}
	w.rows[collection] = append(w.rows[collection], r)
	w.naive.Rows[collection] = append(w.naive.Rows[collection], plain)
}
