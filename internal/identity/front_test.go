package identity_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestADayOfAPerson: sign up, confirm, sign in, look, sign out.
func TestADayOfAPerson(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		r := w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "Ann@Example.org", "password": goodPassword}).want(202)
		if r.text("status") != "check_mail" {
			t.Fatalf("sign-up said %v", r.JSON)
		}
		w.signIn(nil, "ann@example.org", goodPassword).want(401) // not before the link
		link := w.mails.last(t, "ann@example.org", signup.LetterConfirm).Link
		w.do("POST", "/auth/sign-up/confirm", nil, map[string]any{"token": secretOf(t, link), "password": goodPassword}).want(200)
		w.do("POST", "/auth/sign-up/confirm", nil, map[string]any{"token": secretOf(t, link), "password": goodPassword}).want(422)

		ann := &browser{}
		in := w.signIn(ann, "ann@example.org", goodPassword).want(200)
		if in.text("status") != "signed_in" || in.JSON["token"] != nil || ann.session.Empty() {
			t.Fatalf("sign-in answered %v", in.JSON)
		}
		me := w.do("GET", "/auth/session", ann, nil).want(200)
		if roles := me.JSON["roles"].([]any); len(roles) != 1 || roles[0] != "patient" || me.text("email") != "ann@example.org" {
			t.Fatalf("session: %v", me.JSON)
		}
		w.do("POST", "/auth/sign-out", ann, nil).want(204)
		for ev, n := range map[types.Event]int{types.SignUp: 1, types.SignIn: 1, types.SignOut: 1} {
			if got := w.evidence(ev, types.Done); got != n {
				t.Errorf("%s: %d entries, want %d", ev, got, n)
			}
		}
	})
}

// TestBearer: the token is in the body, once, and is good for its own transport only.
func TestBearer(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := &browser{}
		r := w.do("POST", "/auth/sign-in", b, map[string]any{"email": "ann@example.org", "password": goodPassword, "transport": "bearer"}).want(200)
		if r.text("token") == "" || r.Answer.Session != nil {
			t.Fatalf("bearer sign-in answered %v, session %v", r.JSON, r.Answer.Session)
		}
		token := types.NewSecret(r.text("token"))
		if !w.alive(&browser{bearer: token}) {
			t.Fatal("the bearer token does not open its session")
		}
		if w.alive(&browser{session: token}) {
			t.Fatal("a bearer token was accepted as a cookie")
		}
	})
}

// TestOperatorsDay: add, explain, list, grant until Friday, revoke, disable, enable.
func TestOperatorsDay(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("bob@example.org")
		b := w.in("bob@example.org")
		if err := w.Grant(w.ctx(), operator, id, "auditor", start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		has := func() int { return len(w.do("GET", "/auth/session", b, nil).want(200).JSON["roles"].([]any)) }
		if has() != 1 {
			t.Fatal("the granted role is not in force at once")
		}
		w.clock.Advance(10 * time.Minute)
		has()
		w.clock.Advance(25 * time.Minute)
		has()
		w.clock.Advance(24 * time.Minute)
		if has() != 1 {
			t.Fatal("the grant ended before its time")
		}
		w.clock.Advance(2 * time.Minute)
		if has() != 0 {
			t.Fatal("the grant outlived its time")
		}
		if lines, err := w.Explain(w.ctx(), operator, id); err != nil || len(lines) != 3 {
			t.Fatalf("explain: %q %v", lines, err)
		}
		if users, err := w.List(w.ctx(), operator, "", 10); err != nil || len(users) != 1 || users[0].Account.Email != "bob@example.org" {
			t.Fatalf("list: %v %v", users, err)
		}
		if err := w.Disable(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		if w.alive(b) {
			t.Fatal("a disabled account's session lives")
		}
		w.signIn(nil, "bob@example.org", goodPassword).want(401)
		if err := w.Enable(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		w.in("bob@example.org")
	})
}
