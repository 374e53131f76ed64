package browser

import (
	"strings"
	"testing"
)

// TestSessions: a person sees where he is signed in and ends it there, and a new password ends every other session.
func TestSessions(t *testing.T) {
	here, there := open(t), open(t)
	sam := invited(t, here, "sam@clinic.example", "patient")
	sam.signIn(here)
	here.visit("/account/sessions")
	here.says("You are signed in nowhere else")
	sam.signIn(there)

	here.visit("/account/sessions")
	if rows := here.texts(".rows h2"); len(rows) != 2 || !strings.Contains(rows[0], "Chrome on Linux this one") {
		t.Errorf("sessions: %q", rows)
	}
	here.follow(`(//ul[@class="rows"]//button[contains(., "End")])[1]`)
	here.says("The session was ended")
	there.visit("/account/profile")
	there.at("/account/sign-in?return=%2Faccount%2Fprofile")
	there.fill("email", sam.address)
	there.fill("password", password)
	there.press("Sign in")
	there.at("/account/profile") // back where he was going

	here.visit("/account/password")
	here.fill("password", "not my password at all")
	here.fill("new_password", "nine loud geese above the weir")
	here.press("Change the password")
	here.says("This password is not right")
	var typed string
	here.eval(`[...document.querySelectorAll("input[type=password]")].map(i => i.value + i.getAttribute("value")).join()`, &typed)
	if typed != "null,null" {
		t.Errorf("a password was written back: %q", typed)
	}
	here.fill("password", password)
	here.fill("new_password", "nine loud geese above the weir")
	here.press("Change the password")
	here.says("Your password was changed")
	there.visit("/account/")
	there.says("Your session has ended")

	sam.signIn(there) // with the old one
	there.says("The address or the password is not right")
	var focus string
	there.eval(`document.activeElement.className`, &focus)
	if focus != "summary" {
		t.Errorf("the focus is on %q, not on the summary of errors", focus)
	}
	var kept string
	there.eval(`document.querySelector("#email").value`, &kept)
	if kept != sam.address {
		t.Errorf("the address that was typed is gone: %q", kept)
	}
}
