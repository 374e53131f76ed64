package page_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/types"
)

// first asks for a page of two and gives its cursor.
func (o *office) first(t *testing.T, q keep.ListQuery) (keep.ListQuery, string) {
	t.Helper()
	q.Collection, q.Limit = "cases", 2
	p, err := o.List(o.owner, q)
	if err != nil || p.Next == "" {
		t.Fatalf("no cursor: %v, %v", p, err)
	}
	return q, p.Next
}

func (o *office) refused(t *testing.T, what string, c *types.Caller, k *keep.Keep, q keep.ListQuery) {
	t.Helper()
	if _, err := k.List(t.Context(), c, q); types.KindOf(err) != types.Malformed || types.CodeOf(err) != "cursor_invalid" {
		t.Errorf("%s: %v, want cursor_invalid", what, err)
	}
}

// TestCursorIsBoundToItsCaller: another account, an operator, nobody, another organisation.
func TestCursorIsBoundToItsCaller(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 4)
		q, next := o.first(t, keep.ListQuery{})
		q.After = next
		if p, err := o.List(o.owner, q); err != nil || len(p.Items) != 2 {
			t.Fatalf("the cursor does not work: %v, %v", p, err)
		}
		elsewhere := *o.owner
		elsewhere.Org = types.NewID(o.Clock.Now())
		for name, c := range map[string]*types.Caller{"helper": o.helper, "nobody": keeptest.Nobody, "elsewhere": &elsewhere,
			"operator": {Kind: types.Operator, Name: "operator@cli", Reason: "test"}} {
			o.refused(t, name, c, o.Keep, q)
		}
		op := &types.Caller{Kind: types.Operator, Name: "operator@cli", Reason: "test"}
		p, err := o.List(op, keep.ListQuery{Collection: "cases", Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		o.refused(t, "an operator's cursor", keeptest.Nobody, o.Keep, keep.ListQuery{Collection: "cases", Limit: 2, After: p.Next})
	})
}

// TestCursorIsBoundToItsQuery: another collection, sort, filter or selection of fields.
func TestCursorIsBoundToItsQuery(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 8)
		long := strings.Repeat(" ", 300)
		for _, q := range []keep.ListQuery{{Filter: "row.kind == 'open'"}, {Filter: "row.kind == 'open'" + long}} {
			q, next := o.first(t, q)
			q.After = next
			if _, err := o.List(o.owner, q); err != nil {
				t.Fatal(err)
			}
			for name, change := range map[string]func(q *keep.ListQuery){
				"sort":      func(q *keep.ListQuery) { q.Sort = "title" },
				"direction": func(q *keep.ListQuery) { q.Sort = "created" },
				"filter":    func(q *keep.ListQuery) { q.Filter = "row.kind == 'closed'" + q.Filter[len("row.kind == 'open'"):] },
				"no filter": func(q *keep.ListQuery) { q.Filter = "" },
				"filters":   func(q *keep.ListQuery) { q.Filter, q.Filters = "", []page.Filter{{Field: "kind", Value: "open"}} },
				"fields":    func(q *keep.ListQuery) { q.Fields = []string{"title"} },
			} {
				other := q
				change(&other)
				o.refused(t, name, o.owner, o.Keep, other)
			}
		}
	})
}

// TestCursorIsBoundToTheDeclaration: under another plan a cursor is no cursor.
func TestCursorIsBoundToTheDeclaration(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 4)
		q, next := o.first(t, keep.ListQuery{})
		q.After = next
		o.refused(t, "another plan", o.owner, o.Again(keeptest.Compile(t, keeptest.Declaration(t, "cases")+"    ids: random\n")), q)
		if _, err := o.Again(o.Plan).List(t.Context(), o.owner, q); err != nil {
			t.Errorf("the same plan in another process: %v", err)
		}
	})
}

// TestCursorExpires: after a day, and when the clock says that it was issued in the future.
func TestCursorExpires(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 4)
		q, next := o.first(t, keep.ListQuery{})
		q.After = next
		o.Clock.Advance(24*time.Hour - time.Second)
		if _, err := o.List(o.owner, q); err != nil {
			t.Errorf("within a day: %v", err)
		}
		o.Clock.Advance(2 * time.Second)
		o.refused(t, "a day later", o.owner, o.Keep, q)
		o.Clock.Advance(-48 * time.Hour)
		o.refused(t, "the day before", o.owner, o.Keep, q)
	})
}

// TestCursorCannotBeForged: every single changed character, a cut, an addition, and what was never a cursor.
func TestCursorCannotBeForged(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.fill(t, 4)
		q, next := o.first(t, keep.ListQuery{})
		forged := []string{next[:len(next)-1], next + "A", next + "=", next + "\n", "AAAA", strings.Repeat("A", 5000), `{"Key":{},"ID":"x"}`, "' OR 1=1 --"}
		for i := range next {
			c := byte('A')
			if next[i] == c {
				c = 'B'
			}
			forged = append(forged, next[:i]+string(c)+next[i+1:])
		}
		for _, f := range forged {
			q.After = f
			o.refused(t, f, o.owner, o.Keep, q)
		}
	})
}
