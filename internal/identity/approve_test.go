package identity_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// vault adds a role that takes two persons.
func vault(c *identity.Config) {
	c.Plan.Roles = append(c.Plan.Roles, plan.Role{Name: "vault", Set: 32, Approve: true})
}

// bosses are two managers who hold the role of two persons, and somebody who holds nothing much.
func (w *town) bosses() (one, two *types.Caller, ann types.ID) {
	w.t.Helper()
	w.person("one@example.org", "admin", "vault") // the first: nobody could approve
	first := w.who(w.in("one@example.org"))
	id := w.person("two@example.org", "admin")
	request, err := w.Ask(w.ctx(), operator, id, "vault", time.Time{})
	if err != nil || request == "" {
		w.t.Fatalf("the operator gave a role of two persons alone: %v", err)
	}
	if _, err := w.Decide(w.ctx(), first, request, true); err != nil {
		w.t.Fatal(err)
	}
	return first, w.who(w.in("two@example.org")), w.person("ann@example.org", "patient")
}

func (w *town) holds(id types.ID, role string) bool {
	w.t.Helper()
	return len(w.rows("SELECT role FROM fastness_grant WHERE account = ? AND role = ?", types.IDValue(id), types.TextValue(role))) == 1
}

func (w *town) wish(by *types.Caller, id types.ID) types.ID {
	w.t.Helper()
	request, err := w.Ask(w.ctx(), by, id, "vault", time.Time{})
	if err != nil || request == "" || w.holds(id, "vault") {
		w.t.Fatalf("asking gave %q, %v; held: %v", request, err, w.holds(id, "vault"))
	}
	return request
}

// TestTwoPersons: a role that says approve: two is given by one who asks and another who approves.
func TestTwoPersons(t *testing.T) {
	each(t, vault, func(t *testing.T, w *town) {
		one, two, ann := w.bosses()
		if err := w.Grant(w.ctx(), one, ann, "vault", time.Time{}); types.CodeOf(err) != "approval_required" {
			t.Fatalf("the plain grant of a role of two persons: %v", err)
		}
		request := w.wish(one, ann)
		if all, err := w.Requests(w.ctx(), two); err != nil || len(all) != 1 || all[0].ID != request || all[0].By != one.Account || all[0].Account != ann {
			t.Fatalf("the request is listed as %+v, %v", all, err)
		}
		if _, err := w.Decide(w.ctx(), two, request, true); err != nil || !w.holds(ann, "vault") {
			t.Fatalf("the second person could not approve: %v", err)
		}
		if _, err := w.Decide(w.ctx(), two, request, true); types.CodeOf(err) != "not_found" {
			t.Fatalf("a request was approved twice: %v", err)
		}
		if w.evidence(types.GrantAsk, types.Done) != 2 || w.evidence(types.GrantAdd, types.Refused) != 1 {
			t.Fatal("what was asked and refused is not in evidence")
		}
	})
}

// TestSecondPerson: neither who asked nor who would get the role approves it, and nobody who could not grant it.
func TestSecondPerson(t *testing.T) {
	each(t, vault, func(t *testing.T, w *town) {
		one, two, ann := w.bosses()
		w.person("clerk@example.org", "admin")
		clerk := w.who(w.in("clerk@example.org"))
		decide := func(by *types.Caller, request types.ID, code string) {
			t.Helper()
			if _, err := w.Decide(w.ctx(), by, request, true); types.CodeOf(err) != code {
				t.Fatalf("want %s: %v", code, err)
			}
		}
		request := w.wish(one, ann)
		decide(one, request, "second_person")
		decide(clerk, request, "role_not_held")
		decide(w.who(w.in("ann@example.org")), request, "not_allowed")
		token := *two
		token.Token, token.Session = types.RandomID(), ""
		decide(&token, request, "not_allowed")
		if w.holds(ann, "vault") {
			t.Fatal("somebody who may not approve did")
		}
		longer, err := w.Ask(w.ctx(), one, two.Account, "vault", w.clock.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		decide(two, longer, "second_person") // his own
		mine, err := w.Ask(w.ctx(), operator, ann, "vault", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		decide(operator, mine, "second_person") // one terminal is one person
		decide(two, request, "not_found")       // the newer request took its place
		decide(two, mine, "")
		if n := w.evidence(types.GrantAdd, types.Refused); n != 6 {
			t.Fatalf("%d refusals in evidence, want 6", n)
		}
	})
}

// TestRequestIsVoid: after three days, after a denial, and when who asked may not ask any more.
func TestRequestIsVoid(t *testing.T) {
	each(t, vault, func(t *testing.T, w *town) {
		one, two, ann := w.bosses()
		void := func(what string, request types.ID) {
			t.Helper()
			if _, err := w.Decide(w.ctx(), two, request, true); types.CodeOf(err) != "not_found" || w.holds(ann, "vault") {
				t.Fatalf("%s: %v", what, err)
			}
		}
		request := w.wish(one, ann)
		if _, err := w.Decide(w.ctx(), one, request, false); err != nil {
			t.Fatalf("who asked could not take it back: %v", err)
		}
		void("denied", request)
		request = w.wish(one, ann)
		w.clock.Advance(72 * time.Hour)
		void("three days old", request)
		request = w.wish(one, ann)
		if err := w.Revoke(w.ctx(), operator, one.Account, "vault"); err != nil {
			t.Fatal(err)
		}
		void("asked by somebody who lost the role", request)
	})
}

// TestApprovedAtOnce: of many approvals at once one counts.
func TestApprovedAtOnce(t *testing.T) {
	each(t, vault, func(t *testing.T, w *town) {
		one, two, ann := w.bosses()
		request := w.wish(one, ann)
		var won atomic.Int64
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				if _, err := w.Decide(w.ctx(), two, request, n%2 == 0); err == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("one request was decided %d times", won.Load())
		}
	})
}

// TestDemandedFactor: an operator forces a factor on one account: its roles are dormant, in open sessions too, until it is proved.
func TestDemandedFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient", "auditor")
		ann := w.in("ann@example.org")
		if c := w.who(ann); c.Roles != 1|16 {
			t.Fatalf("roles %b before", c.Roles)
		}
		if err := w.Require(w.ctx(), operator, id, plan.AnyMFA); err != nil {
			t.Fatal(err)
		}
		if c := w.who(ann); c.Roles != 0 || c.Dormant != 1|16 {
			t.Fatalf("roles %b, dormant %b after the demand", c.Roles, c.Dormant)
		}
		w.enrol(id, types.TOTP, 1)
		with := w.inWith("ann@example.org", "totp")
		if c := w.who(with); c.Roles != 1|16 {
			t.Fatalf("roles %b with the factor", c.Roles)
		}
		if err := w.Require(w.ctx(), operator, id, plan.PasskeyFactor); err != nil {
			t.Fatal(err)
		}
		if c := w.who(with); c.Roles != 0 {
			t.Fatalf("roles %b without a passkey", c.Roles)
		}
		if err := w.Require(w.ctx(), operator, id, plan.NoFactor); err != nil {
			t.Fatal(err)
		}
		if c := w.who(with); c.Roles != 1|16 {
			t.Fatalf("roles %b after the demand was taken back", c.Roles)
		}
		if w.evidence(types.AccountSet, types.Done) != 3 {
			t.Fatal("demands are not in evidence")
		}
	})
}

// TestDemandEndsTokens: an API token that was issued without the factor does not outlive the demand.
func TestDemandEndsTokens(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		r := w.do("POST", "/auth/tokens", ann, map[string]any{"name": "ci", "roles": []string{"patient"}, "expires": w.clock.Now().Add(time.Hour)}).want(201)
		program := &browser{bearer: types.NewSecret(r.text("token"))}
		w.do("GET", "/auth/session", program, nil).want(200)
		if err := w.Require(w.ctx(), operator, id, plan.AnyMFA); err != nil {
			t.Fatal(err)
		}
		w.do("GET", "/auth/session", program, nil).want(401)
	})
}

// TestManagersStandAbove: whoever manages accounts touches neither his own demands, factors and state nor those of somebody mightier.
func TestManagersStandAbove(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		boss, mighty := w.person("boss@example.org", "admin"), w.person("mighty@example.org", "admin", "auditor")
		ann := w.person("ann@example.org")
		caller := w.who(w.in("boss@example.org"))
		for id, code := range map[types.ID]string{boss: "own_account", mighty: "role_not_held", ann: ""} {
			if err := w.Require(w.ctx(), caller, id, plan.NoFactor); types.CodeOf(err) != code {
				t.Errorf("a demand: %v, want %q", err, code)
			}
			if err := w.ResetFactors(w.ctx(), caller, id, "lost the phone, seen in person"); types.CodeOf(err) != code {
				t.Errorf("a reset: %v, want %q", err, code)
			}
			if err := w.Disable(w.ctx(), caller, id); types.CodeOf(err) != code {
				t.Errorf("disabled: %v, want %q", err, code)
			}
			if err := w.Enable(w.ctx(), caller, id); types.CodeOf(err) != code {
				t.Errorf("enabled: %v, want %q", err, code)
			}
		}
		patient := w.who(w.in("ann@example.org"))
		for what, err := range map[string]error{"require": w.Require(w.ctx(), patient, boss, plan.NoFactor),
			"reset": w.ResetFactors(w.ctx(), patient, boss, "because I can"), "end": w.EndSessionOf(w.ctx(), patient, boss, "")} {
			if types.CodeOf(err) != "not_allowed" {
				t.Errorf("%s by somebody who manages nothing: %v", what, err)
			}
		}
	})
}

// TestManagersStandAboveMembers: roles within organisations count as the others do: whoever manages accounts does nothing to the last owner of one,
// nor to anybody who stands higher there, wherever the caller's own session is at home.
func TestManagersStandAboveMembers(t *testing.T) {
	eachOrganised(t, nil, func(t *testing.T, w *town) {
		people := map[string]types.ID{}
		in := map[string]*browser{}
		for _, name := range []string{"owner", "second", "member", "helper", "clerk"} {
			roles := []string{"patient"}
			if name != "owner" && name != "member" {
				roles = append(roles, "admin")
			}
			people[name], in[name] = w.person(name+"@example.org", roles...), w.in(name+"@example.org")
		}
		w.found(in["owner"], "Riverside")
		w.joined(in["owner"], in["second"], "second@example.org", "owner")
		w.joined(in["owner"], in["member"], "member@example.org", "member")
		w.joined(in["owner"], in["clerk"], "clerk@example.org", "member")
		w.found(in["helper"], "Hilltop")
		w.found(in["second"], "Seaside") // Riverside is not the active one
		for _, c := range []struct {
			by, id string
			may    bool
		}{{"helper", "owner", false}, {"helper", "member", false}, {"clerk", "owner", false}, {"clerk", "second", false}, {"clerk", "member", true},
			{"second", "member", true}, {"second", "owner", true}} {
			by, id := w.who(in[c.by]), people[c.id]
			for what, err := range map[string]error{"demand": w.Require(w.ctx(), by, id, plan.NoFactor),
				"reset": w.ResetFactors(w.ctx(), by, id, "lost the phone, seen in person"), "end": w.EndSessionOf(w.ctx(), by, id, ""),
				"disable": w.Disable(w.ctx(), by, id), "enable": w.Enable(w.ctx(), by, id)} {
				if want := map[bool]string{false: "role_not_held"}[c.may]; types.CodeOf(err) != want {
					t.Errorf("%s of %s by %s: %v, want %q", what, c.id, c.by, err, want)
				}
			}
		}
		if err := w.EndSessionOf(w.ctx(), w.who(in["helper"]), people["helper"], ""); err != nil {
			t.Errorf("one's own sessions: %v", err)
		}
	})
}

// TestResetFactors: an operator helps somebody who lost everything. It is never silent: a reason, evidence, a letter, every session
// ended, and no role in force before a factor is enrolled anew.
func TestResetFactors(t *testing.T) {
	each(t, func(c *identity.Config) { c.Factors = nil }, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		app := w.app(ann)
		w.do("POST", "/auth/recovery-codes", ann, nil).want(200)
		w.key(ann, "blue key")
		other := &browser{}
		w.prove(other, "totp", w.attempt(other, "ann@example.org"), app.code(0)).want(200)
		for _, reason := range []string{"", "  ok ", string(make([]byte, 300))} {
			if err := w.ResetFactors(w.ctx(), operator, id, reason); types.KindOf(err) != types.Invalid {
				t.Fatalf("with the reason %q: %v", reason, err)
			}
		}
		if err := w.ResetFactors(w.ctx(), operator, id, "lost phone and codes, showed her passport"); err != nil {
			t.Fatal(err)
		}
		if w.alive(ann) || w.alive(other) {
			t.Fatal("a session outlived the reset")
		}
		for _, table := range []string{"fastness_totp", "fastness_passkey", "fastness_passkey_pending", "fastness_recovery_code"} {
			if n := len(w.rows("SELECT account FROM " + table)); n != 0 {
				t.Fatalf("%d rows are left in %s", n, table)
			}
		}
		w.clock.Advance(time.Minute)
		again := w.in("ann@example.org") // the password alone, for there is nothing else
		if c := w.who(again); c.Roles != 0 || c.Dormant != 1 {
			t.Fatalf("roles %b, dormant %b with a password alone", c.Roles, c.Dormant)
		}
		w.app(again)
		if c := w.who(again); c.Roles != 1 {
			t.Fatalf("roles %b after enrolling anew", c.Roles)
		}
		entries := w.rows("SELECT code FROM evidence WHERE event = ?", types.TextValue(string(types.FactorRemove)))
		if !slices.ContainsFunc(entries, func(r []string) bool { return r[0] == "reset" }) {
			t.Fatalf("evidence of the reset: %v", entries)
		}
		w.mails.last(t, "ann@example.org", "factor_removed")
	})
}

// TestOperatorEndsSessions: one session of somebody, or all of them.
func TestOperatorEndsSessions(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		w.person("bob@example.org", "patient")
		one, two, three, bob := w.in("ann@example.org"), w.in("ann@example.org"), w.in("ann@example.org"), w.in("bob@example.org")
		all, err := w.SessionsOf(w.ctx(), operator, id)
		if err != nil || len(all) != 3 {
			t.Fatalf("%d sessions, %v", len(all), err)
		}
		if err := w.EndSessionOf(w.ctx(), operator, id, w.who(bob).Session); types.CodeOf(err) != "not_found" {
			t.Fatalf("somebody else's session: %v", err)
		}
		if err := w.EndSessionOf(w.ctx(), operator, id, w.who(one).Session); err != nil {
			t.Fatal(err)
		}
		if w.alive(one) || !w.alive(two) {
			t.Fatal("not the session that was meant")
		}
		if err := w.EndSessionOf(w.ctx(), operator, id, ""); err != nil {
			t.Fatal(err)
		}
		if w.alive(two) || w.alive(three) || !w.alive(bob) {
			t.Fatal("not exactly this account's sessions")
		}
	})
}

// TestApprovalSparesTheLastOperator: a request to limit somebody's role, asked while others managed roles, is not approved when he is the
// last who does so without an end.
func TestApprovalSparesTheLastOperator(t *testing.T) {
	chief := func(c *identity.Config) {
		c.Plan.Roles = append(c.Plan.Roles, plan.Role{Name: "chief", Set: 32, Approve: true, Manages: []string{"accounts", "roles"}})
	}
	each(t, chief, func(t *testing.T, w *town) {
		one := w.person("one@example.org", "chief")
		first := w.who(w.in("one@example.org"))
		friday := w.clock.Now().Add(48 * time.Hour)
		both := func(by *types.Caller, id types.ID, until time.Time, second *types.Caller) (err error) {
			t.Helper()
			request, err := w.Ask(w.ctx(), by, id, "chief", until)
			if err == nil {
				_, err = w.Decide(w.ctx(), second, request, true)
			}
			return err
		}
		two := w.person("two@example.org")
		if err := both(operator, two, time.Time{}, first); err != nil {
			t.Fatal(err)
		}
		second := w.who(w.in("two@example.org"))
		three := w.person("three@example.org")
		if err := both(first, three, friday, second); err != nil {
			t.Fatal(err)
		}
		third := w.who(w.in("three@example.org"))
		waits, err := w.Ask(w.ctx(), operator, one, "chief", friday)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Revoke(w.ctx(), operator, two, "chief"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Decide(w.ctx(), third, waits, true); types.CodeOf(err) != "last_operator" {
			t.Fatalf("the last lasting operator was given an end: %v", err)
		}
		if lasting := len(w.rows("SELECT account FROM fastness_grant WHERE role = 'chief' AND expires = 0")); lasting != 1 {
			t.Fatalf("%d manage roles without an end, want 1", lasting)
		}
	})
}
