package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/keeptest"
	"github.com/fastness-dev/fastness/internal/types"
)

func each(t *testing.T, fn func(t *testing.T, k *keeptest.Kit)) {
	t.Helper()
	keeptest.Each(t, keeptest.Declaration(t, "cases"), fn)
}

// TestZeroVerdictIsNo: a verdict that nobody gave allows nothing, and its refusal tells nothing.
func TestZeroVerdictIsNo(t *testing.T) {
	col := keeptest.Compile(t, keeptest.Declaration(t, "cases")).Collection("cases")
	var v judge.Verdict
	if v.Allowed || types.KindOf(v.Refusal(col, col.All, false)) != types.NotFound {
		t.Errorf("the zero verdict is %+v", v)
	}
}

// TestOneRuleGrantsAllFields: two rules that hold and grant a field each do not add up; each field alone may be written, and a field
// counts by being named, whatever its value.
func TestOneRuleGrantsAllFields(t *testing.T) {
	each(t, func(t *testing.T, k *keeptest.Kit) {
		both := k.Person("Bo", "staff", "boss")
		id := k.Create(both, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		for _, body := range []string{`{"title": "B"}`, `{"pay": 5}`, `{"note": "x"}`, `{"pay": 6, "note": "y"}`, `{"title": "C", "note": "z"}`} {
			if _, err := k.Update(both, "cases", id, body); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		}
		for _, body := range []string{`{"title": "B", "pay": 5}`, `{"title": "C", "pay": 6}`, `{"stage": "held", "title": "C"}`} {
			_, err := k.Update(both, "cases", id, body)
			keeptest.Want(t, err, types.Forbidden, "field_not_allowed")
		}
		if row, _ := k.Get(both, "cases", id); row["title"] != "C" || row["pay"] != 6.0 || row["stage"] != "draft" {
			t.Errorf("a refused write changed %v", row)
		}
	})
}

// TestFieldOutsideTheRule: a readable row and a field that no rule which holds lets the caller write: 403, and which.
func TestFieldOutsideTheRule(t *testing.T) {
	each(t, func(t *testing.T, k *keeptest.Kit) {
		owner, helper := k.Person("Olga", "staff"), k.Person("Hans", "staff")
		id := k.Create(owner, "cases", `{"title": "A", "code": "a", "helpers": ["`+string(helper.Account)+`"]}`)["id"].(string)
		_, err := k.Update(helper, "cases", id, `{"title": "B", "code": "b"}`)
		keeptest.Want(t, err, types.Forbidden, "field_not_allowed")
		if e, ok := err.(*types.Error); !ok || len(e.Fields) != 1 || e.Fields[0].Path != "code" {
			t.Errorf("the refusal names %v, want code", err)
		}
	})
}

// TestFreshness: a rule with `fresh` asks for a factor proved that recently; a clock that went back proves nothing.
func TestFreshness(t *testing.T) {
	each(t, func(t *testing.T, k *keeptest.Kit) {
		owner, boss := k.Person("Olga", "staff"), k.Person("Bea", "boss")
		id := k.Create(owner, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		now := k.Clock.Now()
		for _, at := range []time.Time{{}, now.Add(-5*time.Minute - time.Second), now.Add(2 * time.Minute)} {
			boss.FreshAt = at
			keeptest.Want(t, k.Delete(boss, "cases", id), types.Forbidden, "step_up_required")
		}
		boss.FreshAt = now.Add(-4 * time.Minute)
		if err := k.Delete(boss, "cases", id); err != nil {
			t.Error(err)
		}
	})
}

// TestScopeNarrows: a token does what it was issued for, whatever its owner's roles may do.
func TestScopeNarrows(t *testing.T) {
	each(t, func(t *testing.T, k *keeptest.Kit) {
		owner := k.Person("Olga", "staff")
		id := k.Create(owner, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		token := *owner
		token.Scope = &types.Scope{Collections: map[string]types.Action{"cases": types.Read}}
		if _, err := k.Get(&token, "cases", id); err != nil {
			t.Error(err)
		}
		_, err := k.Update(&token, "cases", id, `{"title": "B"}`)
		keeptest.Want(t, err, types.Forbidden, "out_of_scope")
		_, err = k.List(&token, keep.ListQuery{Collection: "accounts"})
		keeptest.Want(t, err, types.Forbidden, "out_of_scope")
		_, err = k.TryCreate(&token, "reports", `{"about": "`+id+`", "text": "x"}`)
		keeptest.Want(t, err, types.Forbidden, "out_of_scope")
	})
}

// TestRolesDecideFirst: who may never use a verb is told so by plan and roles alone, with what would help him.
func TestRolesDecideFirst(t *testing.T) {
	each(t, func(t *testing.T, k *keeptest.Kit) {
		owner, press := k.Person("Olga", "staff"), k.Person("Pia", "press")
		k.Create(owner, "cases", `{"title": "A", "code": "a"}`)
		_, err := k.TryCreate(press, "cases", `{"title": "B", "code": "b"}`)
		keeptest.Want(t, err, types.Forbidden, "not_allowed")
		_, err = k.TryCreate(keeptest.Nobody, "cases", `{"title": "B", "code": "b"}`)
		keeptest.Want(t, err, types.Unauthenticated, "sign_in_required")
		asleep := *press
		asleep.Dormant = k.Plan.RoleSet("staff")
		_, err = k.TryCreate(&asleep, "cases", `{"title": "B", "code": "b"}`)
		keeptest.Want(t, err, types.Forbidden, "factor_required")
		_, err = k.TryCreate(owner, "nothing", `{}`)
		keeptest.Want(t, err, types.NotFound, "not_found")
	})
}

// TestUnruledNeedsAReason: only an operator or the program itself, with a reason, stands outside the rules.
func TestUnruledNeedsAReason(t *testing.T) {
	each(t, func(t *testing.T, k *keeptest.Kit) {
		owner := k.Person("Olga", "staff")
		id := k.Create(owner, "cases", `{"title": "A", "code": "a"}`)["id"].(string)
		for _, c := range []*types.Caller{{Kind: types.Operator, Name: "op"}, {Kind: types.System}, {Kind: types.Signed, Reason: "because"}, {Reason: "because"},
			{Kind: types.Operator, Account: owner.Account + "x", Reason: "because"}} {
			if _, err := k.Get(c, "cases", id); err == nil {
				t.Errorf("%+v reads a closed case", c)
			}
		}
		if _, err := k.Get(&types.Caller{Kind: types.Operator, Name: "op", Reason: "because"}, "cases", id); err != nil {
			t.Error(err)
		}
	})
}

// TestWhy: a refusal can be explained afterwards, clause by clause, without the values of the row.
func TestWhy(t *testing.T) {
	each(t, func(t *testing.T, k *keeptest.Kit) {
		owner, other := k.Person("Olga", "staff"), k.Person("Otto", "staff")
		id := k.Create(owner, "cases", `{"title": "Nobody shall know", "code": "a"}`)["id"].(string)
		if _, err := k.Get(other, "cases", id); err == nil {
			t.Fatal("he reads it")
		}
		lines, err := k.Keep.Why(t.Context(), other.RequestID)
		if err != nil || len(lines) < 5 {
			t.Fatalf("%q, %v", lines, err)
		}
		for _, line := range lines {
			if strings.Contains(line, "Nobody shall know") {
				t.Errorf("a value is in %q", line)
			}
		}
		if lines, _ := k.Keep.Why(t.Context(), types.RandomID()); lines != nil {
			t.Errorf("of a request that was never refused: %q", lines)
		}
	})
}
