package identity_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks on the way in. Each test has a saboteur of its own.

// from is a browser at an address.
func from(format string, a ...any) *browser { return &browser{address: fmt.Sprintf(format, a...)} }

// TestBruteForceFromOneAddress: after ten guesses even the right password waits, and waiting helps.
func TestBruteForceFromOneAddress(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		for range 10 {
			w.signIn(from("198.51.100.1"), "ann@example.org", "guess guess guess").want(401)
		}
		r := w.signIn(from("198.51.100.2"), "ann@example.org", goodPassword)
		if r.Status != 429 || r.After <= 0 || r.After > 15*time.Minute {
			t.Fatalf("guess 11 from the same network answered %d, retry after %s", r.Status, r.After)
		}
		w.signIn(from("192.0.2.1"), "ann@example.org", goodPassword).want(200) // another network is another lane
		w.clock.Advance(r.After)
		w.signIn(from("198.51.100.1"), "ann@example.org", goodPassword).want(200)
	})
}

// TestBruteForceFromManyAddresses: a botnet that gives each address a few guesses meets the account's own lane.
func TestBruteForceFromManyAddresses(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		refused := 0
		for n := range 60 {
			if w.signIn(from("10.%d.0.1", n), "ann@example.org", "guess guess guess").Status == 429 {
				refused++
			}
		}
		if refused != 10 {
			t.Fatalf("%d of 60 guesses from as many networks were refused, want 10", refused)
		}
	})
}

// TestOwnerKeepsHisLane: whoever guesses from everywhere locks strangers out, not the owner at a device he has used before;
// the device's own lane is bounded too, and a forged device cookie opens none.
func TestOwnerKeepsHisLane(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		for n := range 60 {
			w.signIn(from("10.%d.0.1", n), "ann@example.org", "guess guess guess")
		}
		w.signIn(from("192.0.2.1"), "ann@example.org", goodPassword).want(429)
		forged := from("192.0.2.1")
		forged.device = types.NewSecret("x." + strings.Repeat("0", 32))
		w.signIn(forged, "ann@example.org", goodPassword).want(429)
		w.signIn(&browser{device: ann.device, address: "192.0.2.1"}, "ann@example.org", goodPassword).want(200)
		for range 10 {
			w.signIn(&browser{device: ann.device}, "ann@example.org", "guess guess guess").want(401)
		}
		w.signIn(&browser{device: ann.device}, "ann@example.org", goodPassword).want(429)
	})
}

// TestGuessesAtOnce: forty guesses at the same moment are not more than seven.
func TestGuessesAtOnce(t *testing.T) {
	each(t, func(c *identity.Config) { c.Throttle.Pair = 7 }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		before := w.hashes.verify.Load()
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for range 40 {
			wg.Go(func() { <-gate; w.signIn(from("198.51.100.1"), "ann@example.org", "guess guess guess") })
		}
		close(gate)
		wg.Wait()
		if n := w.hashes.verify.Load() - before; n != 7 {
			t.Fatalf("%d guesses were judged, want 7", n)
		}
	})
}

// TestEnumerationAtSignIn: absent, existing, disabled, locked and invited addresses get the same answer for the same work, statement by
// statement.
func TestEnumerationAtSignIn(t *testing.T) {
	work := &tally{}
	each(t, work.watch, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.others()
		type seen struct {
			status       int
			text, work   string
			hashes       int64
			entries, try int
		}
		var first seen
		for n, email := range []string{"ann@example.org", "nobody@example.org", "gone@example.org", "shut@example.org", "new@example.org", "not an address"} {
			hashes, entries := w.hashes.all(), w.evidence(types.SignInFail, types.Refused)
			lanes := len(w.rows("SELECT lane FROM fastness_throttle"))
			work.since()
			r := w.signIn(from("10.%d.0.1", n), email, "guess guess guess")
			got := seen{r.Status, r.Err.Error(), work.since(), w.hashes.all() - hashes,
				w.evidence(types.SignInFail, types.Refused) - entries, len(w.rows("SELECT lane FROM fastness_throttle")) - lanes}
			if n == 0 {
				first = got
			} else if got != first {
				t.Errorf("%s: %+v, an existing address: %+v", email, got, first)
			}
		}
		if first.hashes != 1 || first.entries != 1 || first.work == "" {
			t.Errorf("a failed sign-in cost %+v, want one hash and one entry", first)
		}
	})
}

// TestFailedAnswersLeaveAtTheFloor: what is left of the floor is waited for, whatever the reason of the failure.
func TestFailedAnswersLeaveAtTheFloor(t *testing.T) {
	each(t, func(c *identity.Config) { c.Floor = 300 * time.Millisecond }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		for _, email := range []string{"ann@example.org", "nobody@example.org"} {
			before := w.waits.Load()
			w.signIn(nil, email, "guess guess guess").want(401)
			if d := time.Duration(w.waits.Load() - before); d != 300*time.Millisecond {
				t.Errorf("a failed sign-in of %s was held back %s, want the floor", email, d)
			}
		}
		before := w.waits.Load()
		w.signIn(nil, "ann@example.org", goodPassword).want(200)
		if w.waits.Load() != before {
			t.Error("a sign-in that succeeded was held back")
		}
	})
}

// TestFactorBypass: the last step does nothing for those who did not take the first, and the first alone opens nothing.
func TestFactorBypass(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "clinician")
		w.enrol(id, types.TOTP, 1)
		b := &browser{}
		r := w.signIn(b, "ann@example.org", goodPassword).want(200)
		if r.text("status") != "factor_required" || !b.session.Empty() || r.text("session") != "" || r.text("token") != "" {
			t.Fatalf("a password alone opened the account: %v", r.JSON)
		}
		if len(w.rows("SELECT id FROM fastness_session")) != 0 {
			t.Fatal("a session was started before the second factor")
		}
		for _, attempt := range []string{types.Token(32), "", "x"} {
			w.do("POST", "/auth/sign-in/totp", nil, map[string]any{"attempt": attempt, "response": "right"}).want(401)
		}
		w.do("POST", "/auth/sign-in/password", nil, map[string]any{"attempt": r.text("attempt"), "response": "right"}).want(404)
		w.do("POST", "/auth/sign-in/passkey", nil, map[string]any{"attempt": r.text("attempt"), "response": "right"}).want(401) // not enrolled
		if w.alive(&browser{session: types.NewSecret(r.text("attempt"))}) || w.alive(&browser{bearer: types.NewSecret(r.text("attempt"))}) {
			t.Fatal("an attempt was honoured as a session")
		}
		w.do("POST", "/auth/sign-in/totp", b, map[string]any{"attempt": r.text("attempt"), "response": "right"}).want(200)
		w.do("POST", "/auth/sign-in/totp", nil, map[string]any{"attempt": r.text("attempt"), "response": "right"}).want(401) // used up
		if !w.alive(b) {
			t.Fatal("both factors do not open the account")
		}
	})
}

// TestAttemptEnds: five wrong responses or ten minutes end an attempt; beginning again does not reset the count.
func TestAttemptEnds(t *testing.T) {
	each(t, func(c *identity.Config) { c.Throttle.Pair = 10 }, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "clinician")
		w.enrol(id, types.TOTP, 1)
		begin := func() string {
			return w.signIn(nil, "ann@example.org", goodPassword).want(200).text("attempt")
		}
		answer := func(attempt, response string) *reply {
			return w.do("POST", "/auth/sign-in/totp", nil, map[string]any{"attempt": attempt, "response": response})
		}
		attempt := begin()
		w.clock.Advance(10 * time.Minute)
		answer(attempt, "right").want(401)
		judged := 0
		for judged < 30 {
			attempt = begin()
			r := answer(attempt, "wrong")
			if r.Status == 429 {
				break
			}
			r.want(401)
			judged++
			for range 4 {
				if r := answer(attempt, "wrong"); r.Status != 401 {
					break
				}
				judged++
			}
			if judged <= 10 {
				if r := answer(attempt, "right"); r.Status == 200 {
					t.Fatal("a sixth response was judged in one attempt")
				}
			}
		}
		if judged > 10 {
			t.Fatalf("%d codes could be guessed by beginning again, want at most 10", judged)
		}
	})
}

// TestStepUpBypass: a wrong response, a factor that is not enrolled or a wrong password proves nothing; the right response does.
func TestStepUpBypass(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		w.enrol(id, types.TOTP, 1)
		ann := w.inWith("ann@example.org", "totp")
		w.clock.Advance(10 * time.Minute)
		want := map[string]any{"name": "ci", "roles": []string{"patient"}, "expires": w.clock.Now().Add(time.Hour)}
		w.do("POST", "/auth/tokens", ann, want).want(403) // stale
		for name, body := range map[string]map[string]any{"totp": {"response": "wrong"}, "passkey": {"response": "right"}} {
			if r := w.do("POST", "/auth/step-up/"+name, ann, body); r.Status == 200 {
				t.Fatalf("%s proved by %v", name, body)
			}
		}
		w.do("POST", "/auth/step-up", ann, map[string]any{"password": "guess guess guess"}).want(409)
		w.do("POST", "/auth/tokens", ann, want).want(403)
		w.do("POST", "/auth/step-up/totp", ann, map[string]any{"response": "right"}).want(200)
		w.do("POST", "/auth/tokens", ann, want).want(201)
	})
}

// TestPasswordFreshensNoSecondFactor: whoever has a stolen session and the password, but not the factor, neither freshens that session nor removes
// the factor, whichever way the password is proved.
func TestPasswordFreshensNoSecondFactor(t *testing.T) {
	for _, kind := range []types.Factor{types.TOTP, types.Passkey} {
		each(t, nil, func(t *testing.T, w *town) {
			id := w.person("ann@example.org", "patient")
			w.enrol(id, kind, 1)
			stolen := w.inWith("ann@example.org", map[types.Factor]string{types.TOTP: "totp", types.Passkey: "passkey"}[kind])
			w.clock.Advance(10 * time.Minute)
			token := map[string]any{"name": "ci", "roles": []string{"patient"}, "expires": w.clock.Now().Add(time.Hour)}
			if r := w.do("POST", "/auth/step-up", stolen, map[string]any{"password": goodPassword}).want(409); r.Code != "factor_enrolled" {
				t.Errorf("refused as %s", r.Code)
			}
			w.do("POST", "/auth/tokens", stolen, token).want(403)
			w.do("POST", "/auth/password", stolen, map[string]any{"password": goodPassword, "new_password": another}).want(200)
			w.do("POST", "/auth/tokens", stolen, token).want(403)
			w.do("DELETE", "/auth/totp", stolen, nil).want(403)
		})
	}
}

// TestStepUpEndsTheTokenBefore: a token that was stolen before a step-up opens nothing a minute later, whether or not the new one was used, and
// is no replay while it was not.
func TestStepUpEndsTheTokenBefore(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		for _, used := range []bool{false, true} {
			each(t, nil, func(t *testing.T, w *town) {
				w.person("ann@example.org", "patient")
				ann := &browser{}
				r := w.do("POST", "/auth/sign-in", ann, map[string]any{"email": "ann@example.org", "password": goodPassword,
					"transport": map[bool]string{false: "cookie", true: "bearer"}[bearer]}).want(200)
				before := &browser{session: ann.session}
				if bearer {
					ann = &browser{bearer: types.NewSecret(r.text("token"))}
					before = &browser{bearer: ann.bearer}
				}
				thief := &browser{session: before.session, bearer: before.bearer}
				r = w.do("POST", "/auth/step-up", ann, map[string]any{"password": goodPassword}).want(200)
				if bearer {
					ann.bearer = types.NewSecret(r.text("token"))
				}
				w.clock.Advance(20 * time.Second)
				if used && !w.alive(ann) {
					t.Fatal("the new token opens nothing")
				}
				if !w.alive(thief) {
					t.Error("the answer may be under way, and the token before is refused")
				}
				w.clock.Advance(40 * time.Second)
				if thief = (&browser{session: before.session, bearer: before.bearer}); w.alive(thief) {
					t.Errorf("the token before the step-up lives; the new one used: %v, bearer: %v", used, bearer)
				}
				if alive := w.alive(ann); alive == used { // a replay ends the family
					t.Errorf("the new token is good: %v; used before: %v", alive, used)
				}
			})
		}
	}
}

// TestSignInRacesAPasswordChange: a hash that began before the password was changed opens nothing after it.
func TestSignInRacesAPasswordChange(t *testing.T) {
	each(t, func(c *identity.Config) { c.Passwords = &slow{Config: c} }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		w.do("POST", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}).want(202)
		token := secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterRecover).Link)
		w.cfg.Passwords.(*slow).during = func() {
			w.do("POST", "/auth/recover/confirm", nil, map[string]any{"token": token, "password": "a new password of mine"}).want(200)
		}
		w.signIn(nil, "ann@example.org", goodPassword).want(401)
		if len(w.rows("SELECT id FROM fastness_session")) != 0 {
			t.Fatal("the old password opened a session after it was changed")
		}
	})
}

// slow is a stand-in whose next Verify lets something happen before it answers.
type slow struct {
	passwords
	*identity.Config
	during func()
}

func (s *slow) Verify(ctx context.Context, pw, phc types.Secret) (bool, bool, error) {
	if f := s.during; f != nil {
		s.during = nil
		f()
	}
	return s.passwords.Verify(ctx, pw, phc)
}

// TestEvidenceOfGuesses: refused and successful steps are entries.
func TestEvidenceOfGuesses(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		id := w.person("ann@example.org", "patient")
		w.enrol(id, types.TOTP, 1)
		w.signIn(nil, "ann@example.org", "guess guess guess").want(401)
		r := w.signIn(nil, "ann@example.org", goodPassword).want(200)
		w.do("POST", "/auth/sign-in/totp", nil, map[string]any{"attempt": r.text("attempt"), "response": "wrong"}).want(401)
		if n := w.evidence(types.SignInFail, types.Refused); n != 2 {
			t.Fatalf("%d refusals, want 2", n)
		}
	})
}
