package account_test

import (
	"regexp"
	"strings"
	"testing"
)

// memberID is the id of a member, as the page of somebody who may look after him links it.
func (b *browser) memberID(email string) string {
	b.h.t.Helper()
	text := b.get("/account/organisations").says(200, email).text
	link := regexp.MustCompile(`(?s)<h3>` + regexp.QuoteMeta(email) + `</h3>.*?/members/([^/"]+)`).FindStringSubmatch(text)
	if link == nil {
		b.h.t.Fatalf("no link to %s in %s", email, text)
	}
	return link[1]
}

// joins invites somebody with an account, who uses the letter and makes the organisation active.
func (b *browser) joins(owner *browser, email, role string) {
	b.h.t.Helper()
	owner.post("/account/organisations/invite", "email", email, "role", role).leads("/account/organisations")
	b.get(b.h.letter(email)).leads("/account/organisation/invitation")
	b.post("/account/organisation/accept").leads("/account/organisations")
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(b.get("/account/organisations").text)[1]
	b.post("/account/organisations/switch", "id", id).leads("/account/organisations")
}

// TestOrganisation is the life of one by its pages: made, entered, an invitation used by a newcomer and one by somebody with an account,
// a member removed; and nobody does to it what he may not.
func TestOrganisation(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob, eve := h.person("ann@clinic.example", "patient"), h.person("bob@clinic.example", "patient"), h.person("eve@clinic.example", "patient")
		ann.get("/account/organisations").says(200, "You belong to no organisation yet")
		ann.post("/account/organisations/create", "name", "").says(422, "Give it a name")
		ann.post("/account/organisations/create", "name", "Herons <b>").leads("/account/organisations")
		ann.get("/account/organisations").says(200, "Members of Herons &lt;b&gt;")

		ann.post("/account/organisations/invite", "email", "nobody", "role", "member").says(422, "Write an e-mail address")
		ann.post("/account/organisations/invite", "email", "bob@clinic.example", "role", "member").leads("/account/organisations")
		link := h.letter("bob@clinic.example")
		eve.get(link).leads("/account/organisation/invitation")
		eve.get("/account/organisation/accept").says(200, "Join the organisation?")
		eve.post("/account/organisation/accept").says(422, "another address")
		bob.get(link).leads("/account/organisation/invitation")
		bob.get("/account/organisation/invitation").says(200, "ann@clinic.example invited you to Herons &lt;b&gt;.").says(200, "Create an account and join")
		bob.get("/account/organisation/accept").says(200, "Herons &lt;b&gt;")
		bob.get("/account/members/nobody").says(404, "Security")
		bob.post("/account/organisation/accept").leads("/account/organisations")
		bob.get("/account/organisations").says(200, "Make active")
		again := h.person("bea@clinic.example", "patient")
		again.get(link).leads("/account/organisation/invitation")
		again.post("/account/organisation/accept").says(422, "too old")

		ann.post("/account/organisations/invite", "email", "new@clinic.example", "role", "owner").leads("/account/organisations")
		fresh := h.browser()
		fresh.get(h.letter("new@clinic.example")).leads("/account/organisation/invitation")
		fresh.post("/account/organisation/invitation", "password", "short").says(422, "Use at least 15 characters")
		fresh.post("/account/organisation/invitation", "password", password).leads("/account/organisations")

		id := ann.memberID("bob@clinic.example")
		eve.post("/account/organisations/members/"+id+"/remove").says(422, "active first")
		herons := strings.SplitN(strings.SplitN(bob.get("/account/organisations").text, `name="id" value="`, 2)[1], `"`, 2)[0]
		eve.post("/account/organisations/switch", "id", herons).says(422, "nothing here, or it is not yours")
		bob.post("/account/organisations/switch", "id", herons).leads("/account/organisations")
		if text := bob.get("/account/organisations").text; strings.Contains(text, "ann@clinic.example") || strings.Contains(text, "Send the invitation") {
			t.Error("a member who may not invite sees addresses or the form")
		}
		bob.post("/account/organisations/invite", "email", "x@clinic.example", "role", "member").says(422, "Your roles do not allow this")
		bob.post("/account/organisations/members/"+id+"/remove").says(422, "do not allow")
		ann.post("/account/organisations/members/" + id + "/remove").leads("/account/organisations")
		bob.get("/account/organisations").says(200, "You belong to no organisation yet")
		ann.post("/account/organisations/leave").leads("/account/organisations") // another owner is left
		fresh.get("/account/organisations").says(200, "Herons")
	})
}

// TestOrganisationIsRenamed: its owner gives it another name, and nobody else is offered or granted that.
func TestOrganisationIsRenamed(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob := h.person("ann@clinic.example", "patient"), h.person("bob@clinic.example", "patient")
		ann.get("/account/organisations/rename").leads("/account/organisations") // there is none
		ann.post("/account/organisations/rename", "name", "Egrets").says(422, "active first")
		ann.post("/account/organisations/create", "name", "Herons").leads("/account/organisations")
		bob.joins(ann, "bob@clinic.example", "member")

		ann.get("/account/organisations/rename").says(200, `value="Herons"`)
		ann.post("/account/organisations/rename", "name", strings.Repeat("x", 121)).says(422, strings.Repeat("x", 121)) // what was typed stays
		ann.post("/account/organisations/rename", "name", "").says(422, "Give it a name")
		bob.get("/account/organisations/rename").leads("/account/organisations")
		bob.post("/account/organisations/rename", "name", "Egrets").says(422, "do not allow")
		bob.get("/account/organisations").says(200, "Members of Herons")
		ann.post("/account/organisations/rename", "name", "Grey <i>").leads("/account/organisations")
		ann.get("/account/organisations").says(200, "The organisation has a new name")
		bob.get("/account/organisations").says(200, "Members of Grey &lt;i&gt;")
	})
}

// TestMembersRole: an owner changes roles, his own included, while another owner is left.
func TestMembersRole(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob := h.person("ann@clinic.example", "patient"), h.person("bob@clinic.example", "patient")
		ann.post("/account/organisations/create", "name", "Herons").leads("/account/organisations")
		bob.joins(ann, "bob@clinic.example", "member")
		at := "/account/organisations/members/" + ann.memberID("bob@clinic.example")
		own := regexp.MustCompile(`(?s)<h3>You</h3>.*?(/account/organisations/members/[^/"]+)`).FindStringSubmatch(ann.get("/account/organisations").text)[1]

		ann.get(at).says(200, `<option value="member" selected>`)
		ann.post(at, "role", "queen").says(422, "Choose one of the list")
		ann.post(own, "role", "member").says(422, "last member with the highest role")
		ann.get(own + "/remove").leads("/account/organisations/leave")
		ann.get("/account/organisations/leave").says(200, "Herons")
		ann.post("/account/organisations/leave").says(422, "last member with the highest role")
		ann.post("/account/organisations/members/00000000000000000000000000", "role", "member").says(422, "nothing here, or it is not yours")
		ann.get("/account/organisations/members/x").says(404, "Not found")

		bob.post(own, "role", "member").says(422, "do not allow")
		ann.post(at, "role", "owner").leads("/account/organisations")
		ann.get("/account/organisations").says(200, "The role was changed")
		bob.get(own).says(200, "ann@clinic.example") // at once, where he is signed in
		ann.post(own, "role", "member").leads("/account/organisations")
		ann.post(at, "role", "member").says(422, "do not allow")
		ann.get("/account/organisations").says(200, "A member")
	})
}

// TestMembersPageIsTheOwners: the page of a member, which shows his address, is for those who own the organisation, and of its members only.
func TestMembersPageIsTheOwners(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob, eve := h.person("ann@clinic.example", "patient"), h.person("bob@clinic.example", "patient"), h.person("eve@clinic.example", "patient")
		ann.post("/account/organisations/create", "name", "Herons").leads("/account/organisations")
		bob.joins(ann, "bob@clinic.example", "member")
		eve.post("/account/organisations/create", "name", "Terns").leads("/account/organisations")
		at := "/account/organisations/members/" + ann.memberID("bob@clinic.example")
		for _, who := range []*browser{bob, eve} {
			for _, path := range []string{at, at + "/remove"} {
				if r := who.get(path); r.status != 404 || strings.Contains(r.text, "Change role") {
					t.Errorf("%s: %d", path, r.status)
				}
			}
		}
		ann.get(at).says(200, "bob@clinic.example")
	})
}

// TestRemovalAsksFirst: opening the pages that take somebody out of an organisation does nothing, however often.
func TestRemovalAsksFirst(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob := h.person("ann@clinic.example", "patient"), h.person("bob@clinic.example", "patient")
		ann.post("/account/organisations/create", "name", "Herons").leads("/account/organisations")
		bob.joins(ann, "bob@clinic.example", "owner")
		at := "/account/organisations/members/" + ann.memberID("bob@clinic.example") + "/remove"
		for range 2 {
			ann.get(at).says(200, "Remove this member?").says(200, "bob@clinic.example")
			bob.get("/account/organisations/leave").says(200, "Leave the organisation?")
		}
		bob.get("/account/organisations").says(200, "Members of Herons")
		ann.post(at).leads("/account/organisations")
		ann.get("/account/organisations").says(200, "The member was removed")
		bob.get("/account/organisations").says(200, "You belong to no organisation yet")
	})
}

// TestRoleThatSleeps: whose role in the organisation asks for a second factor is told so, and is offered nothing that would be refused.
func TestRoleThatSleeps(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob := h.person("ann@clinic.example", "patient"), h.person("bob@clinic.example", "patient")
		ann.post("/account/organisations/create", "name", "Herons").leads("/account/organisations")
		bob.joins(ann, "bob@clinic.example", "warden")
		text := bob.get("/account/organisations").says(200, "warden · asleep").says(200, "Add a second factor and sign in with it").text
		if strings.Contains(text, "ann@clinic.example") || strings.Contains(text, "Send the invitation") {
			t.Error("a role that sleeps sees addresses or the form")
		}
		bob.post("/account/organisations/invite", "email", "x@clinic.example", "role", "member").says(422, "Your role asks for a stronger sign-in")
	})
}

// TestMembersAreCalledByName: who may read the names of accounts sees them among the members, beside the addresses. Who may not sees what was there
// before, and no entry says that somebody tried.
func TestMembersAreCalledByName(t *testing.T) {
	houses(t, func(t *testing.T, h *house) {
		ann, bob, cid := h.person("ann@clinic.example", "nurse"), h.person("bob@clinic.example", "patient"), h.person("cid@clinic.example", "patient")
		bob.post("/account/profile", "profile-name", "Bob <b> Heron", "etag", etagOf(bob)).leads("/account/profile")
		ann.post("/account/organisations/create", "name", "Herons").leads("/account/organisations")
		bob.joins(ann, "bob@clinic.example", "member")
		cid.joins(ann, "cid@clinic.example", "owner")
		page := ann.get("/account/organisations").says(200, "<h3>Bob &lt;b&gt; Heron</h3><p>bob@clinic.example · member")
		page.says(200, "<h3>cid@clinic.example</h3><p>owner")
		cid.get("/account/organisations").says(200, "<h3>bob@clinic.example</h3><p>member")
		for _, b := range []*browser{bob, cid} {
			if text := b.get("/account/organisations").text; strings.Contains(text, "Heron</h3>") {
				t.Errorf("a member who may not read names is shown one: %s", text)
			}
		}
		bob.get("/account/organisations").says(200, "<h3>A member</h3><p>owner")
	})
}

// etagOf is the version of a person's profile, as its form sends it.
func etagOf(b *browser) string {
	b.h.t.Helper()
	m := regexp.MustCompile(`name="etag" value="([^"]*)"`).FindStringSubmatch(b.get("/account/profile").text)
	if m == nil {
		b.h.t.Fatal("the profile has no form")
	}
	return strings.ReplaceAll(m[1], "&#34;", `"`)
}
