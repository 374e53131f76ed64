package view_test

import (
	"slices"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// office is a case with an owner, a helper, and people who have nothing to do with it.
type office struct {
	*keeptest.Kit
	owner, helper, boss, other *types.Caller
	id, open                   string // a closed case and one whose title is public
}

func each(t *testing.T, fn func(t *testing.T, o *office)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "cases"), func(t *testing.T, k *keeptest.Kit) {
		o := &office{Kit: k, owner: k.Person("Olga", "staff"), helper: k.Person("Hans", "staff"), boss: k.Person("Bea", "boss"), other: k.Person("Otto", "staff")}
		o.id = k.Create(o.owner, "cases", `{"title": "Closed", "code": "c-1", "helpers": ["`+string(o.helper.Account)+`"], "secret": "hush", "ends": "2026-01-01"}`)["id"].(string)
		o.open = k.Create(o.owner, "cases", `{"title": "Open", "code": "c-2", "kind": "open"}`)["id"].(string)
		fn(t, o)
	})
}

func names(m map[string]any) []string {
	var out []string
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

var system = []string{"created", "id", "updated", "version"}

// TestMaskedFieldsAreAbsent: what no rule that holds on the row grants is not in the answer, neither of get nor of list; what is
// granted and empty is null.
func TestMaskedFieldsAreAbsent(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		everything := []string{"owner", "helpers", "title", "code", "kind", "stage", "pay", "begins", "ends", "parent", "note", "secret"}
		for _, c := range []struct {
			name   string
			caller *types.Caller
			id     string
			fields []string
		}{
			{"owner", o.owner, o.id, everything},
			{"boss", o.boss, o.id, everything},
			{"helper", o.helper, o.id, []string{"owner", "title", "code", "stage", "helpers"}},
			{"a stranger and an open case", o.other, o.open, []string{"title", "kind"}},
			{"nobody and an open case", keeptest.Nobody, o.open, []string{"title", "kind"}},
		} {
			want := slices.Sorted(slices.Values(append(slices.Clone(system), c.fields...)))
			got, err := o.Get(c.caller, "cases", c.id)
			if err != nil || !slices.Equal(names(got), want) {
				t.Errorf("%s gets %v, %v; want %v", c.name, names(got), err, want)
			}
			page, err := o.List(c.caller, keep.ListQuery{Collection: "cases"})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(page.Items, func(m map[string]any) bool { return m["id"] == c.id })
			if i < 0 || !slices.Equal(names(page.Items[i]), want) {
				t.Errorf("%s lists %v, want %v", c.name, page.Items, want)
			}
		}
		if _, err := o.Update(o.owner, "cases", o.open, `{"helpers": ["`+string(o.helper.Account)+`"]}`); err != nil {
			t.Fatal(err)
		}
		closed, _ := o.Get(o.helper, "cases", o.id)
		both, err := o.Get(o.helper, "cases", o.open)
		if _, kind := closed["kind"]; err != nil || kind || both["kind"] != "open" || both["code"] != "c-2" {
			t.Errorf("a mask is of the rules that hold on this row: a helper sees %v of a closed and %v of an open case, %v", names(closed), names(both), err)
		}
		if got, _ := o.Get(o.owner, "cases", o.id); got["pay"] != nil || got["secret"] != "hush" {
			t.Errorf("an empty field is null and a sealed one is opened; got %v", got)
		}
	})
}

// TestReadRule: a row on which no read rule holds is answered exactly like an absent one.
func TestReadRule(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		absent := string(types.NewID(o.Clock.Now()))
		for _, c := range []*types.Caller{o.other, keeptest.Nobody} {
			_, denied := o.Get(c, "cases", o.id)
			_, none := o.Get(c, "cases", absent)
			keeptest.Want(t, denied, types.NotFound, "not_found")
			if denied == nil || none == nil || denied.Error() != none.Error() {
				t.Errorf("denied is told by %v, absent by %v", denied, none)
			}
			_, malformed := o.Get(c, "cases", "' OR 1=1 --")
			keeptest.Want(t, malformed, types.NotFound, "not_found")
			page, err := o.List(c, keep.ListQuery{Collection: "cases", Count: true})
			if err != nil || len(page.Items) != 1 || page.Items[0]["id"] != o.open || *page.Count != 1 {
				t.Errorf("a stranger lists %v, %v", page, err)
			}
		}
	})
}

// TestETagPerMask: two callers who see different parts of one version have different ETags, and so have two selections of fields.
func TestETagPerMask(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		_, owner, err1 := o.GetTagged(o.owner, "cases", o.id)
		_, boss, err2 := o.GetTagged(o.boss, "cases", o.id)
		_, helper, err3 := o.GetTagged(o.helper, "cases", o.id)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		if owner != boss || owner == helper {
			t.Errorf("owner %s, boss %s (same mask), helper %s (another)", owner, boss, helper)
		}
		a, err := o.Keep.Get(t.Context(), o.owner, keep.GetQuery{Collection: "cases", ID: o.id, Fields: []string{"title"}})
		if err != nil || a.Header["Etag"][0] == owner {
			t.Errorf("a selection of fields has the ETag of the whole row: %v", err)
		}
	})
}

// TestETagChanges: a new version and a new declaration have a new ETag; the same row read twice has the same.
func TestETagChanges(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		_, first, _ := o.GetTagged(o.owner, "cases", o.id)
		_, again, _ := o.GetTagged(o.owner, "cases", o.id)
		if _, err := o.Update(o.owner, "cases", o.id, `{"title": "Closed"}`); err != nil {
			t.Fatal(err)
		}
		_, second, _ := o.GetTagged(o.owner, "cases", o.id)
		if first == "" || first != again || first == second {
			t.Errorf("ETags %s, again %s, after a write %s", first, again, second)
		}
		newer := o.Again(keeptest.Compile(t, keeptest.Declaration(t, "cases")+"    ids: random\n"))
		a, err := newer.Get(t.Context(), o.owner, keep.GetQuery{Collection: "cases", ID: o.id})
		if err != nil || a.Header["Etag"][0] == second {
			t.Errorf("another declaration gives the same ETag: %v", err)
		}
	})
}

// TestNotModified: If-None-Match is answered 304 without a body, weakened ETags included, and never when other rows are in the answer.
func TestNotModified(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		_, tag, _ := o.GetTagged(o.owner, "cases", o.id)
		for header, status := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 0} {
			a, err := o.Keep.Get(t.Context(), o.owner, keep.GetQuery{Collection: "cases", ID: o.id, IfNoneMatch: header})
			if err != nil || a.Status != status || (status == 304) != (len(a.Body) == 0) {
				t.Errorf("If-None-Match %s: %v, %v", header, a, err)
			}
		}
		a, err := o.Keep.Get(t.Context(), o.owner, keep.GetQuery{Collection: "cases", ID: o.id, IfNoneMatch: tag, Include: []string{"parent"}})
		if err != nil || a.Status == 304 {
			t.Errorf("what is included may have changed: %v, %v", a, err)
		}
	})
}
