package operator

import (
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types"
)

const studio = `
version: 1
service: {name: studio}
organisations: {sign_up: create, roles: [owner, member], invite: [owner]}
roles:
  maker: {}
  clerk: {requires: mfa}
  vault: {requires: passkey}
collections:
  jobs:
    per: organisation
    fields:
      title: {type: text, max: 200}
    allow:
      - {to: read, when: "has_role('vault')"}
      - {to: update, when: "has_role('clerk')"}
      - {to: read, when: "has_role('member')"}
      - {to: create, when: "has_role('owner') || has_role('member')"}
`

// TestExplainNamesTheFactor: where a passkey is demanded, by the role or of the account, explain does not say that any second factor will do.
func TestExplainNamesTheFactor(t *testing.T) {
	p := compiled(t)
	clock := types.NewManualClock(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	d := &Desk{cfg: Config{Clock: clock, Plan: p, Grants: grant.New(p.Roles, clock)}}
	acc := &account.Account{State: account.Active, TOTP: 1, Passkeys: 1}
	grants := []grant.Grant{{Role: "maker"}, {Role: "clerk"}, {Role: "vault"}}
	for demanded, want := range map[plan.Requirement][]string{
		plan.NoFactor:      {"role maker: in force", "role clerk: in force in sessions that proved a second factor", "role vault: in force in sessions that proved a passkey"},
		plan.AnyMFA:        {"role maker: in force in sessions that proved a second factor", "role vault: in force in sessions that proved a passkey"},
		plan.PasskeyFactor: {"role maker: in force in sessions that proved a passkey", "role clerk: in force in sessions that proved a passkey"},
	} {
		lines := d.explain(acc, grants, nil, demanded, 0)
		for _, w := range want {
			if !slices.Contains(lines, w) {
				t.Errorf("demand %d: %q is not in %q", demanded, w, lines)
			}
		}
	}
}

// TestExplainTellsMembershipsAndState: what is held within organisations is told, and nothing is in force of whoever cannot sign in.
func TestExplainTellsMembershipsAndState(t *testing.T) {
	p := compiled(t)
	clock := types.NewManualClock(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	d := &Desk{cfg: Config{Clock: clock, Plan: p, Grants: grant.New(p.Roles, clock)}}
	within := []organisation.Organisation{{Name: "Riverside", Role: "owner"}}
	for state, want := range map[account.State][]string{
		account.Active: {"factors: no authenticator apps, 1 passkey, 8 recovery codes; 1 live session", "role maker: in force",
			"role owner within the organisation Riverside: in force, where that organisation is the active one"},
		account.Locked: {"role maker: not in force, for nobody can sign in",
			"role owner within the organisation Riverside: not in force, for nobody can sign in, where that organisation is the active one"},
	} {
		lines := d.explain(&account.Account{State: state, Passkeys: 1, Codes: 8}, []grant.Grant{{Role: "maker"}}, within, plan.NoFactor, 1)
		for _, w := range want {
			if !slices.Contains(lines, w) {
				t.Errorf("%s: %q is not in %q", state, w, lines)
			}
		}
	}
}

// TestMayNamesFactorAndOrganisation: the same of what an account may do; and what people may do within an organisation is not said to be nobody's.
func TestMayNamesFactorAndOrganisation(t *testing.T) {
	p := compiled(t)
	roles := func(names ...string) *types.Caller {
		set, _ := grant.New(p.Roles, types.SystemClock{}).Set(names)
		return &types.Caller{Kind: types.Signed, Roles: set}
	}
	m := &may{plan: p, acc: &account.Account{}, best: roles("clerk", "vault"), twice: roles("clerk"), plain: roles()}
	col := p.Collection("jobs")
	own := "when the row's org is the caller's organisation"
	for action, want := range map[types.Action]string{
		types.Read:   "read of jobs: yes, all fields, " + own + ", in sessions that proved a passkey",
		types.Update: "update of jobs: yes, all fields, " + own + ", in sessions that proved a second factor",
		types.Create: "create of jobs: no; within an organisation whoever is owner or member there may",
		types.Delete: "delete of jobs: no; no rule grants it to anybody",
	} {
		if lines := m.say(col, action); !slices.Equal(lines, []string{want}) {
			t.Errorf("%q, want %q", lines, want)
		}
	}
}

// TestMayCountsTheOrganisation: within an organisation its role counts, and a rule for everybody who has none is not repeated.
func TestMayCountsTheOrganisation(t *testing.T) {
	p := compiled(t)
	set, _ := grant.New(p.Roles, types.SystemClock{}).Set([]string{"member"})
	by := &types.Caller{Kind: types.Signed, Roles: set, Org: "06h2tfhk1fv7u1ht1hvdqj5024"}
	m := &may{plan: p, acc: &account.Account{}, best: by, twice: by, plain: by, org: &organisation.Organisation{Name: "Herons", Role: "member"}}
	want := []string{"create of jobs: yes, all fields, when the new row's org is the caller's organisation"}
	if lines := m.say(p.Collection("jobs"), types.Create); !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
	if lines := m.say(p.Collection("jobs"), types.Update); !slices.Equal(lines, []string{"update of jobs: no; it would take the role clerk"}) {
		t.Errorf("%q", lines)
	}
}

func compiled(t *testing.T) *plan.Plan {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte(studio), "development")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, "development")
	if err != nil {
		t.Fatal(err)
	}
	return p
}
