package identity_test

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/totp"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// real runs fn in a town with the room's own factors.
func real(t *testing.T, fn func(t *testing.T, w *town)) {
	t.Helper()
	each(t, func(c *identity.Config) { c.Factors = nil }, fn)
}

// phone is an authenticator app.
type phone struct {
	w      *town
	secret []byte
}

// code is what the app shows, some steps from now.
func (p *phone) code(steps int64) string {
	return totp.Code(p.secret, totp.Step(p.w.clock.Now())+steps)
}

// app enrols an authenticator app for the browser's account.
func (w *town) app(b *browser) *phone {
	w.t.Helper()
	begun := w.do("POST", "/auth/totp", b, nil).want(201)
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun.text("secret"))
	if err != nil || len(secret) != 20 || !strings.HasPrefix(begun.text("uri"), "otpauth://totp/Clinic:") {
		w.t.Fatalf("enrolment %v", begun.JSON)
	}
	p := &phone{w, secret}
	w.do("POST", "/auth/totp/confirm", b, map[string]any{"code": p.code(0)}).want(200)
	w.clock.Advance(time.Minute) // the step of the first code is used up
	return p
}

// attempt signs in with the password and returns the attempt that owes a factor.
func (w *town) attempt(b *browser, email string) string {
	w.t.Helper()
	r := w.signIn(b, email, goodPassword).want(200)
	if r.text("status") != "factor_required" || !b.session.Empty() {
		w.t.Fatalf("sign-in stands at %v with a session %v", r.JSON, !b.session.Empty())
	}
	return r.text("attempt")
}

// prove answers an attempt with a code.
func (w *town) prove(b *browser, factor, attempt, code string) *reply {
	w.t.Helper()
	return w.do("POST", "/auth/sign-in/"+factor, b, map[string]any{"attempt": attempt, "response": map[string]string{"code": code}})
}

// TestAuthenticatorApp plays its life: enrol, sign in with it, hold a role that asks for it, step up, remove it.
func TestAuthenticatorApp(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "clinician")
		first := w.in("ann@example.org")
		if roles := w.do("GET", "/auth/session", first, nil).JSON["roles"].([]any); len(roles) != 0 {
			t.Fatalf("roles %v without a second factor", roles)
		}
		other := w.in("ann@example.org")
		p := w.app(first)
		if w.alive(other) || !w.alive(first) {
			t.Fatal("enrolling an app ends the other sessions and keeps this one")
		}
		if roles := w.do("GET", "/auth/session", first, nil).JSON["roles"].([]any); !slices.Contains(roles, any("clinician")) {
			t.Fatalf("roles %v after the app's first code", roles)
		}
		b := &browser{}
		w.prove(b, "totp", w.attempt(b, "ann@example.org"), p.code(0)).want(200)
		if !w.alive(b) {
			t.Fatal("password and code are no session")
		}
		w.clock.Advance(time.Minute)
		w.do("POST", "/auth/step-up/totp", b, map[string]any{"response": map[string]string{"code": p.code(0)}}).want(200)
		w.do("DELETE", "/auth/totp", b, nil).want(200)
		w.do("DELETE", "/auth/totp", b, nil).want(404)
		if roles := w.do("GET", "/auth/session", b, nil).JSON["roles"].([]any); len(roles) != 0 {
			t.Fatalf("roles %v after the app was removed", roles)
		}
		w.in("ann@example.org")
	})
}

// TestEnrolmentNeedsTheFirstCode: a secret that was only shown neither asks for codes nor takes them, and waits a quarter of an hour.
func TestEnrolmentNeedsTheFirstCode(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		w.do("POST", "/auth/totp/confirm", b, map[string]any{"code": "000000"}).want(409)
		begun := w.do("POST", "/auth/totp", b, nil).want(201)
		secret, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun.text("secret"))
		p := &phone{w, secret}
		w.do("POST", "/auth/totp/confirm", b, map[string]any{"code": p.code(5)}).want(422)
		w.in("ann@example.org") // no code is asked for
		w.clock.Advance(15 * time.Minute)
		w.do("POST", "/auth/totp/confirm", b, map[string]any{"code": p.code(0)}).want(409)
	})
}

// TestFirstCodesAreCounted: whoever holds a copy of the session tries no codes until one fits while its owner enrols an app.
func TestFirstCodesAreCounted(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		begun := w.do("POST", "/auth/totp", b, nil).want(201)
		secret, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun.text("secret"))
		p := &phone{w, secret}
		for range 10 {
			w.do("POST", "/auth/totp/confirm", b, map[string]any{"code": p.code(5)}).want(422)
		}
		if r := w.do("POST", "/auth/totp/confirm", b, map[string]any{"code": p.code(0)}).want(429); r.After <= 0 {
			t.Error("it does not say how long to wait")
		}
		w.clock.Advance(15 * time.Minute)
		w.signIn(b, "ann@example.org", goodPassword).want(200)
		w.app(b)
	})
}

// TestNoCodeTwice: whoever reads a code over a shoulder comes too late, in the same step and after the clock was set back.
func TestNoCodeTwice(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		p := w.app(w.in("ann@example.org"))
		ann, eve := &browser{}, from("203.0.113.9")
		before, now := p.code(-1), p.code(0)
		w.prove(ann, "totp", w.attempt(ann, "ann@example.org"), now).want(200)
		for _, code := range []string{now, before} {
			if r := w.prove(eve, "totp", w.attempt(eve, "ann@example.org"), code); r.Status != 401 || r.Code != "factor_refused" {
				t.Fatalf("a used code answered %d %s", r.Status, r.Code)
			}
		}
	})
}

// TestCodesAreNotGuessed: guesses at codes are counted per account, from one address and from many, and beginning again resets
// nothing.
func TestCodesAreNotGuessed(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		p := w.app(b)
		w.do("POST", "/auth/recovery-codes", b, nil).want(200)
		for _, factor := range []string{"totp", "recovery-code"} {
			waits := 0
			for n := range 40 {
				eve := from("203.0.%d.9", n)
				r := w.signIn(eve, "ann@example.org", goodPassword)
				if r.Status == 429 {
					waits++
					continue
				}
				wrong := map[string]string{"totp": p.code(9), "recovery-code": "22222-22222"}[factor]
				if r = w.prove(eve, factor, r.text("attempt"), wrong); r.Status == 429 {
					waits++
				} else if r.Status != 401 {
					t.Fatalf("a wrong code answered %d", r.Status)
				}
			}
			if waits < 30 {
				t.Fatalf("%s: %d of 40 guesses from as many addresses had to wait", factor, waits)
			}
			w.clock.Advance(48 * time.Hour)
		}
	})
}

// TestRecoveryCodes: without the phone, a code stands for it once; a new set ends the old one; they need a factor to stand for.
func TestRecoveryCodes(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		w.do("POST", "/auth/recovery-codes", b, nil).want(409)
		w.app(b)
		old := codesOf(w.do("POST", "/auth/recovery-codes", b, nil).want(200))
		codes := codesOf(w.do("POST", "/auth/recovery-codes", b, nil).want(200))
		if len(codes) != 10 || slices.Contains(codes, old[0]) {
			t.Fatalf("%d codes", len(codes))
		}
		lost := &browser{}
		w.prove(lost, "recovery-code", w.attempt(lost, "ann@example.org"), old[0]).want(401)
		w.prove(lost, "recovery-code", w.attempt(lost, "ann@example.org"), " "+strings.ToLower(strings.ReplaceAll(codes[0], "-", " "))).want(200)
		if left := w.do("GET", "/auth/recovery-codes", lost, nil).JSON["left"]; left != 9.0 {
			t.Fatalf("%v codes left", left)
		}
		again := &browser{}
		w.prove(again, "recovery-code", w.attempt(again, "ann@example.org"), codes[0]).want(401)
	})
}

func codesOf(r *reply) []string {
	var out []string
	for _, c := range r.JSON["codes"].([]any) {
		out = append(out, c.(string))
	}
	return out
}

// TestRecoveryCodeRace: of two who show the same code at once, one gets in.
func TestRecoveryCodeRace(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		w.app(b)
		code := codesOf(w.do("POST", "/auth/recovery-codes", b, nil).want(200))[0]
		var wg sync.WaitGroup
		results := make([]int, 4)
		for n := range results {
			browser := from("198.51.100.%d", n)
			attempt := w.attempt(browser, "ann@example.org")
			wg.Go(func() { results[n] = w.prove(browser, "recovery-code", attempt, code).Status })
		}
		wg.Wait()
		in := 0
		for _, status := range results {
			if status == 200 {
				in++
			}
		}
		if in != 1 {
			t.Fatalf("one code let %d in: %v", in, results)
		}
	})
}

// TestFactorsOfOthers: codes of one account prove nothing about another, and a secret that was moved to another row does not open.
func TestFactorsOfOthers(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		ann, eve := w.person("ann@example.org", "patient"), w.person("eve@example.org", "patient")
		b, e := w.in("ann@example.org"), w.in("eve@example.org")
		w.app(b)
		own := w.app(e)
		w.do("POST", "/auth/recovery-codes", b, nil).want(200)
		code := codesOf(w.do("POST", "/auth/recovery-codes", e, nil).want(200))[0]
		w.prove(&browser{}, "totp", w.attempt(&browser{}, "ann@example.org"), own.code(0)).want(401)
		w.prove(&browser{}, "recovery-code", w.attempt(&browser{}, "ann@example.org"), code).want(401)
		err := w.db.Write(w.ctx(), func(tx store.Tx) error {
			for _, s := range []string{
				`UPDATE fastness_totp SET secret = (SELECT secret FROM fastness_totp WHERE account = ?), last_step = 0 WHERE account = ?`,
				`UPDATE fastness_recovery_code SET account = ? WHERE account = ?`} {
				args := []types.Value{types.IDValue(eve), types.IDValue(ann)}
				if strings.Contains(s, "recovery") {
					args = []types.Value{types.IDValue(ann), types.IDValue(eve)}
				}
				if _, err := tx.Exec(w.ctx(), store.SQL(s), args...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := w.prove(&browser{}, "totp", w.attempt(&browser{}, "ann@example.org"), own.code(0)); r.Status == 200 {
			t.Fatal("a secret moved from another row opens")
		}
		if r := w.prove(&browser{}, "recovery-code", w.attempt(&browser{}, "ann@example.org"), code); r.Status == 200 {
			t.Fatal("a recovery code moved from another row is right")
		}
	})
}

// TestBodiesAreExact: names in another case, twice or beside ours are refused, in bodies and in the answers of factors that lie in them.
func TestBodiesAreExact(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		phone := w.app(w.in("ann@example.org"))
		for _, c := range []struct {
			response string
			want     int
		}{{`{"Code": %q}`, 401}, {`{"code": "", "CODE": %q}`, 401}, {`{"code": %q, "more": 1}`, 401}, {`[%q]`, 401}, {`{"code": %q}`, 200}} {
			b := &browser{}
			attempt := w.attempt(b, "ann@example.org")
			response := json.RawMessage(fmt.Sprintf(c.response, phone.code(0)))
			if r := w.do("POST", "/auth/sign-in/totp", b, map[string]any{"attempt": attempt, "response": response}); r.Status != c.want {
				t.Errorf("%s answers %d %s", c.response, r.Status, r.Code)
			}
		}
		for _, names := range [][2]string{{"Email", "password"}, {"email", "PASSWORD"}} {
			if r := w.do("POST", "/auth/sign-in", &browser{}, map[string]any{names[0]: "ann@example.org", names[1]: goodPassword}); r.Status != 400 {
				t.Errorf("%v answers %d %s", names, r.Status, r.Code)
			}
		}
	})
}

// TestTheFactorStepKeepsTheTransport: who asked for a bearer token with the password gets it with the factor, without saying so twice; a step
// that says otherwise is believed.
func TestTheFactorStepKeepsTheTransport(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org")
		phone := w.app(w.in("ann@example.org"))
		for _, c := range []struct {
			first, then string
			bearer      bool
		}{{"bearer", "", true}, {"", "", false}, {"cookie", "bearer", true}, {"bearer", "cookie", false}} {
			w.clock.Advance(time.Minute)
			body := map[string]any{"email": "ann@example.org", "password": goodPassword}
			if c.first != "" {
				body["transport"] = c.first
			}
			b := &browser{}
			next := map[string]any{"attempt": w.do("POST", "/auth/sign-in", b, body).want(200).text("attempt"), "response": map[string]string{"code": phone.code(0)}}
			if c.then != "" {
				next["transport"] = c.then
			}
			r := w.do("POST", "/auth/sign-in/totp", b, next).want(200)
			if (r.text("token") != "") != c.bearer || (r.Answer.Session == nil) != c.bearer {
				t.Errorf("%q, then %q: token %v, cookie %v", c.first, c.then, r.text("token") != "", r.Answer.Session != nil)
			}
		}
	})
}
