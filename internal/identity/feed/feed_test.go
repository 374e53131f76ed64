package feed

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// pair is two feeds on one database, polled by hand.
func pair(t *testing.T, fn func(t *testing.T, clock *types.ManualClock, a, b *hand)) {
	storetest.Each(t, storetest.Options{Tables: Tables()}, func(t *testing.T, db store.DB) {
		clock := types.NewManualClock(start)
		one := func(c types.Clock) *hand {
			h := &hand{Feed: New(Config{DB: db, Clock: c, Shared: true}), known: map[types.ID]replica{}}
			h.beats = store.SQL("SELECT process, at, beat, at / 1000 FROM fastness_feed_beat") // the database's clock is the test's
			h.Subscribe(func(n Note) {
				if n.Kind == Missed {
					h.missed++
				} else {
					h.got = append(h.got, n)
				}
			})
			return h
		}
		fn(t, clock, one(clock), one(&offset{clock, &time.Time{}}))
	})
}

type hand struct {
	*Feed
	known map[types.ID]replica
	got   []Note
	// missed counts how often it was told that it may have missed something.
	missed int
}

func (h *hand) turn(t *testing.T) {
	t.Helper()
	if err := h.writeBeat(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.poll(context.Background(), h.known)
}

// offset is a clock that can be moved away from another.
type offset struct {
	types.Clock
	by *time.Time
}

func (o *offset) Now() time.Time { return o.Clock.Now().Add(o.by.Sub(time.Time{})) }

// TestNotesArriveOnce: each note is applied once, in the process that made it at once, in the other with its next poll.
func TestNotesArriveOnce(t *testing.T) {
	pair(t, func(t *testing.T, clock *types.ManualClock, a, b *hand) {
		note := Note{Kind: Account, Subject: types.RandomID()}
		if err := a.DB().Write(context.Background(), func(tx store.Tx) error { return Announce(context.Background(), tx, note) }); err != nil {
			t.Fatal(err)
		}
		if len(a.got) != 1 || len(b.got) != 0 {
			t.Fatalf("before the poll: %d and %d notes", len(a.got), len(b.got))
		}
		for range 4 {
			b.turn(t)
			clock.Advance(time.Second)
		}
		if len(b.got) != 1 || b.got[0] != note {
			t.Fatalf("the other process heard %v", b.got)
		}
	})
}

// TestRolledBackNotesAreNotSent: an act that did not happen is no news elsewhere.
func TestRolledBackNotesAreNotSent(t *testing.T) {
	pair(t, func(t *testing.T, clock *types.ManualClock, a, b *hand) {
		failure := errors.New("no")
		err := a.DB().Write(context.Background(), func(tx store.Tx) error {
			if err := Announce(context.Background(), tx, Note{Kind: Session, Subject: "s"}); err != nil {
				t.Fatal(err)
			}
			return failure
		})
		if !errors.Is(err, failure) {
			t.Fatal(err)
		}
		b.turn(t)
		if len(b.got) != 0 {
			t.Fatalf("the other process heard %v", b.got)
		}
	})
}

// TestForeignTransaction: a note in a transaction that no feed opened is an error and not a silent loss.
func TestForeignTransaction(t *testing.T) {
	pair(t, func(t *testing.T, _ *types.ManualClock, a, _ *hand) {
		err := a.cfg.DB.Write(context.Background(), func(tx store.Tx) error { return Announce(context.Background(), tx, Note{Kind: Session, Subject: "s"}) })
		if !errors.Is(err, errForeignTx) {
			t.Fatalf("announced anyway: %v", err)
		}
	})
}

// TestAliveOnlyWhileItFlows: not before the first poll, not after three seconds of silence.
func TestAliveOnlyWhileItFlows(t *testing.T) {
	pair(t, func(t *testing.T, clock *types.ManualClock, a, _ *hand) {
		if a.Live() {
			t.Fatal("caches are trusted before the feed was read")
		}
		a.turn(t)
		clock.Advance(3 * time.Second)
		if !a.Live() {
			t.Fatal("caches went off early")
		}
		clock.Advance(time.Millisecond)
		if a.Live() {
			t.Fatal("caches are trusted after three seconds of silence")
		}
		a.turn(t)
		if !a.Live() {
			t.Fatal("caches did not come back")
		}
	})
}

// TestClocksApart: when a replica's clock is far from ours a note of its could be missed, so caches go off.
func TestClocksApart(t *testing.T) {
	pair(t, func(t *testing.T, clock *types.ManualClock, a, b *hand) {
		turn := func() {
			clock.Advance(time.Second)
			b.turn(t)
			a.turn(t)
		}
		turn()
		turn()
		if !a.Live() {
			t.Fatal("caches are off although the clocks agree")
		}
		*b.cfg.Clock.(*offset).by = time.Time{}.Add(-time.Minute)
		turn()
		if a.Live() {
			t.Fatal("caches are trusted although a replica lives a minute ago")
		}
		*b.cfg.Clock.(*offset).by = time.Time{}
		turn()
		turn()
		if !a.Live() {
			t.Fatal("caches stay off although the clocks agree again")
		}
	})
}

// TestMissedNews: a process that was deaf for longer than notes are read again cannot know what ended meanwhile: before its caches are
// trusted again it is told to forget everything. One that heard all along is not.
func TestMissedNews(t *testing.T) {
	pair(t, func(t *testing.T, clock *types.ManualClock, a, b *hand) {
		for range 3 {
			a.turn(t)
			b.turn(t)
			clock.Advance(time.Second)
		}
		if b.missed != 1 { // its first poll: what was before is not known either
			t.Fatalf("told %d times while it heard everything", b.missed)
		}
		note := Note{Kind: Session, Subject: types.RandomID()}
		if err := a.DB().Write(context.Background(), func(tx store.Tx) error { return Announce(context.Background(), tx, note) }); err != nil {
			t.Fatal(err)
		}
		clock.Advance(overlap + 10*time.Second)
		trusted := false
		b.Subscribe(func(n Note) { trusted = trusted || n.Kind == Missed && b.Live() })
		b.turn(t)
		if !b.Live() {
			t.Fatal("caches did not come back")
		}
		if b.missed != 2 || len(b.got) != 0 || trusted {
			t.Fatalf("a process that was deaf heard %v, was told %d times to forget, and trusted its caches before: %v", b.got, b.missed-1, trusted)
		}
		*b.cfg.Clock.(*offset).by = time.Time{}.Add(-time.Minute) // notes of another time may be passed over as well
		for range 2 {
			clock.Advance(time.Second)
			b.turn(t)
			a.turn(t)
		}
		*b.cfg.Clock.(*offset).by = time.Time{}
		before := a.missed
		for range 2 {
			clock.Advance(time.Second)
			b.turn(t)
			a.turn(t)
		}
		if !a.Live() || a.missed != before+1 {
			t.Fatalf("after the clocks were apart it was told %d times to forget", a.missed-before)
		}
	})
}

// torn is a database whose answers break off before their second row.
type torn struct {
	store.DB
	on bool
}

func (d *torn) View(ctx context.Context, fn func(store.Reader) error) error {
	return d.DB.View(ctx, func(r store.Reader) error { return fn(&tornReader{r, d}) })
}

type tornReader struct {
	store.Reader
	d *torn
}

func (r *tornReader) Query(ctx context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	rows, err := r.Reader.Query(ctx, s, args...)
	if err == nil && r.d.on && s == notesAfter {
		return &tornRows{Rows: rows}, nil
	}
	return rows, err
}

type tornRows struct {
	store.Rows
	read int
	err  error
}

func (r *tornRows) Next() bool {
	if r.read++; r.read > 1 {
		r.err = errors.New("the connection was lost")
		return false
	}
	return r.Rows.Next()
}

func (r *tornRows) Err() error { return errors.Join(r.err, r.Rows.Err()) }

// TestHalfReadNewsIsReadAgain: notes of an answer that broke off are applied with the next poll.
func TestHalfReadNewsIsReadAgain(t *testing.T) {
	pair(t, func(t *testing.T, clock *types.ManualClock, a, b *hand) {
		line := &torn{DB: b.cfg.DB}
		b.cfg.DB = line
		b.turn(t)
		for n := range 3 {
			note := Note{Kind: Session, Subject: types.ID(fmt.Sprint(n))}
			if err := a.DB().Write(context.Background(), func(tx store.Tx) error { return Announce(context.Background(), tx, note) }); err != nil {
				t.Fatal(err)
			}
			clock.Advance(10 * time.Millisecond)
		}
		line.on = true
		b.turn(t)
		line.on = false
		b.turn(t)
		if len(b.got) != 3 {
			t.Fatalf("heard %v", b.got)
		}
	})
}
