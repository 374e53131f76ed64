package keeptest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/attack/naive"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// hidingDeclaration is the world of the rule properties in which half of the rows are hidden, with rules and a check that look through
// references.
func hidingDeclaration(create, update, check string) string {
	yaml := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	return strings.NewReplacer(
		`    allow: [{to: read, when: "has_role('red')"}]`, `    allow: [{to: read, when: "row.size > 0"}]`,
		`    allow: [{to: [read, create, update], when: "has_role('red')"}]`,
		"    check: [{that: "+yaml(check)+", else: no}]\n    allow: [{to: read, when: \"row.b\"}, {to: create, when: "+yaml(create)+"}, {to: update, when: "+yaml(update)+"}]",
	).Replace(worldDeclaration)
}

// hiding draws plans and asks of each pair of an unreadable and an absent row.
type hiding struct {
	*world
	yes, no, through int // what the rule said, and how many rules look through the reference that is asked about
}

// TestHiddenReferencesAreMissing: a reference that a request names and that the caller may not read is like one to a row that is not
// there, to random rules and checks that look through it: the same answer, the same work, by every door; and to a rule it is missing.
func TestHiddenReferencesAreMissing(t *testing.T) {
	keeptest.Each(t, hidingDeclaration("new.j > 0", "new.j > 0", "new.j > 0"), func(t *testing.T, k *keeptest.Kit) {
		h := &hiding{world: newWorld(k)}
		for range draws(t, 120) {
			h.plan(t)
		}
		t.Logf("a rule said yes to %d and no to %d; %d looked through the reference", h.yes, h.no, h.through)
		if hosttest.Race {
			return // too few to be spread
		}
		if h.yes < 100 || h.no < 100 || h.through < 100 {
			t.Error("the draws are too one-sided to tell anything")
		}
	})
}

// plan draws rules until a declaration takes them, and asks a few things under them.
func (h *hiding) plan(t *testing.T) {
	t.Helper()
	both := []variableOf{{"row", "items"}, {"new", "items"}}
	var create, update string
	var p *plan.Plan
	for p == nil {
		create, update = h.condition(1+h.rand.IntN(3), both[1:], false), h.condition(1+h.rand.IntN(3), both, false)
		f, err := decl.Parse("fastness.yaml", []byte(hidingDeclaration(create, update, h.condition(1, both[1:], false))), "development")
		if err != nil {
			continue
		}
		if p, err = plan.Compile(f, "development"); err != nil {
			p = nil
		}
	}
	again := h.Kit.Again(p)
	me := &types.Caller{Kind: types.Signed, Account: types.ID(pick(h.world, h.people)), Roles: p.RoleSet(pick(h.world, [][]string{nil, {"red"}, {"blue"}})...), RequestID: types.RandomID()}
	for range 5 {
		h.ask(t, again, p, me, create, update)
	}
}

// hidden picks a row that the caller may not read.
func (h *hiding) hidden(me *types.Caller, collection string) string {
	for {
		row := pick(h.world, h.naive.Rows[collection])
		size, _ := row["size"].(int64)
		open, _ := row["b"].(bool)
		if row["id"] != string(me.Account) && size <= 0 && !open {
			return row["id"].(string)
		}
	}
}

func (h *hiding) ask(t *testing.T, k *keep.Keep, p *plan.Plan, me *types.Caller, create, update string) {
	t.Helper()
	src, changes := create, h.rand.IntN(2) == 0
	if changes {
		src = update
	}
	field := pick(h.world, []string{"group", "up", "who", "team"})
	for range 12 { // most often one that the rule looks at
		if strings.Contains(src, "new."+field) {
			break
		}
		field = pick(h.world, []string{"group", "up", "who", "team"})
	}
	to := map[string]string{"group": "groups", "up": "items", "who": "accounts", "team": "accounts"}[field]
	body := h.draw("items")
	for _, f := range []string{"group", "up", "who", "team"} {
		delete(body, f)
	}
	w, at := keep.Write{Collection: "items"}, naive.Row(nil)
	if changes {
		for at == nil || at["b"] != true {
			at = pick(h.world, h.naive.Rows["items"])
		}
		w.ID, body = at["id"].(string), map[string]any{}
	}
	with := func(id string) keep.Write {
		out := w
		named := maps.Clone(body)
		if named[field] = id; field == "team" {
			named[field] = []string{string(me.Account), id}
		}
		out.Body, _ = json.Marshal(named)
		return out
	}
	hidden, absent := h.answers(k, me, with(h.hidden(me, to))), h.answers(k, me, with(string(types.NewID(h.Clock.Now()))))
	if !reflect.DeepEqual(hidden, absent) {
		t.Fatalf("%s\nof %s: a hidden row gives\n%+v\nan absent one\n%+v", src, field, hidden, absent)
	}
	want := h.missing(t, p, src, me, at, body, field)
	code := strings.SplitN(hidden[0].said, " ", 2)[0]
	switch code {
	case "invalid":
		h.yes++
	case "not_allowed", "not_found":
		h.no++
	default:
		t.Fatalf("%s\nof %s: %s", src, field, hidden[0].said)
	}
	if (code == "invalid") != want {
		t.Fatalf("%s\nof %s in %v by %s: %s, and without the reference the rule says %v", src, field, body, me.Account, hidden[0].said, want)
	}
	if strings.Contains(src, "new."+field) {
		h.through++
	}
}

// missing asks the naive evaluator about the row without the reference.
func (h *hiding) missing(t *testing.T, p *plan.Plan, src string, me *types.Caller, at naive.Row, body map[string]any, field string) bool {
	t.Helper()
	_, proposed := h.both("items", body)
	if at != nil {
		whole := maps.Clone(at)
		maps.Copy(whole, proposed)
		whole["id"], whole["created"], whole["updated"], whole["version"] = at["id"], at["created"], h.Clock.Now(), at["version"].(int64)+1
		proposed = whole
	} else {
		proposed["created"], proposed["updated"] = h.Clock.Now(), h.Clock.Now()
	}
	if delete(proposed, field); field == "team" {
		proposed[field] = []any{string(me.Account)}
	}
	call := naive.Call{Collection: "items", Me: string(me.Account), Now: h.Clock.Now(), Row: at, New: proposed}
	for _, name := range p.RoleNames() {
		if me.Roles&p.RoleSet(name) != 0 {
			call.Roles = append(call.Roles, name)
		}
	}
	truth, _, err := h.naive.Judge(src, call)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return truth == naive.Yes
}

// answer is what a door said and what it cost.
type answer struct {
	said string
	work keeptest.Work
}

// answers sends a write by every door: as itself, as a question, and in a batch.
func (h *hiding) answers(k *keep.Keep, me *types.Caller, w keep.Write) []answer {
	ctx := context.Background()
	act, verb := `"create": "items"`, "create"
	if w.ID != "" {
		act, verb = `"update": "items", "id": "`+w.ID+`"`, "update"
	}
	doors := []func() (*plan.Answer, error){
		func() (*plan.Answer, error) {
			if w.ID == "" {
				return k.Create(ctx, me, w)
			}
			return k.Update(ctx, me, w)
		},
		func() (*plan.Answer, error) {
			return k.Can(ctx, me, fmt.Appendf(nil, `{"do": [{"action": %q, "collection": "items", "id": %q, "new": %s}]}`, verb, w.ID, w.Body))
		},
		func() (*plan.Answer, error) {
			return k.Batch(ctx, me, fmt.Appendf(nil, `{"do": [{%s, "new": %s}]}`, act, w.Body), keep.Write{})
		},
	}
	var out []answer
	for _, door := range doors {
		h.DB.Reset()
		a, err := door()
		said := ""
		if err != nil {
			text, _ := json.Marshal(err)
			said = types.CodeOf(err) + " " + err.Error() + string(text)
		} else {
			said = string(a.Body)
		}
		out = append(out, answer{said, h.DB.Reset()})
	}
	return out
}

// TestCanReadsAlone: a question is answered on a snapshot, without the writer, for whatever is asked and whether the answer is yes or no.
func TestCanReadsAlone(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		olga := k.Person("Olga", "staff")
		id := k.Create(olga, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		child := k.Create(olga, "cases", `{"title": "B", "code": "b", "parent": "`+id+`"}`)["id"].(string)
		for q, want := range map[string]string{
			`{"action": "create", "collection": "cases", "new": {"title": "C", "code": "c", "note": "<p>x</p>"}}`:        `{"can":[{"may":true,"fields":["title","code","note"]}]}`,
			`{"action": "create", "collection": "cases", "new": {"title": "C", "code": "a"}}`:                            `{"can":[{"may":false,"code":"already_exists"}]}`,
			`{"action": "update", "collection": "cases", "id": "` + child + `", "new": {"code": "a"}}`:                   `{"can":[{"may":false,"code":"already_exists"}]}`,
			`{"action": "update", "collection": "cases", "id": "` + child + `", "new": {"title": "D"}}`:                  `{"can":[{"may":true,"fields":["title"]}]}`,
			`{"action": "update", "collection": "cases", "id": "` + child + `", "new": {"parent": "` + id + `"}}`:        `{"can":[{"may":true,"fields":["parent"]}]}`,
			`{"action": "delete", "collection": "cases", "id": "` + id + `"}`:                                            `{"can":[{"may":true}]}`,
			`{"action": "read", "collection": "reports"}`:                                                                `{"can":[{"may":true,"fields":["about","text"]}]}`,
			`{"action": "update", "collection": "cases", "id": "` + string(types.NewID(k.Clock.Now())) + `", "new": {}}`: `{"can":[{"may":false,"code":"not_found"}]}`,
		} {
			k.DB.Reset()
			a, err := k.Keep.Can(t.Context(), olga, []byte(`{"do": [`+q+`]}`))
			if err != nil || string(a.Body) != want {
				t.Errorf("%s: %s, %v, want %s", q, a.Body, err, want)
			}
			if w := k.DB.Reset(); w.Writes+w.Soon+len(w.Inside)+w.Entries > 0 {
				t.Errorf("%s writes: %+v", q, w)
			}
		}
	})
}
