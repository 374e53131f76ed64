package browser

import "testing"

// TestWithoutScript walks through everything that needs no WebAuthn in a browser whose scripts are switched off.
func TestWithoutScript(t *testing.T) {
	w := open(t)
	w.without()
	mark := app.mark()
	w.visit("/account/")
	w.at("/account/sign-in?return=%2Faccount%2F")
	w.says("Passkeys need a browser that knows them")
	w.press("Create an account")
	w.fill("email", "not an address@")
	w.fill("password", "short")
	w.eval(`document.querySelector("main form").noValidate = true`, nil)
	w.press("Create the account")
	w.says("Write an e-mail address")
	w.fill("email", "nora@clinic.example")
	w.fill("password", "short")
	w.press("Create the account")
	w.says("Use at least 15 characters")
	w.fill("password", password)
	w.press("Create the account")
	w.at("/account/check-mail")
	w.visit(app.link(t, "nora@clinic.example", mark))
	w.press("Confirm the address")
	nora := &person{address: "nora@clinic.example"}
	nora.signIn(w)
	w.at("/account/")

	w.visit("/account/profile")
	w.fill("profile-name", "Nora Quist")
	w.fill("profile-spoken", "Danish\nFinnish")
	w.fill("profile-site", "nowhere")
	w.eval(`document.querySelector("main form").noValidate = true`, nil)
	w.press("Save")
	w.says("Write a web address")
	w.fill("profile-site", "https://quist.example/")
	w.press("Save")
	w.says("Your profile was saved")
	if got := w.attribute("#profile-name", "value"); got != "Nora Quist" {
		t.Errorf("the profile holds %q", got)
	}

	nora.addApp(w)
	w.says("The authenticator app was added")
	codes := makeCodes(w)

	w.visit("/account/tokens")
	w.press("New token")
	w.fill("name", "nightly import")
	w.press("Make the token")
	w.says("Choose at least one thing")
	w.do(click(`input[value="visits.read"]`))
	w.press("Make the token")
	w.says("fst_")
	w.press("I have saved it")
	w.says("nightly import")
	w.press("Revoke")
	w.says("The token was revoked")

	w.visit("/account/email")
	mark = app.mark()
	w.fill("email", "quist@clinic.example")
	w.press("Send the link")
	w.at("/account/check-mail")
	w.visit(app.link(t, "quist@clinic.example", mark))
	w.press("Confirm the address")
	nora.address = "quist@clinic.example"

	w.visit("/account/lock")
	w.press("Lock my account now")
	w.says("Your account is locked")
	w.press("Password forgotten?")
	mark = app.mark()
	w.fill("email", nora.address)
	w.press("Send me a link")
	w.visit(app.link(t, nora.address, mark))
	w.fill("password", password+" again")
	w.press("Save the password")
	w.says("Sign in with the new one")
	w.fill("email", nora.address)
	w.fill("password", password+" again")
	w.press("Sign in")
	w.at("/account/sign-in/factor") // recovery never skips the second factor
	w.do(click("details > summary"))
	w.fill("recovery", codes[0])
	w.press("Use the recovery code")
	w.at("/account/")
	w.follow(`//footer//button[contains(., "Deutsch")]`)
	w.says("Ihr Konto")
	if lang := w.attribute("html", "lang"); lang != "de" {
		t.Errorf("lang is %q", lang)
	}
	w.follow(`//header//button`)
	w.says("Sie sind abgemeldet")
}
