package identity_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/types"
)

// whoHas is the caller that a browser's cookie stands for.
func (w *town) whoHas(b *browser) *types.Caller {
	w.t.Helper()
	who, _, err := w.Authenticate(w.ctx(), b.session, false, netip.MustParseAddr("203.0.113.7"), types.RandomID())
	if err != nil {
		w.t.Fatal(err)
	}
	return who
}

// TestEndOthers: a person ends his other sessions, keeps this one, and touches nobody else's; each end is evidence.
func TestEndOthers(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		w.person("ann@example.org")
		w.person("bob@example.org")
		here, there, third, bob := w.in("ann@example.org"), w.in("ann@example.org"), w.in("ann@example.org"), w.in("bob@example.org")
		ended := w.evidence(types.SignOut, types.Done)
		if err := w.Self().EndOthers(w.ctx(), w.whoHas(here)); err != nil {
			t.Fatal(err)
		}
		if !w.alive(here) || w.alive(there) || w.alive(third) || !w.alive(bob) {
			t.Error("the sessions that should be alive are this one and the neighbour's")
		}
		if n := w.evidence(types.SignOut, types.Done) - ended; n != 2 {
			t.Errorf("%d entries, want 2", n)
		}
		if err := w.Self().EndOthers(w.ctx(), &types.Caller{Kind: types.Signed, Account: w.whoHas(bob).Account, Token: types.RandomID()}); types.CodeOf(err) != "session_required" {
			t.Errorf("an API token ended sessions: %v", err)
		}
		if !w.alive(bob) {
			t.Error("an API token ended sessions")
		}
	})
}

// TestPendingApp: the secret that waits is told to its own account alone, and as long as it waits.
func TestPendingApp(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org")
		w.person("bob@example.org")
		ann, bob := w.whoHas(w.in("ann@example.org")), w.whoHas(w.in("bob@example.org"))
		begun, err := w.Self().BeginApp(w.ctx(), ann)
		if err != nil {
			t.Fatal(err)
		}
		if waits, err := w.Self().PendingApp(w.ctx(), ann); err != nil || waits.Secret.Reveal() != begun.Secret.Reveal() || waits.URI.Reveal() != begun.URI.Reveal() {
			t.Errorf("what waits is not what was begun: %v", err)
		}
		if waits, err := w.Self().PendingApp(w.ctx(), bob); types.CodeOf(err) != "no_enrolment" || !waits.Secret.Empty() {
			t.Errorf("another account is told: %v", err)
		}
		w.clock.Advance(15 * time.Minute)
		if waits, err := w.Self().PendingApp(w.ctx(), ann); types.CodeOf(err) != "no_enrolment" || !waits.Secret.Empty() {
			t.Errorf("it waits for ever: %v", err)
		}
	})
}

// TestAsked: a live attempt names what it owes; one that is over, invented or not begun names nothing.
func TestAsked(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org")
		w.app(w.in("ann@example.org"))
		attempt := types.NewSecret(w.attempt(&browser{}, "ann@example.org"))
		if names, err := w.Machine().Asked(w.ctx(), attempt); err != nil || !slices.Equal(names, []string{"totp"}) {
			t.Errorf("asked for %v %v", names, err)
		}
		discovered, _, err := w.Machine().Discover(w.ctx(), "passkey", signin.Client{})
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string]types.Secret{"none": {}, "invented": types.NewSecret(types.Token(32)), "one that is discovered": discovered} {
			if names, err := w.Machine().Asked(w.ctx(), secret); types.CodeOf(err) != "attempt_over" || names != nil {
				t.Errorf("%s: %v %v", name, names, err)
			}
		}
		w.clock.Advance(10 * time.Minute)
		if names, err := w.Machine().Asked(w.ctx(), attempt); types.CodeOf(err) != "attempt_over" || names != nil {
			t.Errorf("an attempt that is over: %v %v", names, err)
		}
	})
}
