package page_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// office holds cases of an owner; the helper may read them all and not their pay, the stranger the titles of some.
type office struct {
	*keeptest.Kit
	owner, helper, boss, other *types.Caller
}

func each(t *testing.T, fn func(t *testing.T, o *office)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		fn(t, &office{Kit: k, owner: k.Person("Olga", "staff"), helper: k.Person("Hans", "staff"), boss: k.Person("Bea", "boss"), other: k.Person("Otto", "staff")})
	})
}

// fill makes cases whose pay is 10, 20, …; every second is open. The helper helps in all but the first.
func (o *office) fill(t *testing.T, n int) (ids []string) {
	t.Helper()
	for i := range n {
		kind, helpers := "closed", ""
		if i%2 == 1 {
			kind = "open"
		}
		if i > 0 {
			helpers = `"` + string(o.helper.Account) + `"`
		}
		id := o.Create(o.owner, "cases", fmt.Sprintf(`{"title": "Case %02d", "code": "c-%d", "kind": %q, "helpers": [%s]}`, i, i, kind, helpers))["id"].(string)
		if _, err := o.Update(o.boss, "cases", id, fmt.Sprintf(`{"pay": %d}`, 10*(i+1))); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func (o *office) titles(t *testing.T, c *types.Caller, q keep.ListQuery) []string {
	t.Helper()
	q.Collection = "cases"
	p, err := o.List(c, q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range p.Items {
		out = append(out, i["title"].(string))
	}
	return out
}

// TestFilterSeesOnlyTheMask: a filter on a field finds only rows whose mask contains the field, in a query string and in a search;
// negations and absences too.
func TestFilterSeesOnlyTheMask(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 4)
		// the helper reads three rows by a rule without kind, of which two are open, where another rule shows him kind
		for _, q := range []keep.ListQuery{
			{Filters: []page.Filter{{Field: "kind", Value: "closed"}}},
			{Filter: "row.kind == 'closed'"}, {Filter: "!(row.kind == 'open')"}, {Filter: "row.kind != 'open'"}, {Filter: "row.kind in ['closed']"},
			{Filter: "row.kind == 'closed' || row.title == 'nothing'"}, {Filter: "row.kind < 'open'"}, {Filter: "row.kind.startsWith('c')"},
		} {
			if got := o.titles(t, o.helper, q); len(got) != 0 {
				t.Errorf("%v tells that %v are closed", q, got)
			}
			if got := o.titles(t, o.owner, q); len(got) != 2 {
				t.Errorf("%v gives the owner %v", q, got)
			}
		}
		if got := o.titles(t, o.helper, keep.ListQuery{Filter: "row.kind == 'open'", Sort: "title"}); !slices.Equal(got, []string{"Case 01", "Case 03"}) {
			t.Errorf("of the open cases he sees the kind; got %v", got)
		}
	})
}

// TestFieldOfNobody: a field that no rule of the caller's roles grants is unknown to him wherever he names it.
func TestFieldOfNobody(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for _, q := range []keep.ListQuery{{Sort: "pay"}, {Filters: []page.Filter{{Field: "pay", Op: "gt", Value: "0"}}}, {Fields: []string{"pay"}}} {
			q.Collection = "cases"
			_, err := o.List(keeptest.Nobody, q)
			keeptest.Want(t, err, types.Malformed, "unknown_field")
		}
	})
}

// TestMessagesNameWhatIsSeen: a filter over a field that no rule of the caller's roles grants is refused like one over a field that is not
// there, and no message lists or suggests what the caller may not see.
func TestMessagesNameWhatIsSeen(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for _, filter := range []string{"row.%s > 0", "has(row.%s)", "row.title == 'a' && row.%s == 'x'", "row.%s.name == 'x'", "row.title == row.%s", "row.title.%s == 'a'"} {
			said := func(name string) string {
				_, err := o.List(keeptest.Nobody, keep.ListQuery{Collection: "cases", Filter: fmt.Sprintf(filter, name)})
				keeptest.Want(t, err, types.Malformed, "bad_filter")
				return strings.ReplaceAll(err.Error(), strconv.Quote(name), "NAME")
			}
			for _, hidden := range []string{"pay", "code", "owner", "secret", "parent", "helpers"} {
				absent := said(strings.Repeat("z", len(hidden)))
				if got := said(hidden); got != absent {
					t.Errorf("%s of %s: %s, of a field that is not there: %s", filter, hidden, got, absent)
				}
				if strings.Contains(absent, hidden) {
					t.Errorf("%s: %q names %s", filter, absent, hidden)
				}
			}
		}
		_, err := o.List(keeptest.Nobody, keep.ListQuery{Collection: "cases", Filter: "row.cod == 'a'"})
		if err == nil || strings.Contains(err.Error(), "code") {
			t.Errorf("a name that is nearly a hidden one: %v", err)
		}
	})
}

// TestSortSeesOnlyTheMask: the order of a list tells nothing of a masked field, because rows on which it is masked are not in it.
func TestSortSeesOnlyTheMask(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 4)
		for _, sort := range []string{"kind", "-kind"} {
			if got := o.titles(t, o.helper, keep.ListQuery{Sort: sort}); len(got) != 2 {
				t.Errorf("sorted by %s: %v", sort, got)
			}
			if got := o.titles(t, o.owner, keep.ListQuery{Sort: sort}); len(got) != 4 {
				t.Errorf("the owner, sorted by %s: %v", sort, got)
			}
		}
	})
}

// TestCountSeesOnlyTheMask: a count tells nothing of rows on which a field of the filter or of the sort is masked.
func TestCountSeesOnlyTheMask(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 4)
		count := func(c *types.Caller, q keep.ListQuery) int {
			q.Collection, q.Count, q.Limit = "cases", true, 1
			p, err := o.List(c, q)
			if err != nil || p.Count == nil {
				t.Fatal(p, err)
			}
			return *p.Count
		}
		for _, x := range []struct {
			q             keep.ListQuery
			helper, owner int
		}{
			{keep.ListQuery{}, 3, 4}, // he does not help in the first, which is closed
			{keep.ListQuery{Filter: "row.kind == 'closed'"}, 0, 2}, {keep.ListQuery{Filter: "row.kind == 'open'"}, 2, 2},
			{keep.ListQuery{Filters: []page.Filter{{Field: "kind", Op: "ne", Value: "open"}}}, 0, 2}, {keep.ListQuery{Sort: "kind"}, 2, 4},
		} {
			if got := count(o.helper, x.q); got != x.helper {
				t.Errorf("%v: the helper counts %d, want %d", x.q, got, x.helper)
			}
			if got := count(o.owner, x.q); got != x.owner {
				t.Errorf("%v: the owner counts %d, want %d", x.q, got, x.owner)
			}
		}
	})
}

// TestCountStops: a count is exact to 10,000 and says that there are more beyond.
func TestCountStops(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		tables := &row.Tables{Plan: o.Plan, Ring: o.Ring, Dialect: o.DB.Dialect()}
		col := o.Plan.Collection("reports")
		id := o.Create(o.owner, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		add := func(n int) {
			for ; n > 0; n -= 500 {
				err := o.DB.DB.Write(context.Background(), func(tx store.Tx) error {
					for range min(n, 500) {
						r := &row.Row{Collection: col, ID: types.NewID(o.Clock.Now()), Version: 1, Values: []types.Value{types.TextValue(id), types.TextValue("x"), types.IntValue(1)}}
						if err := tables.Insert(context.Background(), tx, r); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, step := range []struct {
			add, count int
			more       bool
		}{{9_999, 9_999, false}, {1, 10_000, false}, {1, 10_000, true}} {
			add(step.add)
			for _, filter := range []string{"", "row.mark == 1"} {
				p, err := o.List(o.boss, keep.ListQuery{Collection: "reports", Limit: 1, Count: true, Filter: filter})
				if err != nil || *p.Count != step.count || p.More != step.more {
					t.Errorf("filter %q: count %v, more %v, %v; want %d, %v", filter, *p.Count, p.More, err, step.count, step.more)
				}
			}
		}
	})
}

// TestLimits: what a query may ask for is bounded.
func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		many := make([]page.Filter, 17)
		for i := range many {
			many[i] = page.Filter{Field: "title", Value: "x"}
		}
		for code, qs := range map[string][]keep.ListQuery{
			"bad_limit":         {{Limit: 201}, {Limit: -1}},
			"too_many_filters":  {{Filters: many}},
			"too_many_includes": {{Include: []string{"parent", "owner", "parent", "owner"}}},
			"not_indexed":       {{Sort: "version"}, {Sort: "begins"}, {Filter: "row.begins > '2026-01-01'"}, {Filter: "1 == 1"}, {Filter: "'a' == 'a' && row.begins > '2026-01-01'"}, {Filters: []page.Filter{{Field: "ends", Value: "2026-01-01"}}}},
			"unknown_field":     {{Sort: "nothing"}, {Filters: []page.Filter{{Field: "nothing", Value: "x"}}}, {Fields: []string{"nothing"}}, {Include: []string{"title"}}},
			"bad_filter":        {{Filter: "row.secret == 'hush'"}, {Filter: "row.nothing == 1"}, {Filter: "me.id == row.owner"}, {Filter: "row.owner.name == 'x'"}, {Filter: "("}, {Filters: []page.Filter{{Field: "title", Op: "like", Value: "x"}}}},
		} {
			for _, q := range qs {
				q.Collection = "cases"
				_, err := o.List(o.boss, q)
				if types.KindOf(err) != types.Malformed || types.CodeOf(err) != code {
					t.Errorf("%v: %v, want %s", q, err, code)
				}
			}
		}
	})
}
