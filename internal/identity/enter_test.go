package identity_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestProgramsConfirmWithAPassword: a program that has a link only confirms nothing, so that no stranger's password opens the account of an
// address that its owner confirmed. With the password of the sign-up that one stands; another takes its place. No session starts.
func TestProgramsConfirmWithAPassword(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		const mine = "a new password of mine"
		w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "ann@example.org", "password": goodPassword}).want(202)
		token := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterConfirm).Link)
		w.do("POST", "/auth/sign-up/confirm", nil, map[string]any{"token": token}).want(422)
		w.do("POST", "/auth/sign-up/confirm", nil, map[string]any{"token": token, "password": ""}).want(422)
		w.signIn(nil, "ann@example.org", goodPassword).want(401)
		b := &browser{}
		r := w.do("POST", "/auth/sign-up/confirm", b, map[string]any{"token": token, "password": mine}).want(200)
		if r.text("status") != "confirmed" || !b.session.Empty() {
			t.Fatalf("a program is told %v, with a session: %v", r.JSON, !b.session.Empty())
		}
		w.signIn(nil, "ann@example.org", goodPassword).want(401)
		w.signIn(nil, "ann@example.org", mine).want(200)
	})
}

// TestLinkOwesTheSecondFactor: a link with a password is one factor. An account that kept a second one owes it, a role that demands one is
// dormant, and a recovery link makes no session at all.
func TestLinkOwesTheSecondFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		enter := func(email string) *signin.Step {
			added, err := w.AddUser(w.ctx(), operator, email, nil)
			if err != nil {
				t.Fatal(err)
			}
			step, err := w.Links().Enrol(w.ctx(), types.NewSecret(secretOf(t, added.Link)), types.NewSecret(goodPassword), nil, signin.Client{}, true)
			if err != nil {
				t.Fatal(err)
			}
			return step
		}
		id := w.person("ann@example.org", "patient")
		w.enrol(id, types.TOTP, 1)
		if err := w.Lock(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		if err := w.Enable(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		if step := enter("ann@example.org"); step.Session != nil || len(step.Factors) == 0 || step.Attempt.Empty() {
			t.Fatalf("an account with a second factor was entered by a link and a password: %+v", step)
		}
		if n := len(w.rows("SELECT id FROM fastness_session")); n != 0 {
			t.Errorf("%d sessions", n)
		}

		added, err := w.AddUser(w.ctx(), operator, "bob@example.org", []string{"clinician"})
		if err != nil {
			t.Fatal(err)
		}
		step, err := w.Links().Enrol(w.ctx(), types.NewSecret(secretOf(t, added.Link)), types.NewSecret(goodPassword), nil, signin.Client{}, true)
		if err != nil || step.Session == nil {
			t.Fatalf("no session: %v", err)
		}
		if who := w.Sessions().Opened(step.Session); who.Roles != 0 || who.Dormant == 0 || who.Factors != types.Password {
			t.Errorf("a role that demands a factor is in force: %+v", who)
		}
		if n := w.evidence(types.SignIn, types.Done); n != 1 {
			t.Errorf("%d entries about sign-ins, want 1", n)
		}

		w.do("POST", "/auth/recover", nil, map[string]any{"email": "bob@example.org"}).want(202)
		b := &browser{}
		w.do("POST", "/auth/recover/confirm", b, map[string]any{"token": secretOf(t, w.mails.last(t, "bob@example.org", signup.LetterRecover).Link), "password": "a new password of mine"}).want(200)
		if !b.session.Empty() || len(w.rows("SELECT id FROM fastness_session")) != 0 {
			t.Error("a recovery link signed in")
		}
	})
}
