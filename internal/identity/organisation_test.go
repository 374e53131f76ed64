package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// withOrganisations gives the town tenants. A treasurer stands between owner and member and needs a second factor; owners and
// treasurers invite.
func withOrganisations(c *identity.Config) {
	p := *c.Plan
	d := *p.Decl
	d.Organisations = &decl.Organisations{SignUp: "create", Roles: []string{"owner", "treasurer", "member"}, Invite: []string{"owner", "treasurer"}}
	p.Decl = &d
	p.Roles = append(slices.Clone(p.Roles), plan.Role{Name: "owner", Set: 32, Org: true}, plan.Role{Name: "treasurer", Set: 64, Org: true, Requires: plan.AnyMFA},
		plan.Role{Name: "member", Set: 128, Org: true})
	c.Plan = &p
}

// organisationTables stand for what the plan makes of the built-in collections, beside those of the room.
func organisationTables(t *testing.T) []store.Table {
	t.Helper()
	f, err := decl.Parse("fastness.yaml", []byte("version: 1\nservice: {name: x}\norganisations: {sign_up: create, roles: [owner]}\n"), "development")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, "development")
	if err != nil {
		t.Fatal(err)
	}
	out := tables()
	for _, table := range p.Tables() {
		if table.Name == "organisations" || table.Name == "memberships" {
			out = append(out, table)
		}
	}
	return append(out, identity.OrganisationTables()...)
}

// eachOrganised runs fn in a town with organisations on every database.
func eachOrganised(t *testing.T, change func(*identity.Config), fn func(t *testing.T, w *town)) {
	t.Helper()
	storetest.Each(t, storetest.Options{Tables: organisationTables(t)}, func(t *testing.T, db store.DB) {
		fn(t, newTown(t, db, func(c *identity.Config) {
			withOrganisations(c)
			if change != nil {
				change(c)
			}
		}))
	})
}

// found makes an organisation that the browser's account owns, active in the browser.
func (w *town) found(b *browser, name string) string {
	w.t.Helper()
	id := w.do("POST", "/auth/organisations", b, map[string]any{"name": name}).want(201).text("id")
	w.enter(b, id).want(200)
	return id
}

func (w *town) enter(b *browser, org any) *reply {
	w.t.Helper()
	return w.do("PUT", "/auth/session/organisation", b, map[string]any{"organisation": org})
}

func (w *town) invite(b *browser, email, role string) *reply {
	w.t.Helper()
	return w.do("POST", "/auth/organisation/invitations", b, map[string]any{"email": email, "role": role})
}

// joined invites an address and lets the browser's account accept.
func (w *town) joined(owner, b *browser, email, role string) {
	w.t.Helper()
	w.invite(owner, email, role).want(202)
	w.do("POST", "/auth/organisations/accept", b, map[string]any{"token": w.invitation(email)}).want(200)
}

func (w *town) invitation(email string) string {
	w.t.Helper()
	return secretOf(w.t, w.mails.last(w.t, email, signup.LetterOrgInvite).Link)
}

// roles are what the browser's session has in force, and its active organisation.
func (w *town) roles(b *browser) (string, string) {
	w.t.Helper()
	r := w.do("GET", "/auth/session", b, nil).want(200)
	var out []string
	for _, x := range r.JSON["roles"].([]any) {
		out = append(out, x.(string))
	}
	return strings.Join(out, " "), r.text("organisation")
}

func (w *town) stands(b *browser, roles, org string) {
	w.t.Helper()
	if r, o := w.roles(b); r != roles || o != org {
		w.t.Fatalf("in force %q in %q, want %q in %q", r, o, roles, org)
	}
}

// TestADayOfAnOrganisation: found, invite a colleague and a stranger, promote, step back, remove, leave.
func TestADayOfAnOrganisation(t *testing.T) {
	eachOrganised(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		bobID := w.person("bob@example.org", "patient")
		ann, bob := w.in("ann@example.org"), w.in("bob@example.org")
		if r := w.do("GET", "/auth/organisations", ann, nil).want(200); len(r.JSON["items"].([]any)) != 0 {
			t.Fatalf("a newcomer belongs to %v", r.JSON)
		}
		org := w.found(ann, "Herons")
		w.stands(ann, "patient owner", org)
		if r := w.do("PATCH", "/auth/organisation", ann, map[string]any{"name": "Grey Herons"}).want(200); r.text("name") != "Grey Herons" || r.text("role") != "owner" {
			t.Fatalf("renamed to %v", r.JSON)
		}

		w.clock.Advance(time.Second)
		w.joined(ann, bob, "bob@example.org", "member")
		w.stands(bob, "patient", "") // belonging is not being there
		w.enter(bob, org).want(200)
		w.stands(bob, "patient member", org)

		w.clock.Advance(time.Second)
		w.invite(ann, "Cyd@Example.org", "member").want(202)
		token := w.invitation("cyd@example.org")
		w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": token, "password": "short"}).want(422)
		if r := w.do("POST", "/auth/organisations/join", nil, map[string]any{"token": token, "password": goodPassword}).want(200); r.text("name") != "Grey Herons" {
			t.Fatalf("joined %v", r.JSON)
		}
		cyd := w.in("cyd@example.org")
		w.stands(cyd, "patient member", org) // a session begins where its account is at home

		members := w.do("GET", "/auth/organisation/members", ann, nil).want(200).JSON["items"].([]any)
		if len(members) != 3 || members[1].(map[string]any)["email"] != "bob@example.org" {
			t.Fatalf("members: %v", members)
		}
		w.do("PATCH", "/auth/organisation/members/"+string(bobID), ann, map[string]any{"role": "owner"}).want(204)
		w.stands(bob, "patient owner", org)
		w.do("POST", "/auth/organisation/leave", ann, nil).want(200)
		w.stands(ann, "patient", "")
		w.do("GET", "/auth/organisation/members", ann, nil).want(403)
		w.do("DELETE", "/auth/organisation/members/"+members[2].(map[string]any)["account"].(string), bob, nil).want(204)
		if left := w.do("GET", "/auth/organisation/members", bob, nil).want(200).JSON["items"].([]any); len(left) != 1 {
			t.Fatalf("left: %v", left)
		}
		if n := w.evidence(types.OrgChange, types.Done); n < 10 {
			t.Errorf("%d entries of organisations", n)
		}
	})
}

// TestInvitationsAreSeenAndCancelled by those who may invite; a second one to an address replaces the first.
func TestInvitationsAreSeenAndCancelled(t *testing.T) {
	eachOrganised(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org")
		w.person("bob@example.org")
		ann, bob := w.in("ann@example.org"), w.in("bob@example.org")
		w.found(ann, "Herons")
		w.invite(ann, "bob@example.org", "member").want(202)
		first := w.invitation("bob@example.org")
		w.invite(ann, "bob@example.org", "owner").want(202)
		items := w.do("GET", "/auth/organisation/invitations", ann, nil).want(200).JSON["items"].([]any)
		if len(items) != 1 || items[0].(map[string]any)["role"] != "owner" || items[0].(map[string]any)["email"] != "bob@example.org" {
			t.Fatalf("waiting: %v", items)
		}
		w.do("POST", "/auth/organisations/accept", bob, map[string]any{"token": first}).want(422)
		w.do("DELETE", "/auth/organisation/invitations/"+items[0].(map[string]any)["id"].(string), ann, nil).want(204)
		w.do("POST", "/auth/organisations/accept", bob, map[string]any{"token": w.invitation("bob@example.org")}).want(422)
	})
}

// TestOperatorsKeepOrganisations: where people may not make them, operators do, and bring back one that has lost its owner.
func TestOperatorsKeepOrganisations(t *testing.T) {
	closed := func(c *identity.Config) { c.Plan.Decl.Organisations.SignUp = "invite" }
	eachOrganised(t, closed, func(t *testing.T, w *town) {
		annID, bobID := w.person("ann@example.org"), w.person("bob@example.org")
		ann := w.in("ann@example.org")
		if r := w.do("POST", "/auth/organisations", ann, map[string]any{"name": "Herons"}).want(403); r.Code != "organisations_closed" {
			t.Fatalf("refused as %s", r.Code)
		}
		o := w.Organisations()
		made, err := o.Create(w.ctx(), operator, annID, "Herons")
		if err != nil {
			t.Fatal(err)
		}
		w.enter(ann, string(made.ID)).want(200)
		w.stands(ann, "owner", string(made.ID))
		if err := o.Put(w.ctx(), operator, made.ID, bobID, "owner"); err != nil {
			t.Fatal(err)
		}
		if err := o.Remove(w.ctx(), operator, made.ID, annID); err != nil {
			t.Fatal(err)
		}
		all, err := o.All(w.ctx(), operator, "")
		if err != nil || len(all) != 1 || all[0].Members != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		if err := o.Put(w.ctx(), operator, types.RandomID(), bobID, "owner"); types.CodeOf(err) != "not_found" {
			t.Fatalf("a membership of nothing: %v", err)
		}
		if _, err := o.All(w.ctx(), &types.Caller{Kind: types.Signed, Account: annID}, ""); err == nil {
			t.Fatal("an account lists organisations")
		}
	})
}

// TestASessionBeginsWhereTheAccountWasLast: in the organisation that it chose last; without a choice in the oldest.
func TestASessionBeginsWhereTheAccountWasLast(t *testing.T) {
	eachOrganised(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org")
		ann := w.in("ann@example.org")
		one := w.do("POST", "/auth/organisations", ann, map[string]any{"name": "One"}).want(201).text("id")
		w.clock.Advance(time.Second)
		two := w.do("POST", "/auth/organisations", ann, map[string]any{"name": "Two"}).want(201).text("id")
		w.stands(w.in("ann@example.org"), "owner", one)
		w.enter(ann, two).want(200)
		w.stands(w.in("ann@example.org"), "owner", two)
		w.enter(ann, nil).want(200)
		w.stands(ann, "", "")
	})
}

// TestNamesOfOrganisations: one line of 1 to 120 characters; an account owns twenty at most.
func TestNamesOfOrganisations(t *testing.T) {
	eachOrganised(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org")
		ann := w.in("ann@example.org")
		for _, name := range []string{"", "a\nb", "a\u0000", strings.Repeat("é", 121)} {
			w.do("POST", "/auth/organisations", ann, map[string]any{"name": name}).want(422)
		}
		for range 20 {
			w.do("POST", "/auth/organisations", ann, map[string]any{"name": strings.Repeat("é", 120)}).want(201)
		}
		w.do("POST", "/auth/organisations", ann, map[string]any{"name": "one more"}).want(409)
	})
}
