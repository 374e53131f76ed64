package identity_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// What a lock undoes and what it leaves, whatever a thief or a reader of mail does around it. Each test has a saboteur of its own.

// TestThiefVoidsNoLetter: the link of the letter about an app that a thief enrolled works after he changed the password or locked the account
// himself, and the owner is not asked for his app.
func TestThiefVoidsNoLetter(t *testing.T) {
	for name, next := range map[string]func(w *town, thief *browser){
		"a new password": func(w *town, thief *browser) {
			w.do("POST", "/auth/password", thief, map[string]any{"password": goodPassword, "new_password": "the thief chooses this one"}).want(200)
		},
		"a lock":           func(w *town, thief *browser) { w.do("POST", "/auth/lock", thief, nil).want(200) },
		"her own recovery": func(w *town, _ *browser) { w.recovered("ann@example.org", "chosen in a hurry by ann", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			real(t, func(t *testing.T, w *town) {
				w.person("ann@example.org", "patient")
				thief := w.in("ann@example.org")
				w.app(thief)
				w.clock.Advance(3 * time.Minute)
				letter := w.mails.last(t, "ann@example.org", signup.LetterFactorAdded)
				next(w, thief)
				w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": secretOf(t, letter.Lock)}).want(200)
				w.recovered("ann@example.org", "a new password of mine", from("192.0.2.%d", 9))
				if r := w.signIn(nil, "ann@example.org", "a new password of mine").want(200); r.text("status") != "signed_in" {
					t.Errorf("the owner is asked for %v", r.JSON["factors"])
				}
			})
		})
	}
}

// TestMovedAppIsFromBefore: whoever reads the mail is not past an app that its owner moved to another phone, even twice; the one from before
// the letter counts again, and not that of after.
func TestMovedAppIsFromBefore(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		first := w.app(b)
		w.clock.Advance(24 * 20 * time.Hour)
		b = &browser{device: b.device}
		w.prove(b, "totp", w.attempt(b, "ann@example.org"), first.code(0)).want(200)
		w.clock.Advance(2 * time.Minute)
		w.app(b)
		letter := w.mails.last(t, "ann@example.org", signup.LetterFactorAdded)
		w.clock.Advance(2 * time.Minute)
		second := w.app(b)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": secretOf(t, letter.Lock)}).want(200)
		w.recovered("ann@example.org", goodPassword, nil)
		other := from("192.0.2.%d", 7)
		w.prove(other, "totp", w.attempt(other, "ann@example.org"), second.code(0)).want(401)
		w.clock.Advance(time.Minute)
		w.prove(other, "totp", w.attempt(other, "ann@example.org"), first.code(0)).want(200)
	})
}

// TestLockTakesTheCodes: recovery codes that a thief made are no second factor after the link of the letter about them.
func TestLockTakesTheCodes(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		p := w.app(b) // the owner's, from before
		w.clock.Advance(time.Hour)
		thief := &browser{device: b.device}
		w.prove(thief, "totp", w.attempt(thief, "ann@example.org"), p.code(0)).want(200)
		w.clock.Advance(2 * time.Minute)
		codes := w.do("POST", "/auth/recovery-codes", thief, nil).want(200).JSON["codes"].([]any)
		letter := w.mails.last(t, "ann@example.org", signup.LetterFactorAdded)
		w.do("POST", "/auth/lock/confirm", nil, map[string]any{"token": secretOf(t, letter.Lock)}).want(200)
		w.recovered("ann@example.org", goodPassword, nil)
		eve := stranger(3)
		w.prove(eve, "recovery-code", w.attempt(eve, "ann@example.org"), codes[0].(string)).want(401)
	})
}

// TestResetOpensTheCodes: after an operator's reset the codes of another app are taken, whatever was guessed at the old one; and no letter
// said before that a new password would open what it does not.
func TestResetOpensTheCodes(t *testing.T) {
	each(t, func(c *identity.Config) { c.Factors, c.Throttle.Few = nil, 10 }, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		p := w.app(w.in("ann@example.org"))
		for n := range 3 {
			w.wrongCodes(p, 10, stranger)
			w.recovered("ann@example.org", goodPassword, stranger(n))
		}
		lost := from("192.0.2.%d", 7)
		w.prove(lost, "totp", w.attempt(lost, "ann@example.org"), p.code(0)).want(429)
		if n := w.mails.count("ann@example.org", signup.LetterGuessed); n != 0 {
			t.Errorf("%d letters say that a new password opens what no password opens", n)
		}
		if err := w.ResetFactors(w.ctx(), operator, id, "cannot get in"); err != nil {
			t.Fatal(err)
		}
		fresh := w.app(w.in("ann@example.org"))
		other := from("192.0.2.%d", 8)
		w.prove(other, "totp", w.attempt(other, "ann@example.org"), fresh.code(0)).want(200)
	})
}

// TestManagerUndoesHisOwn: what an operator opened after its owner had closed it is an account like any other, which managers disable and
// enable; what its owner holds closed they do neither.
func TestManagerUndoesHisOwn(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		w.key(ann, "Phone")
		w.person("boss@example.org", "admin", "patient")
		boss := w.who(w.in("boss@example.org"))
		w.do("POST", "/auth/lock", ann, nil).want(200)
		for _, err := range []error{w.Disable(w.ctx(), boss, id), w.Enable(w.ctx(), boss, id)} {
			if types.CodeOf(err) != "closed_by_owner" {
				t.Errorf("by a manager: %v", err)
			}
		}
		for _, err := range []error{w.Enable(w.ctx(), operator, id), w.Disable(w.ctx(), boss, id), w.Enable(w.ctx(), boss, id)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestClosedAccountIsRecovered: an account without a way in that an operator opened waits for an invitation, and a recovery letter opens it
// if mail to its address had reached its owner before; somebody who never came gets none.
func TestClosedAccountIsRecovered(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		if _, err := w.Invite(w.ctx(), operator, "ann@example.org", []string{"patient"}); err != nil {
			t.Fatal(err)
		}
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		if n := w.mails.count("ann@example.org", signup.LetterRecover); n != 0 {
			t.Errorf("%d recovery letters to somebody who never came", n)
		}
		link := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterInvite).Link)
		w.do("POST", "/auth/enrol", nil, map[string]any{"token": link, "password": goodPassword}).want(200)
		ann := w.in("ann@example.org")
		id := w.who(ann).Account
		w.do("POST", "/auth/lock", ann, nil).want(200)
		if err := w.Enable(w.ctx(), operator, id); err != nil {
			t.Fatal(err)
		}
		w.recovered("ann@example.org", "a new password of mine", nil)
		w.signIn(nil, "ann@example.org", "a new password of mine").want(200)
	})
}
