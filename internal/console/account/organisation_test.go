package account_test

import (
	"strings"
	"testing"
)

// TestOrganisation is the life of one by its pages: made, entered, an invitation used by a newcomer and one by somebody with an account,
// a member removed; and nobody does to it what he may not.
func TestOrganisation(t *testing.T) {
	h := serve(t)
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
	bob.get("/account/organisation/invitation").says(200, "Create an account and join")
	bob.post("/account/organisation/accept").leads("/account/organisations")
	bob.get("/account/organisations").says(200, "Make active")
	again := h.person("bea@clinic.example", "patient")
	again.get(link).leads("/account/organisation/invitation")
	again.post("/account/organisation/accept").says(422, "too old")

	ann.post("/account/organisations/invite", "email", "new@clinic.example", "role", "owner").leads("/account/organisations")
	fresh := h.browser()
	fresh.get(h.letter("new@clinic.example")).leads("/account/organisation/invitation")
	fresh.post("/account/organisation/invitation", "password", "short").says(422, "Use at least 15 characters")
	fresh.post("/account/organisation/invitation", "password", password).leads("/account/sign-in")
	fresh.post("/account/sign-in", "email", "new@clinic.example", "password", password).leads("/account/")

	page := ann.get("/account/organisations").says(200, "bob@clinic.example").text
	form := page[strings.Index(page, "bob@clinic.example"):]
	id := form[strings.Index(form, `name="id" value="`)+len(`name="id" value="`):][:26]
	eve.post("/account/organisations/remove", "id", id).says(422, "active first")
	herons := strings.SplitN(strings.SplitN(bob.get("/account/organisations").text, `name="id" value="`, 2)[1], `"`, 2)[0]
	eve.post("/account/organisations/switch", "id", herons).says(422, "nothing here, or it is not yours")
	bob.post("/account/organisations/switch", "id", herons).leads("/account/organisations")
	if text := bob.get("/account/organisations").text; strings.Contains(text, "ann@clinic.example") || strings.Contains(text, "Send the invitation") {
		t.Error("a member who may not invite sees addresses or the form")
	}
	bob.post("/account/organisations/invite", "email", "x@clinic.example", "role", "member").says(422, "Your roles do not allow this")
	bob.post("/account/organisations/remove", "id", id).says(422, "do not allow")
	ann.post("/account/organisations/remove", "id", id).leads("/account/organisations")
	bob.get("/account/organisations").says(200, "You belong to no organisation yet")
	ann.post("/account/organisations/leave").leads("/account/organisations") // another owner is left
	fresh.get("/account/organisations").says(200, "Herons")
}
