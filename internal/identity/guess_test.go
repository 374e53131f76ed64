package identity_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestCodesFromOneAddress: ten wrong codes close the lane of second factors, say until when, and the owner at his own device is not
// held; beginning again with the password resets nothing.
func TestCodesFromOneAddress(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		b := w.in("ann@example.org")
		p := w.app(b)
		w.do("POST", "/auth/recovery-codes", b, nil).want(200)
		for _, factor := range []string{"totp", "recovery-code"} {
			wrong := map[string]string{"totp": p.code(9), "recovery-code": "22222-22222"}[factor]
			judged := 0
			var last *reply
			for range 30 {
				eve := from("203.0.113.9")
				r := w.signIn(eve, "ann@example.org", goodPassword)
				if r.Status == 200 {
					r = w.prove(eve, factor, r.text("attempt"), wrong)
				}
				if r.Status == 401 {
					judged++
				} else if last = r.want(429); r.After <= 0 || r.After > 15*time.Minute {
					t.Fatalf("retry after %s", r.After)
				}
			}
			if judged != 10 {
				t.Fatalf("%s: %d guesses from one address were judged, want 10", factor, judged)
			}
			ann := &browser{device: b.device, address: "192.0.2.7"}
			w.prove(ann, "totp", w.attempt(ann, "ann@example.org"), p.code(0)).want(200)
			w.clock.Advance(last.After)
			late := from("203.0.113.9")
			w.prove(late, "totp", w.attempt(late, "ann@example.org"), p.code(0)).want(200) // waiting helps
			w.clock.Advance(time.Hour)
		}
	})
}

// TestOneStepAtOnce: of two who show the same code of an authenticator app at once, one gets in.
func TestOneStepAtOnce(t *testing.T) {
	real(t, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		p := w.app(w.in("ann@example.org"))
		for range 5 {
			w.clock.Advance(16 * time.Minute) // past the window of guesses: three of four are wrong each time
			results := make([]int, 4)
			var wg sync.WaitGroup
			gate := make(chan struct{})
			for n := range results {
				b := from("198.51.%d.1", n)
				attempt := w.attempt(b, "ann@example.org")
				wg.Go(func() { <-gate; results[n] = w.prove(b, "totp", attempt, p.code(0)).Status })
			}
			close(gate)
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
		}
	})
}

// TestLastOperatorsDisabledAtOnce: of two operators who are disabled at once, or of whom one is disabled while the other loses the role,
// one stays.
func TestLastOperatorsDisabledAtOnce(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		a, b := w.person("a@example.org", "admin"), w.person("b@example.org", "admin")
		for round := range 4 {
			var wg sync.WaitGroup
			wg.Go(func() { _ = w.Disable(w.ctx(), operator, a) })
			wg.Go(func() {
				if round%2 == 0 {
					_ = w.Disable(w.ctx(), operator, b)
				} else {
					_ = w.Revoke(w.ctx(), operator, b, "admin")
				}
			})
			wg.Wait()
			left := w.rows("SELECT g.account FROM fastness_grant g JOIN fastness_account a ON a.id = g.account WHERE g.role = 'admin' AND a.state = 'active'")
			if len(left) != 1 {
				t.Fatalf("%d operators left, want 1", len(left))
			}
			for _, id := range []types.ID{a, b} {
				_ = w.Enable(w.ctx(), operator, id)
				if err := w.Grant(w.ctx(), operator, id, "admin", time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestAlteredLink: a link of which one letter was changed, or which was cut or made longer, is none.
func TestAlteredLink(t *testing.T) {
	each(t, nil, func(t *testing.T, w *town) {
		added, err := w.AddUser(w.ctx(), operator, "ann@example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		token := secretOf(t, added.Link)
		other := "a"
		if token[0] == 'a' {
			other = "b"
		}
		for _, altered := range []string{other + token[1:], token[:len(token)-1], token + "a", " " + token, "x"} {
			w.do("POST", "/auth/enrol", nil, map[string]any{"token": altered, "password": goodPassword}).want(422)
		}
		w.do("POST", "/auth/enrol", nil, map[string]any{"token": token, "password": goodPassword}).want(200)
	})
}

// busy is a pool in which nobody's turn comes, or nobody's new hash is made.
type busy struct {
	passwords
	verifies, hashes bool
	meanwhile        func() // happens while somebody waits for his turn
}

var errBusy = types.Refuse(types.Unavailable, "sign_in_busy", "try again")

func (b *busy) Verify(ctx context.Context, pw, phc types.Secret) (bool, bool, error) {
	if b.meanwhile != nil {
		b.meanwhile()
	}
	if b.verifies {
		return false, false, errBusy
	}
	ok, _, err := b.passwords.Verify(ctx, pw, phc)
	return ok, b.hashes, err
}

func (b *busy) Dummy(ctx context.Context, pw types.Secret) error {
	if b.verifies {
		return errBusy
	}
	return b.passwords.Dummy(ctx, pw)
}

func (b *busy) Hash(ctx context.Context, pw types.Secret) (types.Secret, error) {
	if b.hashes {
		return types.Secret{}, errBusy
	}
	return b.passwords.Hash(ctx, pw)
}

// TestStormClosesNoDoor: guesses that nobody could look at do not count, for addresses that exist and for others; whose right password
// could only not be hashed anew is let in.
func TestStormClosesNoDoor(t *testing.T) {
	var pool *busy
	each(t, func(c *identity.Config) { pool = &busy{}; c.Passwords = pool }, func(t *testing.T, w *town) {
		w.person("ann@example.org", "patient")
		pool.verifies = true
		for range 12 { // who leaves while he waits has not guessed either
			gone, leave := context.WithCancel(w.ctx())
			pool.meanwhile = leave
			if _, err := w.Machine().Password(gone, "ann@example.org", types.NewSecret(goodPassword), signin.Client{Address: (*browser)(nil).addr()}); !errors.Is(err, errBusy) {
				t.Fatal(err)
			}
		}
		pool.meanwhile = nil
		for range 25 {
			for _, email := range []string{"ann@example.org", "bob@example.org"} {
				if r := w.signIn(nil, email, goodPassword).want(503); r.Code != "sign_in_busy" {
					t.Fatalf("%s: %s", email, r.Code)
				}
			}
		}
		signUp := func() *reply {
			return w.do("POST", "/auth/sign-up", nil, map[string]any{"email": "eve@example.org", "password": goodPassword})
		}
		pool.hashes = true
		for range 8 {
			signUp().want(503)
		}
		pool.verifies, pool.hashes = false, false
		signUp().want(202)
		w.signIn(nil, "bob@example.org", goodPassword).want(401)
		pool.hashes = true
		w.in("ann@example.org")
	})
}
