// Package feed carries revocations: what was ended, disabled, granted or withdrawn in one process is forgotten by the
// caches of every other within a second, through one small table that is polled.
//
// Policy: a note is written in the transaction of the act it tells of, so neither exists without the other. The process
// that acted applies its notes before the act is answered. Silence is never consent: a process that has not seen its own
// heartbeat come back for three seconds, or that sees a replica whose clock is far from its own, stops trusting its caches
// and asks the database each time, until the feed flows again; and forgets then whatever it knew before, for news may be
// gone that it has not heard.
//
// A machine that was paused does not count the time: the monotonic clock stands still while it sleeps, so silence is judged by
// the wall clock as well. A virtual machine may find its wall clock stopped too; then the database's clock, which ran on,
// tells at the first poll (at most Interval later) that news may be gone.
//
// The map: feed.go (notes, the wrapped database), poll.go (the loop, the heartbeat), silence.go (how long it has been quiet).
package feed

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Kind says what a note's subject is.
type Kind string

// The kinds.
const (
	Account Kind = "account" // state, epoch, grants or factors of an account changed: forget all its sessions and tokens
	Session Kind = "session" // one session ended or changed
	Token   Kind = "token"   // one API token was revoked
	Missed  Kind = "missed"  // nobody's: this process was deaf for a while, and anything may have changed; it is never written
)

// Note is one piece of news.
type Note struct {
	Kind    Kind
	Subject types.ID
}

// Config describes a feed.
type Config struct {
	DB    store.DB    // required
	Clock types.Clock // required
	// Shared says that other processes use the same database. False (an embedded database, held by one process): nothing
	// is polled and caches are always trusted.
	Shared   bool
	Interval time.Duration // between polls; 0 means 250 ms
	Silence  time.Duration // without a sign of life until caches are off; 0 means 3 s
}

// Feed is the feed of one process. Make one per process, Subscribe before Run. It is safe for concurrent use.
type Feed struct {
	cfg     Config
	process types.ID
	beats   *store.Stmt // heartbeats and the database's time in milliseconds
	mu      sync.RWMutex
	subs    []func(Note)
	alive   atomic.Pointer[time.Time] // the last proof that the feed flows, by our clock; nil: never
	cut     atomic.Bool               // a replica's clock is too far away
	met     meeting                   // with the database's clock; poll's own
	seen    map[types.ID]int64        // notes applied in the window, by id, with their times; poll's own
	beat    int64
}

// New returns a feed; nothing is read before Run.
func New(cfg Config) *Feed {
	if cfg.Interval == 0 {
		cfg.Interval = 250 * time.Millisecond
	}
	if cfg.Silence == 0 {
		cfg.Silence = 3 * time.Second
	}
	return &Feed{cfg: cfg, process: types.RandomID(), beats: beats[cfg.DB.Dialect()], seen: map[types.ID]int64{}}
}

// Subscribe adds a function that is called for each note, from any goroutine; it must be quick and must not write.
func (f *Feed) Subscribe(fn func(Note)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs = append(f.subs, fn)
}

// Live reports whether caches may be trusted now.
func (f *Feed) Live() bool {
	if !f.cfg.Shared {
		return true
	}
	last := f.alive.Load()
	return last != nil && !f.cut.Load() && silence(*last, f.cfg.Clock.Now()) <= f.cfg.Silence
}

func (f *Feed) apply(n Note) {
	f.mu.RLock()
	subs := f.subs
	f.mu.RUnlock()
	for _, fn := range subs {
		fn(n)
	}
}

// DB returns the database through which everything that announces must write: its transactions collect notes, and its
// Write applies them to this process before it returns.
func (f *Feed) DB() store.DB { return &db{DB: f.cfg.DB, f: f} }

type db struct {
	store.DB
	f *Feed
}

type tx struct {
	store.Tx
	f     *Feed
	notes []Note
}

func (d *db) Write(ctx context.Context, fn func(store.Tx) error) error {
	return d.with(fn, func(g func(store.Tx) error) error { return d.DB.Write(ctx, g) })
}

func (d *db) WriteSoon(ctx context.Context, fn func(store.Tx) error) error {
	return d.with(fn, func(g func(store.Tx) error) error { return d.DB.WriteSoon(ctx, g) })
}

// with runs fn through write and applies its notes whatever the outcome: forgetting too much is harmless.
func (d *db) with(fn func(store.Tx) error, write func(func(store.Tx) error) error) error {
	var mu sync.Mutex // the engine may run fn on another goroutine, and again
	var notes []Note
	err := write(func(inner store.Tx) error {
		t := &tx{Tx: inner, f: d.f}
		err := fn(t)
		mu.Lock()
		notes = append(notes, t.notes...)
		mu.Unlock()
		return err
	})
	mu.Lock()
	defer mu.Unlock()
	for _, n := range notes {
		d.f.apply(n)
	}
	return err
}

var insertNote = store.SQL(`INSERT INTO fastness_feed (id, at, kind, subject, process) VALUES (?, ?, ?, ?, ?)`)

// Announce adds a note to a transaction of DB. A transaction that did not come from a feed is an error of the program:
// the act would be unknown to the caches, so it fails.
func Announce(ctx context.Context, t store.Tx, n Note) error {
	w, ok := t.(*tx)
	if !ok {
		return errForeignTx
	}
	for _, have := range w.notes {
		if have == n {
			return nil
		}
	}
	w.notes = append(w.notes, n)
	if !w.f.cfg.Shared {
		return nil
	}
	now := w.f.cfg.Clock.Now()
	_, err := w.Exec(ctx, insertNote, types.IDValue(types.NewID(now)), types.IntValue(types.Micros(now)),
		types.TextValue(string(n.Kind)), types.IDValue(n.Subject), types.IDValue(w.f.process))
	return err
}

// Tables returns the feed's tables.
func Tables() []store.Table {
	text := func(name string) store.Column {
		return store.Column{Name: name, Type: store.TextColumn, NotNull: true}
	}
	return []store.Table{
		{Name: "fastness_feed", Primary: []string{"id"}, Columns: []store.Column{text("id"),
			{Name: "at", Type: store.IntColumn, NotNull: true}, text("kind"), text("subject"), text("process")}},
		{Name: "fastness_feed_beat", Primary: []string{"process"}, Columns: []store.Column{text("process"),
			{Name: "at", Type: store.IntColumn, NotNull: true}, {Name: "beat", Type: store.IntColumn, NotNull: true}}},
	}
}
