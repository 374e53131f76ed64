package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestOrganisationByKeyboard: an owner renames an organisation and looks after its members without script, by keyboard alone where
// something is chosen, and nobody is removed before a page has asked.
func TestOrganisationByKeyboard(t *testing.T) {
	owner, member := open(t), open(t)
	owner.without()
	olga, max := invited(t, owner, "olga@clinic.example", "patient"), invited(t, member, "max@clinic.example", "patient")
	olga.signIn(owner)
	max.signIn(member)
	owner.visit("/account/organisations")
	owner.fill("name", "Herons")
	owner.press("Make the organisation")
	owner.says("Members of Herons")
	member.join(owner, max)
	member.press("Make active")
	member.says("A member") // addresses are for those who look after members

	owner.visit("/account/organisations")
	owner.press("Rename")
	if got := owner.attribute("#name", "value"); got != "Herons" {
		t.Errorf("the form holds %q", got)
	}
	owner.fill("name", "Grey Herons")
	owner.keys(kb.Enter)
	owner.says("The organisation has a new name")
	owner.says("Members of Grey Herons")

	owner.follow(owner.row("max@clinic.example", "Change role"))
	owner.says("max@clinic.example")
	owner.choose("owner")
	owner.keys(kb.Tab + kb.Enter) // on to the button
	owner.says("The role was changed")
	member.visit("/account/organisations")
	member.says("olga@clinic.example")
	owner.follow(owner.row("max@clinic.example", "Change role"))
	owner.choose("member")
	owner.keys(kb.Tab + kb.Enter)

	owner.press("Leave")
	owner.says("Grey Herons")
	owner.follow(`//main//button`)
	owner.says("the last member with the highest role")
	owner.follow(owner.row("max@clinic.example", "Remove"))
	owner.says("Remove this member?")
	owner.says("max@clinic.example")
	owner.press("Back")
	owner.says("max@clinic.example")
	owner.follow(owner.row("max@clinic.example", "Remove"))
	owner.press("Remove")
	owner.says("The member was removed")
	member.visit("/account/organisations")
	member.says("You belong to no organisation yet")
}

// join invites somebody from an owner's window and accepts in his own.
func (w *tab) join(owner *tab, p *person) {
	w.t.Helper()
	mark := owner.app.mark()
	owner.visit("/account/organisations")
	owner.fill("email", p.address)
	owner.press("Send the invitation")
	w.visit(owner.app.link(w.t, p.address, mark))
	w.press("I have an account")
	w.press("Join")
	w.at("/account/organisations")
}

// choose takes a role by typing its name where the choice has the focus.
func (w *tab) choose(role string) {
	w.t.Helper()
	w.do(chromedp.Focus("#role", chromedp.ByQuery), chromedp.KeyEvent(role))
}

// keys presses keys and waits until another document has come.
func (w *tab) keys(keys string) {
	w.t.Helper()
	if _, err := w.response(chromedp.KeyEvent(keys)); err != nil {
		w.t.Fatalf("keys at %s: %v", w.where(), err)
	}
}

// row finds a link or button in somebody's row.
func (w *tab) row(who, text string) string {
	return `//main//li[contains(., "` + who + `")]//*[self::a or self::button][normalize-space(.)="` + text + `"]`
}
