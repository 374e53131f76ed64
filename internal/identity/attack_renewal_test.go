package identity_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types"
)

// Attacks on tokens that were replaced, and on the limits of sessions. Each test has a saboteur of its own.

// TestReplacedForCauseComesBack: a token from before a new password is refused at once; whoever still presents it when every answer has
// long arrived has a copy: the family ends, and it is evidence. So it is with one from before a step-up.
func TestReplacedForCauseComesBack(t *testing.T) {
	for cause, renew := range map[string]func(w *town, ann *browser){
		"a new password": func(w *town, ann *browser) {
			w.do("POST", "/auth/password", ann, map[string]any{"password": goodPassword, "new_password": "a new password of mine"}).want(200)
		},
		"a step-up": func(w *town, ann *browser) {
			w.do("POST", "/auth/step-up", ann, map[string]any{"password": goodPassword}).want(200)
		},
	} {
		t.Run(cause, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *town) {
				w.person("ann@example.org", "patient")
				ann := w.in("ann@example.org")
				copied := ann.session
				renew(w, ann)
				if !w.alive(ann) {
					t.Fatal("the new token does not open the session")
				}
				w.clock.Advance(29 * time.Second)
				w.alive(&browser{session: copied}) // a request that was under way
				if n := w.evidence(types.SessionReuse, types.Refused); n != 0 || !w.alive(ann) {
					t.Fatalf("within the grace the session ended, or it was reported: %d entries", n)
				}
				w.clock.Advance(time.Second)
				if w.alive(&browser{session: copied}) {
					t.Fatal("the replaced token opens the session")
				}
				if w.alive(ann) {
					t.Fatal("a replaced token came back and the family lives")
				}
				if n := w.evidence(types.SessionReuse, types.Refused); n != 1 {
					t.Fatalf("%d entries of the replay, want 1", n)
				}
			})
		})
	}
}

// TestBearerTokensAreReplaced: what a step-up, a new password and a change of factors do for a cookie they do for a bearer token: the
// answer carries the new one, and the one before is over.
func TestBearerTokensAreReplaced(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := &browser{}
		b.bearer = types.NewSecret(w.do("POST", "/auth/sign-in", nil, map[string]any{"email": "ann@example.org", "password": goodPassword,
			"transport": "bearer"}).want(200).text("token"))
		renewed := func(what string, r *reply) {
			t.Helper()
			before := b.bearer
			b.bearer = types.NewSecret(r.want(200).text("token"))
			if b.bearer.Empty() || b.bearer.Reveal() == before.Reveal() || r.Answer.Session != nil {
				t.Fatalf("%s gave no new bearer token: %v", what, r.JSON)
			}
			if !w.alive(b) {
				t.Fatalf("the token after %s opens nothing", what)
			}
			w.clock.Advance(20 * time.Second)
			if who := w.do("GET", "/auth/session", &browser{bearer: before}, nil); what != "a step-up" && who.Status != 401 {
				t.Fatalf("the token from before %s is honoured", what)
			}
			w.clock.Advance(40 * time.Second)
		}
		renewed("a step-up", w.do("POST", "/auth/step-up", b, map[string]any{"password": goodPassword}))
		renewed("a new password", w.do("POST", "/auth/password", b, map[string]any{"password": goodPassword, "new_password": "a new password of mine"}))
		phone := newAuthenticator(t)
		o := phone.options(w.do("POST", "/auth/passkeys/options", b, nil).want(200))
		renewed("a new passkey", w.do("POST", "/auth/passkeys", b, map[string]any{"name": "Phone", "response": phone.create(o)}))
		step := w.do("POST", "/auth/step-up/passkey/options", b, nil).want(200)
		renewed("a step-up", w.do("POST", "/auth/step-up/passkey", b, map[string]any{"attempt": step.text("attempt"), "response": phone.get(phone.options(step))}))
		id := w.do("GET", "/auth/passkeys", b, nil).want(200).JSON["items"].([]any)[0].(map[string]any)["id"].(string)
		renewed("the end of a passkey", w.do("DELETE", "/auth/passkeys/"+id, b, nil))
	})
}

// TestParallelLimitSparesWhatIsUsed: the session that is one too many ends the one that was unused longest, however old those in use are.
func TestParallelLimitSparesWhatIsUsed(t *testing.T) {
	each(t, func(c *identity.Config) { c.Plan.Decl.Session = decl.Session{Parallel: 3} }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		var all []*browser
		for range 3 {
			w.clock.Advance(time.Second)
			all = append(all, w.in("ann@example.org"))
		}
		for _, used := range []int{2, 0} {
			w.clock.Advance(5 * time.Minute)
			if !w.alive(all[used]) {
				t.Fatal("a session within the limit ended")
			}
		}
		w.in("ann@example.org")
		if w.alive(all[1]) {
			t.Error("the session that was unused longest lives")
		}
		if !w.alive(all[0]) || !w.alive(all[2]) {
			t.Error("a session in use ended in place of one that was not")
		}
	})
}
