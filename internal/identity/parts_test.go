package identity_test

import (
	"testing"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/password"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// The parts fit: the room asks for interfaces, these are what the root wires into them.
var (
	_ signin.Passwords   = (*password.Pool)(nil)
	_ signup.Policy      = (*password.Policy)(nil)
	_ signup.Profiles    = keep.Profiles{}
	_ edge.Authenticator = (*identity.Identity)(nil)
)

// TestWithRealHashes: a person's first minutes with the real pool and the real policy.
func TestWithRealHashes(t *testing.T) {
	storetest.Each(t, storetest.Options{Tables: tables()}, func(t *testing.T, db store.DB) {
		w := newTown(t, db, func(c *identity.Config) {
			c.Passwords, c.Policy = password.New(password.Config{}), &password.Policy{}
		})
		r := w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "ann@example.org", "password": "ann ann ann ann ann"})
		if r.Status != 422 {
			t.Fatalf("a password made of the address: %d", r.Status)
		}
		w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "ann@example.org", "password": goodPassword}).want(202)
		w.do("POST", "/auth/sign-up/confirm", nil, map[string]any{"token": secretOf(t, w.mails.last(t, "ann@example.org", signup.LetterConfirm).Link), "password": goodPassword}).want(200)
		w.signIn(nil, "ann@example.org", "guess guess guess").want(401)
		w.in("ann@example.org")
	})
}
