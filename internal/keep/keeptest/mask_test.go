package keeptest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/attack/naive"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// maskFields are the fields that the rules below grant and filters use; the first ones are indexed.
var maskFields = []string{"t", "i", "e", "day", "who", "u", "b", "d"}

// maskConditions are plain: what is in question here is which fields a rule grants, not what its words mean.
var maskConditions = []string{"row.who == me.id", "row.j >= 0", "(row.e == 'one' || row.e == 'two')", "has_role('red')", "has(row.d)", "(row.u < 'b' || row.i == 1)", "row.b"}

type readRule struct {
	only []string // nil: all
	when string
}

// maskDeclaration is the world with random read rules, each on some fields.
func maskDeclaration(w *world, base string) (string, []readRule) {
	text := base[:strings.LastIndex(base, "    allow:")]
	for _, f := range []string{"t: {type: text, max: 40", "i: {type: int", "e: {type: enum, values: [one, two, three]", "day: {type: date"} {
		text = strings.Replace(text, "      "+f, "      "+f+", indexed: true", 1)
	}
	var rules []readRule
	text += "    allow:\n"
	for n := range 5 {
		narrow := pick(w, []string{"row.i > 0", "row.e == 'one'", "row.b && has(row.d)", "has_role('blue') && row.j > 0"})
		r := readRule{when: narrow + " && " + pick(w, maskConditions)}
		if n > 0 {
			for _, f := range maskFields {
				if w.rand.IntN(2) == 0 {
					r.only = append(r.only, f)
				}
			}
		}
		if n == 0 {
			r.when = "has_role('red') && (" + r.when + ")"
		}
		rules = append(rules, r)
		quoted, _ := json.Marshal(r.when)
		plain := strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(quoted))
		if r.only == nil && n > 0 {
			r.only = []string{"u"}
			rules[n] = r
		}
		if r.only != nil {
			text += fmt.Sprintf("      - {to: read, only: [%s], when: %s}\n", strings.Join(r.only, ", "), plain)
		} else {
			text += fmt.Sprintf("      - {to: read, when: %s}\n", plain)
		}
	}
	return text, rules
}

// TestMasksAgree: under random read rules, each on some fields, what a get shows, which rows a list holds, and which rows a filter
// finds are what the naive evaluator says: a field is shown, and looked at by a filter or a sort, exactly on the rows where a rule
// that holds grants it.
func TestMasksAgree(t *testing.T) {
	var probe *world
	keeptest.Each(t, worldDeclaration, func(_ *testing.T, k *keeptest.Kit) { probe = newWorld(k) })
	for n := range 4 {
		base := worldDeclaration
		if n == 3 { // rows of two organisations, and callers in one of them
			base = organisedDeclaration
		}
		declaration, rules := maskDeclaration(probe, base)
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			keeptest.Each(t, declaration, func(t *testing.T, k *keeptest.Kit) {
				w := newWorld(k)
				m := &masks{world: w, rules: rules}
				for range 12 {
					m.look()
				}
				t.Logf("%d gets, %d of rows that are hidden; %d lists with %d of %d rows; %d filters refused", m.gets, m.hidden, m.lists, m.listed, m.lists*40, m.refused)
				if m.gets < 400 || m.hidden == 0 || m.hidden == m.gets || m.lists < 80 || m.listed < m.lists/2 || m.filtered < 40 {
					t.Errorf("this looked at too little: %+v", m)
				}
			})
		})
	}
}

type masks struct {
	*world                                         `json:"-"`
	rules                                          []readRule
	gets, hidden, lists, listed, refused, filtered int
}

// mask is what a caller may see of a row: nil when nothing holds.
func (m *masks) mask(call naive.Call) []string {
	if m.naive.PerOrg[call.Collection] && call.Row["org"] != call.Org {
		return nil
	}
	var out []string
	for _, r := range m.rules {
		t, _, err := m.naive.Judge(r.when, call)
		if err != nil {
			m.Fatal(err)
		}
		if t != naive.Yes {
			continue
		}
		if r.only == nil {
			return slices.Sorted(slices.Values(m.all()))
		}
		out = append(out, r.only...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (m *masks) all() []string {
	var out []string
	for _, f := range m.Plan.Collection("items").Fields {
		out = append(out, f.Name)
	}
	return out
}

// shown are the declared fields of an answer's row.
func (m *masks) shown(row map[string]any) []string {
	var out []string
	for name := range row {
		if !slices.Contains([]string{"id", "created", "updated", "version", "org"}, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (m *masks) look() {
	roles := pick(m.world, [][]string{nil, {"red"}, {"blue"}, {"red", "blue"}})
	c := &types.Caller{Kind: types.Signed, Account: types.ID(pick(m.world, m.people)), Roles: m.Plan.RoleSet(roles...), RequestID: types.RandomID()}
	call := naive.Call{Collection: "items", Me: string(c.Account), Roles: roles, Now: m.Clock.Now()}
	if len(m.orgs) > 0 {
		call.Org = pick(m.world, m.orgs)
		c.Org = types.ID(call.Org)
	}
	for _, r := range m.naive.Rows["items"] {
		call.Row = r
		want := m.mask(call)
		got, err := m.Get(c, "items", r["id"].(string))
		m.gets++
		var refusal *types.Error
		switch {
		case errors.As(err, &refusal) && refusal.Kind == types.NotFound:
			m.hidden++
			if len(want) > 0 {
				m.Fatalf("%v as %v: hidden, want %v under %v", r, roles, want, m.rules)
			}
		case err != nil:
			m.Fatal(err)
		case len(want) == 0 || !slices.Equal(m.shown(got), want):
			m.Fatalf("%v as %v: shown %v, want %v under %v", r, roles, m.shown(got), want, m.rules)
		}
	}
	for range 10 {
		m.list(c, call)
	}
}

// list asks for all rows that a filter finds, in an order.
func (m *masks) list(c *types.Caller, call naive.Call) {
	q := keep.ListQuery{Collection: "items", Limit: 100}
	var used []string
	if m.rand.IntN(4) > 0 {
		q.Filter = m.filter()
		used = append(used, m.fieldsOf(q.Filter)...)
	}
	if m.rand.IntN(2) == 0 {
		q.Sort = pick(m.world, []string{"t", "-t", "i", "-i", "day", "-day", "e"})
		used = append(used, strings.TrimPrefix(q.Sort, "-"))
	}
	page, err := m.List(c, q)
	m.lists++
	var refusal *types.Error
	if errors.As(err, &refusal) {
		if refusal.Kind != types.Malformed && refusal.Kind != types.Forbidden {
			m.Fatalf("%+v: %v", q, err)
		}
		m.refused++
		return
	}
	if err != nil {
		m.Fatalf("%+v: %v", q, err)
	}
	got := map[string][]string{}
	for _, item := range page.Items {
		got[item["id"].(string)] = m.shown(item)
	}
	m.listed += len(page.Items)
	if q.Filter != "" {
		m.filtered++
	}
	for _, r := range m.naive.Rows["items"] {
		call.Row = r
		want := m.mask(call)
		found := len(want) > 0
		for _, f := range used {
			found = found && slices.Contains(want, f)
		}
		if q.Filter != "" {
			t, _, err := m.naive.Judge(q.Filter, call)
			if err != nil {
				m.Fatal(err)
			}
			found = found && t == naive.Yes
		}
		shown, there := got[r["id"].(string)]
		if there != found || there && !slices.Equal(shown, want) {
			m.Fatalf("%+v as %v on %v: listed %v %v, want %v %v under %v", q, call.Roles, r, there, shown, found, want, m.rules)
		}
	}
}

// filter draws a client's filter: an indexed comparison and more.
func (m *masks) filter() string {
	first := pick(m.world, []string{"row.i >= -1", "row.t == 'a'", "row.t < 'é'", "row.e in ['one', 'two']", "row.day > '2000-01-01'", "row.i == 1"})
	if m.rand.IntN(3) == 0 {
		return first
	}
	return first + " && " + pick(m.world, []string{"row.b", "!row.b", "has(row.u)", "!has(row.u)", "row.d < '1.5'", "(row.u != 'a' || row.i > 0)", "!(row.e == 'one')", "row.t > 'A'"})
}

// fieldsOf are the fields that a filter names.
func (m *masks) fieldsOf(filter string) []string {
	var out []string
	for _, f := range m.all() {
		for rest := filter; ; {
			_, after, ok := strings.Cut(rest, "row."+f)
			if !ok {
				break
			}
			if after == "" || strings.ContainsRune(" .)", rune(after[0])) {
				out = append(out, f)
				break
			}
			rest = after
		}
	}
	return out
}
