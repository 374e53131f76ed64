package identity_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestRecoveryCodeGoesWithItsFactor: a session that was begun with a recovery code holds no role that asks for a second factor once the
// factor is gone for which the code stood.
func TestRecoveryCodeGoesWithItsFactor(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "clinician")
		b := w.in("ann@example.org")
		w.app(b)
		codes := w.do("POST", "/auth/recovery-codes", b, nil).want(200).JSON["codes"].([]any)
		lost := &browser{}
		w.prove(lost, "recovery-code", w.attempt(lost, "ann@example.org"), codes[0].(string)).want(200)
		roles := func() []any { return w.do("GET", "/auth/session", lost, nil).want(200).JSON["roles"].([]any) }
		if !slices.Contains(roles(), any("clinician")) {
			t.Fatal("a recovery code does not stand for the second factor")
		}
		w.do("DELETE", "/auth/totp", lost, nil).want(200)
		if got := roles(); len(got) != 0 {
			t.Fatalf("roles %v in a session of an account without a second factor", got)
		}
	})
}

// TestTokenRenamesNoPasskey: an API token changes nothing about factors, not even their names.
func TestTokenRenamesNoPasskey(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ci, _ := w.issue(w.in("ann@example.org"), aToken(w, "patient"))
		r := w.do("PATCH", "/auth/passkeys/"+string(types.RandomID()), ci, map[string]any{"name": "mine"})
		if r.Status != 403 || r.Code != "session_required" {
			t.Fatalf("a token is answered %d %s", r.Status, r.Code)
		}
	})
}

// TestBeginningsAreCounted: sign-ins that begin without an account leave a row each, so a network may begin so many in a window and no
// more; other networks go on.
func TestBeginningsAreCounted(t *testing.T) {
	each(t, func(c *identity.Config) { c.Factors, c.Throttle.Network = nil, 5 }, func(t *testing.T, w *town) {
		begin := func(b *browser) *reply { return w.do("POST", "/auth/sign-in/passkey/options", b, map[string]any{}) }
		for range 5 {
			begin(nil).want(200)
		}
		if r := begin(nil); r.Status != 429 || r.After <= 0 {
			t.Fatalf("the sixth beginning is answered %d, to wait %v", r.Status, r.After)
		}
		begin(from("10.%d.0.1", 1)).want(200)
		if n := len(w.rows("SELECT hash FROM fastness_attempt")); n != 6 {
			t.Fatalf("%d rows of beginnings, want 6", n)
		}
		w.clock.Advance(16 * time.Minute)
		begin(nil).want(200)
	})
}

// meddler runs something between a look-up and the next write.
type meddler struct {
	mu   sync.Mutex
	next func()
}

func (m *meddler) watch(c *identity.Config) { c.DB = meddled{c.DB, m} }

type meddled struct {
	store.DB
	m *meddler
}

func (d meddled) Write(ctx context.Context, fn func(store.Tx) error) error {
	d.m.mu.Lock()
	next := d.m.next
	d.m.next = nil
	d.m.mu.Unlock()
	if next != nil {
		next()
	}
	return d.DB.Write(ctx, fn)
}

// TestNoSuccessorAfterTheCause: a token that is due for its successor by age gets none when the password changed between the look-up and
// the hand-over: it would open the session that the owner kept.
func TestNoSuccessorAfterTheCause(t *testing.T) {
	m := &meddler{}
	each(t, func(c *identity.Config) {
		m.watch(c)
		c.Plan.Decl.Session = decl.Session{Idle: 3 * time.Hour}
	}, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		ann := w.in("ann@example.org")
		thief := &browser{session: ann.session}
		stale := w.who(ann)
		w.clock.Advance(61 * time.Minute)
		m.next = func() {
			if _, err := w.Links().ChangePassword(w.ctx(), stale, types.NewSecret(goodPassword), types.NewSecret("a new password of mine"), signin.Client{}); err != nil {
				t.Error(err)
			}
		}
		w.alive(thief)
		if !thief.session.Empty() && w.alive(thief) {
			t.Fatal("a copied token got a successor that outlived the change of the password")
		}
	})
}
