package browser

import (
	"strings"
	"testing"
)

// TestPasskey is the life of a passkey: sign up by a link, add one, sign in with it and no password, prove oneself again with it, add
// another on a second device, remove the first.
func TestPasskey(t *testing.T) {
	phone := open(t)
	phone.authenticator()
	mark := app.mark()
	phone.visit("/account/sign-up")
	phone.fill("email", "paula@clinic.example")
	phone.fill("password", password)
	phone.press("Create the account")
	phone.at("/account/check-mail")
	link := app.link(t, "paula@clinic.example", mark)
	phone.visit(link)
	phone.at("/account/confirm") // the secret left the address
	phone.press("Confirm the address")
	phone.says("Your address is confirmed")
	paula := &person{address: "paula@clinic.example"}
	paula.signIn(phone)
	phone.at("/account/")
	phone.says("Password alone")

	addPasskey(phone, "Paula's phone")
	phone.says("The passkey was added")
	phone.says("Paula's phone")
	codes := makeCodes(phone)

	signOut(phone)
	phone.press("Sign in with a passkey")
	phone.at("/account/")
	phone.says("Second factor on")

	phone.visit("/account/step-up?return=%2Faccount%2Ffactors%2Fcodes")
	phone.press("Use a passkey")
	phone.at("/account/factors/codes") // it goes on with what was asked
	phone.says("Make new recovery codes?")

	laptop := open(t)
	laptop.authenticator()
	paula.signIn(laptop)
	laptop.at("/account/sign-in/factor")
	laptop.do(click("details > summary"))
	laptop.fill("recovery", codes[0])
	laptop.press("Use the recovery code")
	laptop.at("/account/")
	addPasskey(laptop, "Laptop <b>at home</b>")
	laptop.says("Laptop <b>at home</b>")

	phone.visit("/account/factors")
	if !strings.HasPrefix(phone.url(), app.base+"/account/sign-in") {
		t.Errorf("the session of the first device survived a new factor: %s", phone.where())
	}
	phone.says("Your session has ended")

	laptop.follow(`//li[contains(., "Paula's phone")]//a[contains(., "Rename")]`)
	laptop.fill("name", "Old phone")
	laptop.press("Save")
	laptop.says("Old phone")
	laptop.follow(`//li[contains(., "Old phone")]//a[contains(., "Remove")]`)
	laptop.says("Old phone")
	laptop.press("Remove the passkey")
	laptop.says("The passkey was removed")
	if all := laptop.texts("[aria-labelledby=passkeys] h3"); len(all) != 1 {
		t.Errorf("passkeys %q, want the laptop's", all)
	}

	phone.visit("/account/sign-in")
	phone.press("Sign in with a passkey")
	phone.at("/account/sign-in/passkey")
	phone.says("The passkey was not accepted")
}

// addPasskey enrols the window's authenticator under a name.
func addPasskey(w *tab, name string) {
	w.t.Helper()
	w.visit("/account/factors/passkeys/add")
	w.fill("name", name)
	w.press("Add a passkey")
	w.at("/account/factors")
}

// makeCodes makes recovery codes and reads them off the page.
func makeCodes(w *tab) []string {
	w.t.Helper()
	w.visit("/account/factors/codes")
	w.press("Make ten codes")
	codes := w.texts(".codes li")
	if len(codes) != 10 {
		w.t.Fatalf("%d codes: %s", len(codes), w.where())
	}
	return codes
}

func signOut(w *tab) {
	w.t.Helper()
	w.visit("/account/")
	w.follow(`//header//button`)
	w.at("/account/sign-in")
	w.says("You are signed out")
}
