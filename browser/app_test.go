package browser

import (
	"strings"
	"testing"
)

// TestAuthenticatorApp is the life of an authenticator app and of recovery codes.
func TestAuthenticatorApp(t *testing.T) {
	w := open(t)
	tom := invited(t, w, "tom@clinic.example", "patient", "keeper")
	tom.signIn(w)
	w.says("asleep") // keeper asks for a second factor
	tom.addApp(w)
	w.says("The authenticator app was added")
	codes := makeCodes(w)

	signOut(w)
	tom.signIn(w)
	w.at("/account/sign-in/factor")
	w.fill("code", "000000")
	w.press("Continue")
	w.says("This code is not right")
	w.fill("code", tom.code(w))
	w.press("Continue")
	w.at("/account/")
	if w.text("main"); strings.Contains(w.text("main"), "asleep") {
		t.Errorf("a role that asks for a second factor sleeps after one: %s", w.where())
	}

	signOut(w)
	tom.signIn(w)
	w.do(click("details > summary"))
	w.fill("recovery", " "+strings.ToLower(codes[3])+" ")
	w.press("Use the recovery code")
	w.at("/account/")
	w.visit("/account/factors")
	w.says("9 left")

	signOut(w)
	tom.signIn(w)
	w.do(click("details > summary"))
	w.fill("recovery", codes[3])
	w.press("Use the recovery code")
	w.says("or it was used already")
	w.fill("recovery", codes[4])
	w.press("Use the recovery code")
	w.at("/account/")

	w.visit("/account/factors/app/remove")
	w.press("Remove the app")
	w.says("The authenticator app was removed")
	w.says("They stand in for a second factor") // the codes went with it
}

// addApp enrols an authenticator app: a wrong code first, which keeps the picture.
func (p *person) addApp(w *tab) {
	w.t.Helper()
	w.visit("/account/factors/app")
	w.press("Continue")
	w.at("/account/factors/app/confirm")
	var shown string
	w.eval(`document.querySelector("code.secret").textContent`, &shown)
	p.secret = shown
	w.fill("code", "12 34 56")
	w.press("Add the app")
	w.says("This code is not right")
	w.eval(`document.querySelector("code.secret").textContent`, &shown)
	if shown != p.secret {
		w.t.Fatalf("a mistyped code cost the secret that was scanned")
	}
	w.fill("code", p.code(w))
	w.press("Add the app")
	w.at("/account/factors")
}
