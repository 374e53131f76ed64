package identity_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks on factors where a password or a session was there before. Each test has a saboteur of its own.

// patient is a town with the room's own factors in which one may guess for as long as a test has lies to tell.
func patient(c *identity.Config) {
	c.Factors = nil
	c.Throttle.Pair, c.Throttle.Account, c.Throttle.Factor = 1e6, 1e6, 1e6
	c.Plan.Decl.Session.Parallel = 1000
}

// lies are what an authenticator answers that proves nothing about whoever asked for the challenge o.
var lies = map[string]func(a authenticator, o options) any{
	"another challenge": func(a authenticator, o options) any {
		o.PublicKey.Challenge = b64(make([]byte, 32))
		return a.get(o)
	},
	"another origin":        func(a authenticator, o options) any { a.origin = "https://evil.example"; return a.get(o) },
	"another relying party": func(a authenticator, o options) any { a.rp = "evil.example"; return a.get(o) },
	"another key":           func(a authenticator, o options) any { a.key = newAuthenticator(a.t).key; return a.get(o) },
	"an unknown credential": func(a authenticator, o options) any { a.id = make([]byte, 32); return a.get(o) },
	"user not verified":     func(a authenticator, o options) any { a.flags = present; return a.get(o) },
	"a counter gone back":   func(a authenticator, o options) any { a.counter = 0; return a.get(o) },
	"a registration":        func(a authenticator, o options) any { return a.create(o) },
	"nothing":               func(authenticator, options) any { return map[string]any{} },
	"no object":             func(authenticator, options) any { return "right" },
}

// TestPasskeyIsRefusedLater: a passkey that is asked for after a password, or in a session, must answer this very challenge, here, with
// this account's key and a verified user; what it answered once it answers no second time.
func TestPasskeyIsRefusedLater(t *testing.T) {
	each(t, patient, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.person("eve@example.org", "patient")
		session := w.in("ann@example.org")
		phone, eves := w.key(session, "Phone"), w.key(w.in("eve@example.org"), "Mine")
		doors := map[string]struct {
			ask  func() (string, options)
			show func(attempt string, response any) (*reply, bool) // true: something was opened
		}{
			"after a password": {func() (string, options) {
				attempt := w.attempt(&browser{}, "ann@example.org")
				return attempt, phone.options(w.do("POST", "/auth/sign-in/passkey/options", nil, map[string]any{"attempt": attempt}).want(200))
			}, func(attempt string, response any) (*reply, bool) {
				b := &browser{}
				return w.touch(b, attempt, response), !b.session.Empty()
			}},
			"at step-up": {func() (string, options) {
				r := w.do("POST", "/auth/step-up/passkey/options", session, nil).want(200)
				return r.text("attempt"), phone.options(r)
			}, func(attempt string, response any) (*reply, bool) {
				b := &browser{session: session.session}
				r := w.do("POST", "/auth/step-up/passkey", b, map[string]any{"attempt": attempt, "response": response})
				opened := r.Answer != nil && r.Answer.Session != nil
				if opened {
					session.session = b.session
				}
				return r, opened
			}},
		}
		w.clock.Advance(10 * time.Minute)
		for where, door := range doors {
			refused := func(what, attempt string, response any) {
				t.Helper()
				if r, opened := door.show(attempt, response); opened || r.Status != 401 && r.Status != 422 {
					t.Errorf("%s, %s: answered %d %s", where, what, r.Status, r.Code)
				}
			}
			for what, lie := range lies {
				attempt, o := door.ask()
				refused(what, attempt, lie(*phone, o))
			}
			attempt, o := door.ask()
			refused("somebody else's passkey", attempt, eves.get(o))
			used := phone.get(o)
			if r, _ := door.show(attempt, used); r.Status != 200 {
				t.Fatalf("%s: the right response answered %d %s", where, r.Status, r.Code)
			}
			refused("a response again", attempt, used)
			w.clock.Advance(time.Minute)
			attempt, _ = door.ask()
			refused("a response to an earlier challenge", attempt, used)
			refused("no attempt at all", "", used)
			refused("an attempt that was not asked", w.attempt(&browser{}, "ann@example.org"), used)
		}
	})
}

// TestStepUpWithAnotherSessionsChallenge: what one session of an account was asked another does not answer.
func TestStepUpWithAnotherSessionsChallenge(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		phone := w.key(b, "Phone")
		other := &browser{}
		attempt, o := w.discover(other, phone)
		w.touch(other, attempt, phone.get(o)).want(200)
		r := w.do("POST", "/auth/step-up/passkey/options", other, nil).want(200)
		answer := map[string]any{"attempt": r.text("attempt"), "response": phone.get(phone.options(r))}
		w.do("POST", "/auth/step-up/passkey", b, answer).want(422)
		w.do("POST", "/auth/step-up/passkey", other, answer).want(200)
	})
}

// TestStepUpWithSomebodyElsesChallenge: whoever holds Ann's session and a passkey of his own does not freshen hers with what he proved
// about himself: not with a challenge of his session, nor with one of his sign-in, nor with one that names nobody.
func TestStepUpWithSomebodyElsesChallenge(t *testing.T) {
	each(t, patient, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.person("eve@example.org", "patient")
		ann, eve := w.in("ann@example.org"), w.in("eve@example.org")
		phone, eves := w.key(ann, "Phone"), w.key(eve, "Mine")
		w.clock.Advance(10 * time.Minute)
		challenges := map[string]func() (string, options){
			"of her session": func() (string, options) {
				r := w.do("POST", "/auth/step-up/passkey/options", eve, nil).want(200)
				return r.text("attempt"), eves.options(r)
			},
			"of her sign-in": func() (string, options) {
				attempt := w.attempt(&browser{}, "eve@example.org")
				return attempt, eves.options(w.do("POST", "/auth/sign-in/passkey/options", nil, map[string]any{"attempt": attempt}).want(200))
			},
			"of nobody": func() (string, options) { return w.discover(&browser{}, eves) },
		}
		for whose, ask := range challenges {
			for what, key := range map[string]*authenticator{"her own passkey": eves, "Ann's passkey": phone} {
				attempt, o := ask()
				stolen := &browser{session: ann.session}
				r := w.do("POST", "/auth/step-up/passkey", stolen, map[string]any{"attempt": attempt, "response": key.get(o)})
				if r.Status != 422 || stolen.session.Reveal() != ann.session.Reveal() {
					t.Errorf("a challenge %s, answered by %s: %d %s", whose, what, r.Status, r.Code)
				}
			}
		}
		w.do("POST", "/auth/passkeys/options", ann, nil).want(403) // not fresh
		if n := w.evidence(types.StepUp, types.Done); n != 0 {
			t.Errorf("%d step-ups are in evidence", n)
		}
		r := w.do("POST", "/auth/step-up/passkey/options", ann, nil).want(200)
		w.do("POST", "/auth/step-up/passkey", ann, map[string]any{"attempt": r.text("attempt"), "response": phone.get(phone.options(r))}).want(200)
	})
}
