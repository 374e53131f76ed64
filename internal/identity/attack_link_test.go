package identity_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks with links that should be over. Each test has a saboteur of its own.

const anothersPassword = "the thief has this password"

// asked asks for a recovery link and returns its secret.
func (w *town) asked(email string) string {
	w.t.Helper()
	w.do("POST", "/auth/recover", nil, map[string]any{"email": email}).want(202)
	return secretOf(w.t, w.mails.last(w.t, email, signup.LetterRecover).Link)
}

// moving asks for a move of the browser's account and returns the secret of the link that went to the new address.
func (w *town) moving(b *browser, email string) string {
	w.t.Helper()
	w.do("POST", "/auth/email", b, map[string]any{"email": email}).want(202)
	return secretOf(w.t, w.mails.last(w.t, email, signup.LetterEmailConfirm).Link)
}

// TestRecoveryEndsWithTheAddress: a link that went to an address opens nothing after the account has left it: whoever reads the old mail
// does not take the account back.
func TestRecoveryEndsWithTheAddress(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		link := w.asked("ann@example.org")
		w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": w.moving(ann, "ann@other.example")}).want(200)
		w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": link, "password": anothersPassword}).want(422)
		w.signIn(nil, "ann@other.example", goodPassword).want(200)
	})
}

// TestNewPasswordEndsLinks: what was asked for under the old password is over with it, however the new one was set: a recovery link, and
// the move of the account to somebody's address.
func TestNewPasswordEndsLinks(t *testing.T) {
	const newPassword = "a new password of mine"
	for name, change := range map[string]func(w *town, ann *browser){
		"changed": func(w *town, ann *browser) {
			w.do("POST", "/auth/password", ann, map[string]any{"password": goodPassword, "new_password": newPassword}).want(200)
		},
		"recovered": func(w *town, _ *browser) {
			w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": w.asked("ann@example.org"), "password": newPassword}).want(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *town) {
				w.person("ann@example.org", "patient")
				ann, thief := w.in("ann@example.org"), w.in("ann@example.org")
				link, move := w.asked("ann@example.org"), w.moving(thief, "thief@evil.example")
				change(w, ann)
				w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": link, "password": anothersPassword}).want(422)
				w.do("POST", "/auth/email/confirm", nil, map[string]any{"token": move}).want(422)
				w.signIn(nil, "ann@example.org", newPassword).want(200)
			})
		})
	}
}

// TestNewEnrolmentLinkReplacesTheOld: adding somebody again who still waits gives a link in place of the one before, which may lie in the
// wrong hands; whoever has enrolled is not added again.
func TestNewEnrolmentLinkReplacesTheOld(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		first, err := w.AddUser(w.ctx(), operator, "ann@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.AddUser(w.ctx(), operator, "ann@example.org", nil)
		if err != nil || second.ID != first.ID {
			t.Fatalf("added again: %v, account %s, was %s", err, second.ID, first.ID)
		}
		enrol := func(link types.Secret, password string) *reply {
			return w.do("POST", "/auth/enrol", nil, map[string]any{"token": secretOf(t, link), "password": password})
		}
		enrol(first.Link, anothersPassword).want(422)
		enrol(second.Link, goodPassword).want(200)
		w.in("ann@example.org")
		if _, err := w.AddUser(w.ctx(), operator, "ann@example.org", nil); types.CodeOf(err) != "account_exists" {
			t.Fatalf("somebody's account was added again: %v", err)
		}
	})
}

// TestOnlyMailProvesAnAddress: a link that an operator hands over by hand says nothing about who reads mail at the address; one that went
// there does.
func TestOnlyMailProvesAnAddress(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		verified := func(id types.ID) string {
			return w.rows("SELECT verified FROM fastness_account WHERE id = ?", types.IDValue(id))[0][0]
		}
		if by := verified(w.person("hand@example.org", "patient")); by != "0" {
			t.Errorf("verified is %s after a link that was handed over", by)
		}
		invited, err := w.Invite(w.ctx(), operator, "mail@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		link := w.mails.last(t, "mail@example.org", signup.LetterInvite).Link
		w.do("POST", "/auth/enrol", nil, map[string]any{"token": secretOf(t, link), "password": goodPassword}).want(200)
		if by := verified(invited.ID); by != "1" {
			t.Errorf("verified is %s after a link that went by mail", by)
		}
	})
}
