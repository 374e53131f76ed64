package keep_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

// done is the answer of a batch.
type done struct {
	Done []struct {
		Status int
		Row    map[string]any
	}
}

func (o *office) batch(c *types.Caller, body string) (done, error) {
	var out done
	a, err := o.Keep.Batch(context.Background(), c, []byte(body), keep.Write{})
	if err == nil {
		err = json.Unmarshal(a.Body, &out)
	}
	return out, err
}

func (o *office) count(t *testing.T, c *types.Caller, collection string) int {
	t.Helper()
	p, err := o.List(c, keep.ListQuery{Collection: collection, Count: true})
	if err != nil {
		t.Fatal(err)
	}
	return *p.Count
}

// TestBatchNamesItsRows: "@0" is the row that operation 0 made, as an id, in a reference and nowhere else; each rule and check sees the
// effects of the operations before.
func TestBatchNamesItsRows(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		out, err := o.batch(o.owner, `{"do": [
			{"create": "cases", "new": {"title": "@0", "code": "new"}},
			{"create": "cases", "new": {"title": "Child", "code": "child", "parent": "@0"}},
			{"update": "cases", "id": "@0", "new": {"stage": "done"}},
			{"create": "reports", "new": {"about": "@1", "text": "for you"}},
			{"delete": "cases", "id": "@1"}]}`)
		if err != nil || len(out.Done) != 5 {
			t.Fatal(out, err)
		}
		d := out.Done
		if d[0].Status != 201 || d[0].Row["title"] != "@0" || d[1].Row["parent"] != d[0].Row["id"] || d[2].Status != 200 || d[2].Row["stage"] != "done" || d[3].Row["about"] != d[1].Row["id"] || d[4].Status != 204 {
			t.Errorf("done %+v", d)
		}
		_, err = o.batch(o.owner, `{"do": [{"create": "cases", "new": {"title": "A", "code": "b"}}, {"update": "cases", "id": "@0", "new": {"stage": "done"}}, {"update": "cases", "id": "@0", "new": {"title": "B"}}]}`)
		keeptest.Want(t, err, types.Forbidden, "field_not_allowed") // the title of a done case is not written
		for _, bad := range []string{`{"do": [{"update": "cases", "id": "@0", "new": {}}]}`, `{"do": [{"update": "cases", "id": "@1", "new": {}}, {"create": "cases", "new": {"title": "A", "code": "z"}}]}`,
			`{"do": [{"create": "cases", "new": {"title": "A", "code": "z", "parent": "@0"}}]}`, `{"do": [{"create": "cases", "new": {"title": "A", "code": "z"}}, {"update": "cases", "id": "@-1", "new": {}}]}`,
			`{"do": [{"delete": "cases", "id": "` + o.id + `"}, {"update": "cases", "id": "@0", "new": {}}]}`, `{"do": [{"create": "cases", "new": {"title": "A", "code": "z"}}, {"update": "cases", "id": "@00", "new": {}}]}`, `{"do": [{"create": "cases", "new": {"title": "A", "code": "z"}}, {"create": "cases", "new": {"title": "B", "code": "y", "parent": "@+0"}}]}`,
			`{"do": [{"create": "cases", "update": "cases"}]}`, `{"do": [{}]}`, `{"do": []}`, `{}`, `[]`, `{"do": [{"create": "cases", "new": {}, "x": 1}]}`} {
			_, err := o.batch(o.owner, bad)
			if types.KindOf(err) != types.Malformed || types.CodeOf(err) != "bad_batch" {
				t.Errorf("%s: %v", bad, err)
			}
		}
	})
}

// TestBatchIsAllOrNothing: the first refusal undoes everything and is reported with its place.
func TestBatchIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		before := o.count(t, o.owner, "cases")
		for last, code := range map[string]string{
			`{"create": "cases", "new": {"title": "", "code": "y"}}`:            "invalid",
			`{"create": "cases", "new": {"title": "A", "code": "x"}}`:           "already_exists",
			`{"update": "cases", "id": "` + o.his + `", "new": {"title": "B"}}`: "not_found",
			`{"update": "cases", "id": "` + o.id + `", "new": {"pay": 1}}`:      "field_not_allowed",
			`{"delete": "reports", "id": "` + o.absent + `"}`:                   "not_allowed",
			`{"create": "nothing", "new": {}}`:                                  "not_found",
		} {
			_, err := o.batch(o.owner, `{"do": [{"create": "cases", "new": {"title": "A", "code": "x"}}, {"update": "cases", "id": "`+o.id+`", "new": {"title": "Changed"}}, `+last+`, {"delete": "cases", "id": "`+o.id+`"}]}`)
			if types.CodeOf(err) != code || !strings.Contains(err.Error(), "do[2]") {
				t.Errorf("%s: %v, want %s at do[2]", last, err, code)
			}
			if row, err := o.Get(o.owner, "cases", o.id); err != nil || row["title"] != "Hers" || row["version"] != 1.0 || o.count(t, o.owner, "cases") != before {
				t.Errorf("after %s: %v, %v, %d rows", last, row, err, o.count(t, o.owner, "cases"))
			}
		}
		for _, e := range o.Evidence() {
			if e.Outcome == types.Done && e.Event == "row.update" {
				t.Errorf("evidence of what was undone: %+v", e)
			}
		}
	})
}

// TestBatchIsBounded: a hundred operations and no more.
func TestBatchIsBounded(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		many := func(n int) string {
			return `{"do": [` + strings.TrimSuffix(strings.Repeat(`{"update": "cases", "id": "`+o.id+`", "new": {"title": "B"}},`, n), ",") + `]}`
		}
		if out, err := o.batch(o.owner, many(100)); err != nil || len(out.Done) != 100 {
			t.Error(len(out.Done), err)
		}
		_, err := o.batch(o.owner, many(101))
		keeptest.Want(t, err, types.Malformed, "bad_batch")
	})
}
