package identity_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/mail"
	"github.com/fastness-dev/fastness/internal/identity/password"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/clocktest"
)

// worker is a stand-in whose every hash takes the same real work, a third of a millisecond: much more than the margin, and little
// enough that the variation of a busy processor does not hide the rest.
type worker struct{ passwords }

// work hashes on a stack of its own, as the product does in a process of its own: in one frame the same hash may take some percent longer than in
// another, because of how the compiler laid them out.
func (w *worker) work(pw types.Secret) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pbkdf2.Key(sha256.New, pw.Reveal(), []byte("salt"), 2000, 32)
	}()
	<-done
}

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

// What counts as equal: less than half of the least work that could be left out, which is a letter. What a letter costs is measured
// beforehand on the same machine and database, and the lower end of that is taken. Never more than what is told apart across the
// Internet, 15 to 100 µs (Crosby, Wallach, Riedi: Opportunities and Limits of Remote Timing Attacks, ACM TISSEC 12(3), 2009).
// Argon2id takes 25 ms that vary with the machine's memory: behind it only a part of a hash can be seen, a fifth.
const (
	mostMargin = 100 * time.Microsecond
	slowMargin = 5 * time.Millisecond
	patience   = 16 // times as many pairs, where a busy machine leaves it open
)

// TestTimingOfEnumeration: with the floor off, a failed sign-in, a recovery and a sign-up take as long for an address that exists as
// for one that does not; letters go to the real outbox. See clocktest for how that is judged. It fails when the work differs, and when
// the machine is too busy to say.
//
// FASTNESS_TIMING judges; without it the test only walks the path, for a clock asserts nothing on a machine that has other work.
// FASTNESS_ROUNDS is the number of pairs, FASTNESS_TIMING_HASH=argon2id takes real hashes of the least cost instead of the stand-in.
func TestTimingOfEnumeration(t *testing.T) {
	timed, pairs := os.Getenv("FASTNESS_TIMING") != "", 20
	if timed {
		pairs = rounds(2000)
	}
	slow := os.Getenv("FASTNESS_TIMING_HASH") == "argon2id"
	tables := append(tables(), job.Tables()...)
	storetest.Each(t, storetest.Options{Tables: tables}, func(t *testing.T, db store.DB) {
		w := newTown(t, db, func(c *identity.Config) {
			c.Passwords, c.Floor, c.Outbox = &worker{}, -1, post(t, c)
			if slow {
				c.Passwords = password.New(password.Config{})
			}
			c.Throttle.Pair, c.Throttle.Network, c.Throttle.Account, c.Throttle.Letters = 1e6, 1e6, 1e6, 1e6
		})
		w.person("ann@example.org", "patient")
		letter := w.letter(pairs, timed)
		within := min(letter.Low/2, mostMargin).Round(100 * time.Nanosecond)
		if slow {
			within = slowMargin
		}
		if t.Logf("a letter costs %s; equal is less than %s", letter, within); timed && within <= 0 {
			t.Fatal("open: the machine is too busy to see a letter")
		}
		for _, way := range ways {
			t.Run(way.name, func(t *testing.T) {
				a, ok := w.clocked(t, way, pairs, func(a clocktest.Apart) bool { return !timed || a.Told(within) })
				switch {
				case !timed:
				case !ok:
					t.Errorf("open: more than one answer in a hundred was 503; the machine is too busy")
				default:
					a.Demand(t, within, "whether an address exists")
				}
			})
		}
	})
}

// way is a request that must not tell whether an address exists, without the address.
type way struct {
	name, path string
	status     int
	body       map[string]any
}

var ways = []way{
	{"sign-in", "/auth/sign-in", 401, map[string]any{"password": "guess guess guess"}},
	{"recovery", "/auth/recover", 202, nil},
	{"sign-up", "/auth/sign-up", 202, map[string]any{"password": goodPassword}},
}

// clocked asks for the existing and the absent address until enough is known, or there were patience times as many pairs. Not ok when too
// many answers were 503: the store gives up what takes too long. A few are no matter: they came late, and are not among the calm.
func (w *town) clocked(t *testing.T, way way, pairs int, enough func(clocktest.Apart) bool) (a clocktest.Apart, ok bool) {
	asked, busy := 0, 0
	ask := func(email string) func() {
		body := maps.Clone(way.body)
		if body == nil {
			body = map[string]any{}
		}
		body["email"] = email
		return func() {
			r := w.do("POST", way.path, nil, body)
			if asked++; r.Status == 503 {
				busy++
			} else if r.Status != way.status {
				t.Fatalf("answer %d %s (%v), want %d", r.Status, r.Code, r.Err, way.status)
			}
		}
	}
	a = clocktest.Until(pairs, pairs/10, patience, ask("ann@example.org"), ask("bob@example.org"), enough) // the first ones fill caches and prepare statements
	return a, busy <= asked/100
}

// letter measures what a letter adds to a transaction that writes anyway, until it is known to a half.
func (w *town) letter(pairs int, timed bool) clocktest.Apart {
	w.t.Helper()
	act := func(letter bool) func() {
		return func() {
			err := w.db.Write(w.ctx(), func(tx store.Tx) error {
				err := tx.Record(types.NewEntry(types.Recover, types.Refused, &types.Caller{}, start))
				if err == nil && letter {
					err = w.cfg.Outbox.Add(w.ctx(), tx, signup.Mail{To: "ann@example.org", Letter: signup.LetterNone})
				}
				return err
			})
			if err != nil && types.KindOf(err) != types.Unavailable {
				w.t.Fatal(err)
			}
		}
	}
	return clocktest.Until(pairs, 0, patience, act(true), act(false), func(a clocktest.Apart) bool { return !timed || a.Low >= a.Median/2 })
}

// post is the outbox that the product has, with letters that stay where they are.
func post(t *testing.T, c *identity.Config) *mail.Mailer {
	t.Helper()
	letters, err := mail.LoadLetters("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.New(mail.Config{Jobs: job.New(job.Config{DB: c.DB, Clock: c.Clock}), Clock: c.Clock, Ring: c.Ring, Letters: letters,
		Service: "Clinic", Base: c.Base, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
