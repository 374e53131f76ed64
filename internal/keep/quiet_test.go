package keep_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/keep/refusal"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestAbsentAndDeniedCostTheSame: the same transactions, the same statements and the same evidence for a row that does not exist and
// for one that the caller may not read, by every door that takes an id.
func TestAbsentAndDeniedCostTheSame(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ctx := context.Background()
		report := o.Create(o.owner, "reports", `{"about": "`+o.id+`", "text": "for you"}`)["id"].(string)
		about := func(id string) string { // the report about a case
			if id == o.id {
				return report
			}
			return id
		}
		doors := map[string]func(c *types.Caller, id string) error{
			"get": func(c *types.Caller, id string) error { _, err := o.Get(c, "cases", id); return err },
			"get with include": func(c *types.Caller, id string) error {
				_, err := o.Keep.Get(ctx, c, keep.GetQuery{Collection: "cases", ID: id, Include: []string{"parent"}})
				return err
			},
			"get, if changed": func(c *types.Caller, id string) error {
				_, err := o.Keep.Get(ctx, c, keep.GetQuery{Collection: "cases", ID: id, IfNoneMatch: "*"})
				return err
			},
			"get by a rule that follows a reference": func(c *types.Caller, id string) error { _, err := o.Get(c, "reports", about(id)); return err },
			"update":                                 func(c *types.Caller, id string) error { return o.write(t, c, id, `{"title": "B"}`, "") },
			"update, if match":                       func(c *types.Caller, id string) error { return o.write(t, c, id, `{"title": "B"}`, "*") },
			"update unique":                          func(c *types.Caller, id string) error { return o.write(t, c, id, `{"code": "his"}`, "") },
			"update reference":                       func(c *types.Caller, id string) error { return o.write(t, c, id, `{"parent": "`+o.his+`"}`, "") },
			"delete":                                 func(c *types.Caller, id string) error { return o.write(t, c, id, ``, "") },
			"batch": func(c *types.Caller, id string) error {
				_, err := o.batch(c, `{"do": [{"update": "cases", "id": "`+id+`", "new": {"title": "B"}}, {"delete": "cases", "id": "`+id+`"}]}`)
				return err
			},
			"idempotent": func(c *types.Caller, id string) error {
				w := keep.Write{Collection: "cases", ID: id, Body: []byte(`{"title": "B"}`), Method: "PATCH", Path: id}
				if c.Account != "" {
					w.IdempotencyKey = "k"
				}
				_, err := o.Keep.Update(ctx, c, w)
				return err
			},
			"may I": func(c *types.Caller, id string) error {
				for _, action := range []string{`"read"`, `"update"`, `"delete"`, `"update", "new": {"title": "B"}`} {
					a, err := o.Keep.Can(ctx, c, []byte(`{"do": [{"collection": "cases", "id": "`+id+`", "action": `+action+`}]}`))
					if err != nil {
						return err
					}
					if string(a.Body) != `{"can":[{"may":false,"code":"not_found"}]}` {
						return fmt.Errorf("can %s: %s", action, a.Body)
					}
				}
				return nil
			},
		}
		press := o.Person("Pia", "press")
		for name, door := range doors {
			for _, c := range []*types.Caller{o.other, press} {
				door(c, o.absent) // statements are made once
				measure := func(id string) (keeptest.Work, error) {
					o.Clock.Advance(time.Minute) // refusals of a minute are coalesced
					if err := o.Keep.Settle(ctx); err != nil {
						t.Fatal(err)
					}
					o.DB.Reset()
					err := door(c, id)
					return o.DB.Reset(), err
				}
				absent, err1 := measure(o.absent)
				denied, err2 := measure(o.id)
				if !reflect.DeepEqual(absent, denied) {
					t.Errorf("%s: absent %+v, denied %+v", name, absent, denied)
				}
				if fmt.Sprint(err1) != fmt.Sprint(err2) {
					t.Errorf("%s: absent %v, denied %v", name, err1, err2)
				}
			}
		}
	})
}

// TestRefusalsAreEvidence: every refusal of a signed-in caller is an entry, the same for absent and for unreadable rows; beyond twenty
// in a minute they are one entry that counts.
func TestRefusalsAreEvidence(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		before := len(o.Evidence())
		o.Clock.Advance(time.Second)
		for i := range 50 {
			id := o.id
			if i%2 == 1 {
				id = o.absent
			}
			if _, err := o.Get(o.other, "cases", id); err == nil {
				t.Fatal("he reads it")
			}
		}
		o.write(t, o.other, o.id, `{"title": "B"}`, "")
		o.batch(o.other, `{"do": [{"delete": "cases", "id": "`+o.id+`"}]}`)
		o.TryCreate(&types.Caller{Kind: types.Signed, Account: o.other.Account, Roles: o.Plan.RoleSet("press")}, "cases", `{"title": "A", "code": "b"}`)
		o.Get(keeptest.Nobody, "cases", o.id)
		reads, codes := 0, map[string]int{}
		for _, e := range o.Evidence()[before:] {
			if e.Outcome != types.Refused || e.Count != 1 {
				t.Errorf("entry %+v", e)
			}
			if e.Event == "row.read" {
				reads++
			} else {
				codes[e.Event+" "+e.Code]++
			}
		}
		if reads != refusal.Singly || codes["row.update not_found"] != 1 || codes["row.delete not_found"] != 1 || codes["row.create not_allowed"] != 1 {
			t.Errorf("%d reads, %v", reads, codes)
		}
		o.Clock.Advance(time.Minute)
		if err := o.Keep.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := o.Evidence()[before:]
		i := slices.IndexFunc(all, func(e keeptest.Evidence) bool { return e.Count > 1 })
		if i < 0 || all[i].Event != "row.read" || all[i].Count != 30 || all[i].Row != "" || len(all) != refusal.Singly+4 {
			t.Errorf("after the minute %d entries, the counted one %d", len(all), i)
		}
	})
}
