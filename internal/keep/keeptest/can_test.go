package keeptest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// asked is a question and what it was answered.
type asked struct {
	Action     string          `json:"action"`
	Collection string          `json:"collection"`
	ID         string          `json:"id,omitempty"`
	New        json.RawMessage `json:"new,omitempty"`
}

type told struct {
	May    bool
	Code   string
	Fields []string
}

// TestCanProperty: in a life of random acts by random callers, `can` says before each what then happens: yes or the very code, and for
// reads the very fields.
func TestCanProperty(t *testing.T) {
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		l := &life{Kit: k, rand: rand.New(rand.NewPCG(9, 4)), codes: map[string]int{}, rows: map[string][]string{}, makers: map[string]*types.Caller{}}
		for i, roles := range [][]string{{"staff"}, {"staff"}, {"staff", "boss"}, {"boss"}, {"press"}, nil} {
			l.people = append(l.people, k.Person(fmt.Sprint("P", i), roles...))
		}
		token := *l.people[0]
		token.Scope = &types.Scope{Collections: map[string]types.Action{"cases": types.Read | types.Update}}
		stale := *l.people[3]
		stale.FreshAt = time.Time{}
		l.people = append(l.people, &token, &stale, keeptest.Nobody)
		for range hosttest.Fewer(2500) {
			l.step(t)
		}
		t.Logf("%d yes of %d; %v", l.yes, l.n, l.codes)
		if hosttest.Race {
			return // too few to be spread
		}
		if l.yes*100 < 30*l.n || l.yes*100 > 70*l.n || len(l.codes) < 9 || l.codes["no_such_step"] == 0 || l.codes["not_accepted"] == 0 {
			t.Errorf("%d of %d allowed, %d kinds of refusal: too one-sided to tell anything", l.yes, l.n, len(l.codes))
		}
	})
}

type life struct {
	*keeptest.Kit
	rand   *rand.Rand
	people []*types.Caller
	rows   map[string][]string
	makers map[string]*types.Caller
	n, yes int
	codes  map[string]int
}

func (l *life) step(t *testing.T) {
	t.Helper()
	c, q := l.draw()
	k := l.Keep
	l.Clock.Advance(10 * time.Minute) // guesses come back
	for _, p := range l.people[:len(l.people)-2] {
		p.FreshAt = l.Clock.Now()
	}
	body, err := json.Marshal(map[string]any{"do": []asked{q}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.Can(context.Background(), c, body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var out struct{ Can []told }
	if err := json.Unmarshal(a.Body, &out); err != nil || len(out.Can) != 1 {
		t.Fatalf("%s: %v", a.Body, err)
	}
	fields, code := l.do(t, c, q)
	said := out.Can[0]
	if said.May != (code == "") || said.Code != code {
		t.Errorf("%+v asks %s: can says %v %q, and then it is %q", who(c), body, said.May, said.Code, code)
	}
	if q.Action == "read" && said.May {
		slices.Sort(said.Fields)
		if !slices.Equal(said.Fields, fields) {
			t.Errorf("%s: can says %v, the answer has %v", body, said.Fields, fields)
		}
	}
	l.n++
	if code == "" {
		l.yes++
	} else {
		l.codes[code]++
	}
}

func who(c *types.Caller) string { return fmt.Sprintf("%v with %b", c.Account, c.Roles) }

// do does what was asked for and gives the code of its refusal, and the fields that a read shows.
func (l *life) do(t *testing.T, c *types.Caller, q asked) (fields []string, code string) {
	t.Helper()
	w := keep.Write{Collection: q.Collection, ID: q.ID, Body: q.New}
	switch q.Action {
	case "read":
		row, err := l.Get(c, q.Collection, q.ID)
		for name := range row {
			if f := l.Plan.Collection(q.Collection).Field(name); f != nil && !f.System {
				fields = append(fields, name)
			}
		}
		slices.Sort(fields)
		return fields, codeOf(err)
	case "create":
		a, err := l.Keep.Create(context.Background(), c, w)
		if err == nil {
			id := keeptest.Row(t, a, nil)["id"].(string)
			l.rows[q.Collection], l.makers[id] = append(l.rows[q.Collection], id), c
		}
		return nil, codeOf(err)
	case "update":
		_, err := l.Keep.Update(context.Background(), c, w)
		return nil, codeOf(err)
	}
	_, err := l.Keep.Delete(context.Background(), c, w)
	return nil, codeOf(err)
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if code := types.CodeOf(err); code != "" {
		return code
	}
	return err.Error()
}

func (l *life) pickInt(list ...int) int { return list[l.rand.IntN(len(list))] }

func (l *life) pick(list ...string) string { return list[l.rand.IntN(len(list))] }

// row is a row that was made, most often one of the last, or one that never was.
func (l *life) row(collection string) string {
	rows := l.rows[collection]
	if len(rows) == 0 || l.rand.IntN(12) == 0 {
		return string(types.NewID(l.Clock.Now()))
	}
	return rows[max(0, len(rows)-1-l.rand.IntN(8))]
}

func (l *life) draw() (*types.Caller, asked) {
	c := l.people[l.rand.IntN(len(l.people))]
	if l.rand.IntN(2) == 0 {
		c = l.people[l.rand.IntN(3)]
	}
	q := asked{Action: l.pick("read", "create", "create", "update", "update", "update", "read", "delete"), Collection: l.pick("cases", "cases", "cases", "reports")}
	if q.Action == "delete" && l.rand.IntN(2) == 0 {
		q.Action = "update"
	}
	if q.Action != "create" {
		q.ID = l.row(q.Collection)
		if maker := l.makers[q.ID]; maker != nil && l.rand.IntN(2) == 0 {
			c = maker
		}
	}
	if q.Action == "create" || q.Action == "update" {
		q.New = l.body(q)
	}
	return c, q
}

func (l *life) body(q asked) json.RawMessage {
	m := map[string]any{}
	if q.Collection == "reports" {
		if q.Action == "create" {
			m["about"] = l.row("cases")
		}
		m["text"] = l.pick("for you", "for the boss", "")
		out, _ := json.Marshal(m)
		return out
	}
	some := func(n int) bool { return l.rand.IntN(n) == 0 }
	if q.Action == "create" {
		m["title"], m["code"] = "T", fmt.Sprintf("c-%d", l.rand.IntN(400))
		if some(3) {
			m["kind"] = "open"
		}
	}
	fields := []struct {
		name string
		draw func() any
	}{
		{"title", func() any { return l.pick("A", "B", "C") }}, {"code", func() any { return fmt.Sprintf("c-%d", l.rand.IntN(400)) }}, {"stage", func() any { return l.pick("draft", "held", "held", "done", "done") }},
		{"pay", func() any { return l.rand.IntN(5) }}, {"helpers", func() any { return []string{string(l.people[l.rand.IntN(6)].Account)} }}, {"begins", func() any { return l.pick("2026-01-01", "2026-03-01") }},
		{"ends", func() any { return l.pick("2026-02-01", "2026-04-01") }}, {"parent", func() any { return l.row("cases") }}, {"note", func() any { return "<p>x</p>" }}, {"kind", func() any { return l.pick("open", "closed") }},
		{"owner", func() any { return string(l.people[0].Account) }}, {"secret", func() any { return "hush" }},
	}
	only := -1
	if q.Action == "update" && some(2) {
		only = l.pickInt(0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9)
	}
	for i, f := range fields {
		if i == only || only < 0 && some(9) {
			m[f.name] = f.draw()
		}
	}
	if len(m) == 0 {
		m["title"] = "D"
	}
	out, _ := json.Marshal(m)
	return out
}
