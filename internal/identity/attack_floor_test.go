package identity_test

import (
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestEveryAnswerThatCouldTellLeavesAtTheFloor: sign-up, recovery and a move of the address wait for the floor whatever is behind them; a
// second factor, a step-up and a change of the password wait for it when they fail, and not when they succeed.
func TestEveryAnswerThatCouldTellLeavesAtTheFloor(t *testing.T) {
	const floor = 300 * time.Millisecond
	each(t, func(c *identity.Config) { c.Floor = floor }, func(t *testing.T, w *town) {
		ann := w.person("ann@example.org", "patient")
		w.person("bob@example.org", "patient")
		bob := w.in("bob@example.org")
		w.enrol(ann, types.TOTP, 1)
		b := w.inWith("ann@example.org", "totp")
		attempt := w.attempt(&browser{}, "ann@example.org")
		newPassword := func(present string) map[string]any {
			return map[string]any{"password": present, "new_password": "a new password of mine"}
		}
		for _, c := range []struct {
			what, path string
			by         *browser
			body       map[string]any
			status     int
			held       time.Duration
		}{
			{"a sign-up", "/auth/sign-up", nil, map[string]any{"email": "new@example.org", "password": goodPassword}, 202, floor},
			{"a sign-up of somebody", "/auth/sign-up", nil, map[string]any{"email": "ann@example.org", "password": goodPassword}, 202, floor},
			{"a refused sign-up", "/auth/sign-up", nil, map[string]any{"email": "ann@example.org", "password": "x"}, 422, floor},
			{"a recovery", "/auth/recover", nil, map[string]any{"email": "ann@example.org"}, 202, floor},
			{"a recovery of nobody", "/auth/recover", nil, map[string]any{"email": "nobody@example.org"}, 202, floor},
			{"a move", "/auth/email", b, map[string]any{"email": "ann@other.example"}, 202, floor},
			{"a move to somebody", "/auth/email", b, map[string]any{"email": "bob@example.org"}, 202, floor},
			{"a wrong code", "/auth/sign-in/totp", nil, map[string]any{"attempt": attempt, "response": "wrong"}, 401, floor},
			{"a code for no attempt", "/auth/sign-in/totp", nil, map[string]any{"attempt": "x", "response": "right"}, 401, floor},
			{"a right code", "/auth/sign-in/totp", nil, map[string]any{"attempt": attempt, "response": "right"}, 200, 0},
			{"a step-up with a wrong code", "/auth/step-up/totp", b, map[string]any{"response": "wrong"}, 422, floor},
			{"a step-up with a right code", "/auth/step-up/totp", b, map[string]any{"response": "right"}, 200, 0},
			{"a step-up with a wrong password", "/auth/step-up", bob, map[string]any{"password": "guess guess guess"}, 422, floor},
			{"a step-up with the password", "/auth/step-up", bob, map[string]any{"password": goodPassword}, 200, 0},
			{"a change with a wrong password", "/auth/password", bob, newPassword("guess guess guess"), 422, floor},
			{"a change of the password", "/auth/password", bob, newPassword(goodPassword), 200, 0},
		} {
			before := w.waits.Load()
			r := w.do("POST", c.path, c.by, c.body)
			if held := time.Duration(w.waits.Load() - before); r.Status != c.status || held != c.held {
				t.Errorf("%s answered %d and was held back %s, want %d and %s", c.what, r.Status, held, c.status, c.held)
			}
		}
	})
}
