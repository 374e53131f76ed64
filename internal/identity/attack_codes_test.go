package identity_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks by patience on the codes of an app, by somebody who knows the password. Each test has a saboteur of its own.

// wrongCodes guesses n codes, slowly enough for every window; by picks the browser.
func (w *town) wrongCodes(p *phone, n int, by func(n int) *browser) {
	w.t.Helper()
	for n := range n {
		if n%8 == 0 {
			w.clock.Advance(16 * time.Minute)
		}
		eve := by(n)
		w.prove(eve, "totp", w.attempt(eve, "ann@example.org"), p.code(9)).want(401)
	}
	w.clock.Advance(time.Hour)
}

func stranger(n int) *browser { return from("203.0.%d.9", n%250) }

// recovered chooses a new password by mail.
func (w *town) recovered(email, password string, asks *browser) {
	w.t.Helper()
	w.do("POST", "/auth/recover", asks, map[string]any{"email": email}).want(202)
	link := secretOf(w.t, w.mails.last(w.t, email, signup.LetterRecover).Link)
	w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": link, "password": password}).want(200)
}

// TestPatienceFindsNoCode: whoever keeps within the windows is stopped after a hundred codes, and the owner told; she goes on at her own
// device, with a recovery code, and with the app after she chose a new password.
func TestPatienceFindsNoCode(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		p := w.app(b)
		codes := w.do("POST", "/auth/recovery-codes", b, nil).want(200).JSON["codes"].([]any)
		w.wrongCodes(p, 100, stranger)
		if n := w.mails.count("ann@example.org", signup.LetterGuessed); n != 0 {
			t.Fatalf("%d letters say that codes are refused, and none was", n)
		}
		for n := range 3 {
			eve := stranger(100 + n)
			if r := w.prove(eve, "totp", w.attempt(eve, "ann@example.org"), p.code(0)).want(429); r.Code != "too_many_codes" || r.After < 24*time.Hour {
				t.Fatalf("the hundred and first: %s, wait %v", r.Code, r.After)
			}
		}
		if n := w.mails.count("ann@example.org", signup.LetterGuessed); n != 1 {
			t.Fatalf("%d letters, want 1", n)
		}
		own := &browser{device: b.device}
		w.prove(own, "totp", w.attempt(own, "ann@example.org"), p.code(0)).want(200)
		lost := from("192.0.2.%d", 7)
		w.prove(lost, "recovery-code", w.attempt(lost, "ann@example.org"), codes[0].(string)).want(200)
		w.clock.Advance(time.Minute)
		w.do("POST", "/auth/password", own, map[string]any{"password": goodPassword, "new_password": "a new password of mine"}).want(200)
		other := from("192.0.2.%d", 8)
		attempt := w.signIn(other, "ann@example.org", "a new password of mine").want(200).text("attempt")
		w.prove(other, "totp", attempt, p.code(0)).want(200)
	})
}

// TestManyDevicesAreOne: whoever had the password before the app was enrolled and made himself many known devices has no more guesses, and
// no more letters, than with a few.
func TestManyDevicesAreOne(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		var devices []types.Secret
		for range 12 {
			devices = append(devices, w.in("ann@example.org").device)
		}
		p := w.app(w.in("ann@example.org"))
		judged := 0
		for _, d := range devices {
			for range 10 {
				eve := &browser{device: d, address: "198.51.100.7"}
				if w.prove(eve, "totp", w.attempt(eve, "ann@example.org"), p.code(9)).Status == 401 {
					judged++
				}
			}
			w.do("POST", "/auth/recover", &browser{device: d}, map[string]any{"email": "ann@example.org"})
		}
		if judged != 30 {
			t.Errorf("%d codes were guessed within one window, want 30", judged)
		}
		if n := w.mails.count("ann@example.org", signup.LetterRecover); n != 5 {
			t.Errorf("%d letters within one window, want 5", n)
		}
	})
}

// TestMailDoesNotRenewTheMonth: whoever reads the owner's mail chooses passwords as often as he likes, and is stopped all the same.
func TestMailDoesNotRenewTheMonth(t *testing.T) {
	each(t, func(c *identity.Config) { c.Factors, c.Throttle.Few = nil, 10 }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		p := w.app(w.in("ann@example.org"))
		judged, password := 0, goodPassword
		for n := range 60 {
			if n%5 == 0 {
				w.clock.Advance(16 * time.Minute)
				password = "password number " + types.Token(4)
				w.recovered("ann@example.org", password, stranger(n))
			}
			eve := stranger(n)
			if w.prove(eve, "totp", w.signIn(eve, "ann@example.org", password).want(200).text("attempt"), p.code(9)).Status == 401 {
				judged++
			}
		}
		if judged != 30 {
			t.Fatalf("%d codes were judged, want 30", judged)
		}
	})
}

// TestNewPasswordOpensTheMonth: whichever way the owner comes to a new password, and wherever the codes were mistyped.
func TestNewPasswordOpensTheMonth(t *testing.T) {
	const fresh = "a new password of mine"
	each(t, func(c *identity.Config) { c.Factors, c.Throttle.Few = nil, 16 }, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		p := w.app(b)
		enters := func(own *browser) {
			t.Helper()
			w.prove(own, "totp", w.signIn(own, "ann@example.org", fresh).want(200).text("attempt"), p.code(0)).want(200)
			w.clock.Advance(time.Minute)
		}
		w.wrongCodes(p, 16, func(int) *browser { return &browser{device: b.device} }) // her phone's clock is wrong
		w.recovered("ann@example.org", fresh, nil)
		enters(&browser{device: b.device})
		if err := w.Identity.Lock(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		w.recovered("ann@example.org", goodPassword, nil)
		w.wrongCodes(p, 16, stranger)
		for _, err := range []error{w.Identity.Lock(w.ctx(), operator, id), w.Enable(w.ctx(), operator, id)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		added, err := w.AddUser(w.ctx(), operator, "ann@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/auth/enrol", nil, map[string]any{"token": secretOf(t, added.Link), "password": fresh}).want(200)
		enters(from("192.0.2.%d", 8))
	})
}

// TestNoAppNoMonth: guesses at an app that the account does not have are none, and its owner is told of nothing.
func TestNoAppNoMonth(t *testing.T) {
	each(t, func(c *identity.Config) { c.Factors, c.Throttle.Few = nil, 10 }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.key(w.in("ann@example.org"), "Phone")
		w.wrongCodes(&phone{w, make([]byte, 20)}, 12, stranger)
		if n := w.mails.count("ann@example.org", signup.LetterGuessed); n != 0 {
			t.Fatalf("%d letters about an app that the account does not have", n)
		}
	})
}
