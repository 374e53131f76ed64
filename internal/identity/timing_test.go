package identity_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/types"
)

// worker is a stand-in whose every hash takes the same real work, a few milliseconds.
type worker struct{ passwords }

func (w *worker) work(pw types.Secret) { pbkdf2.Key(sha256.New, pw.Reveal(), []byte("salt"), 6000, 32) }

func (w *worker) Hash(ctx context.Context, pw types.Secret) (types.Secret, error) {
	w.work(pw)
	return w.passwords.Hash(ctx, pw)
}

func (w *worker) Verify(ctx context.Context, pw, phc types.Secret) (bool, bool, error) {
	w.work(pw)
	return w.passwords.Verify(ctx, pw, phc)
}

func (w *worker) Dummy(ctx context.Context, pw types.Secret) error {
	w.work(pw)
	return w.passwords.Dummy(ctx, pw)
}

// TestTimingOfEnumeration: with the floor off, a failed sign-in, a recovery and a sign-up take as long for an address that exists as
// for one that does not. Interleaved pairs; what is compared is the median of each kind. Without FASTNESS_TIMING it only walks
// the path: a clock asserts nothing on a busy machine.
func TestTimingOfEnumeration(t *testing.T) {
	timed := os.Getenv("FASTNESS_TIMING") != ""
	pairs := 20
	if timed {
		pairs = rounds(2000)
	}
	each(t, func(c *identity.Config) {
		c.Passwords, c.Floor = &worker{}, -1
		c.Throttle.Pair, c.Throttle.Network, c.Throttle.Account, c.Throttle.Letters = 1e6, 1e6, 1e6, 1e6
	}, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		for what, ask := range map[string]func(email string) *reply{
			"sign-in":  func(email string) *reply { return w.signIn(nil, email, "guess guess guess") },
			"recovery": func(email string) *reply { return w.do("POST", "/auth/recover", nil, map[string]any{"email": email}) },
			"sign-up": func(email string) *reply {
				return w.do("POST", "/auth/sign-up", nil, map[string]any{"email": email, "password": goodPassword})
			},
		} {
			t.Run(what, func(t *testing.T) {
				took := map[string][]time.Duration{}
				for n := range pairs {
					order := []string{"ann@example.org", "bob@example.org"}
					if n%2 == 1 {
						slices.Reverse(order)
					}
					for _, email := range order {
						began := time.Now()
						ask(email)
						took[email] = append(took[email], time.Since(began))
					}
				}
				existing, absent := median(took["ann@example.org"]), median(took["bob@example.org"])
				apart := float64(existing-absent) / float64(existing)
				t.Logf("%s: existing %s, absent %s, %.2f %% apart", what, existing, absent, 100*apart)
				if timed && (apart > 0.05 || apart < -0.05) {
					t.Errorf("%s tells whether an address exists: %.2f %% apart", what, 100*apart)
				}
			})
		}
	})
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
