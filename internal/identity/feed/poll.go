package feed

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var errForeignTx = errors.New("feed: announced in a transaction that no feed opened; use Feed.DB")

// Notes are ordered by their writer's clock, and a transaction may commit some time after it took its id. Each poll
// therefore reads everything younger than overlap again and skips what it has applied; notes live for keep. A replica whose
// clock is off by more than maxSkew could hide a note outside the overlap: then caches go off.
const (
	overlap = 30 * time.Second
	keep    = 2 * time.Minute
	maxSkew = 15 * time.Second
)

var (
	notesAfter = store.SQL(`SELECT id, at, kind, subject FROM fastness_feed WHERE id >= ? ORDER BY id`)
	beats      = map[store.Dialect]*store.Stmt{
		store.SQLite:   store.SQL(`SELECT process, at, beat, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM fastness_feed_beat`),
		store.Postgres: store.SQL(`SELECT process, at, beat, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) FROM fastness_feed_beat`)}
	putBeat = store.SQL(`INSERT INTO fastness_feed_beat (process, at, beat) VALUES (?, ?, ?)
		ON CONFLICT (process) DO UPDATE SET at = excluded.at, beat = excluded.beat`)
	sweepNotes = store.SQL(`DELETE FROM fastness_feed WHERE id < ?`)
	sweepBeats = store.SQL(`DELETE FROM fastness_feed_beat WHERE at < ?`)
)

// Run polls until ctx ends. Without a shared database it only waits. Errors of the database are not returned: they are
// silence, and silence turns caches off.
func (f *Feed) Run(ctx context.Context) {
	if !f.cfg.Shared {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(f.cfg.Interval)
	defer tick.Stop()
	var lastBeat time.Time
	known := map[types.ID]replica{}
	for {
		if now := f.cfg.Clock.Now(); silence(lastBeat, now) >= time.Second {
			step, cancel := context.WithTimeout(ctx, 2*time.Second)
			if f.writeBeat(step) == nil {
				lastBeat = now
			}
			cancel()
		}
		step, cancel := context.WithTimeout(ctx, 2*time.Second)
		f.poll(step, known)
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// replica is what is known of another process.
type replica struct {
	beat   int64
	skewed bool
}

func (f *Feed) writeBeat(ctx context.Context) error {
	now, next := f.cfg.Clock.Now(), f.beat+1
	err := f.cfg.DB.Write(ctx, func(t store.Tx) error {
		if _, err := t.Exec(ctx, putBeat, types.IDValue(f.process), types.IntValue(types.Micros(now)), types.IntValue(next)); err != nil {
			return err
		}
		if next%60 != 1 {
			return nil
		}
		if _, err := t.Exec(ctx, sweepNotes, types.TextValue(string(floorID(now.Add(-keep))))); err != nil {
			return err
		}
		_, err := t.Exec(ctx, sweepBeats, types.IntValue(types.Micros(now.Add(-keep))))
		return err
	})
	if err == nil {
		f.beat = next
	}
	return err
}

// poll reads the feed once. It proves life only when it also read back the heartbeat this process wrote last: a database
// that serves an old state (a lagging standby) is silence.
func (f *Feed) poll(ctx context.Context, known map[types.ID]replica) {
	now, heard := f.cfg.Clock.Now(), f.Live()
	var fresh []news
	var theirs time.Time
	own, skewed := false, false
	err := f.cfg.DB.View(ctx, func(r store.Reader) error {
		var err error
		if own, skewed, theirs, err = f.readBeats(ctx, r, known, now); err != nil {
			return err
		}
		fresh, err = f.readNotes(ctx, r, now)
		return err
	})
	if err != nil {
		return
	}
	for _, n := range fresh {
		f.apply(n.Note)
		f.seen[n.id] = n.at // only now: what was read and not applied is read again
	}
	f.forget(now)
	if own && !skewed && (!heard || f.met.slept(now, theirs) > f.cfg.Silence) {
		f.apply(Note{Kind: Missed})
	}
	f.cut.Store(skewed)
	if own {
		f.alive.Store(&now)
		f.met = meeting{now, theirs}
	}
}

func (f *Feed) readBeats(ctx context.Context, r store.Reader, known map[types.ID]replica, now time.Time) (own, skewed bool, theirs time.Time, err error) {
	rows, err := r.Query(ctx, f.beats)
	if err != nil {
		return false, false, theirs, err
	}
	defer rows.Close()
	for rows.Next() {
		process, at, beat := types.ID(rows.Text(0)), types.FromMicros(rows.Int(1)), rows.Int(2)
		if process == f.process {
			own, theirs = beat >= f.beat, time.UnixMilli(rows.Int(3))
			continue
		}
		before, was := known[process]
		if was && beat > before.beat { // it beat since the last poll: `at` is its clock a moment ago
			before.skewed = now.Sub(at).Abs() > maxSkew
		}
		before.beat = beat
		known[process] = before
		skewed = skewed || before.skewed
	}
	return own, skewed, theirs, rows.Err()
}

// news is a note as it is written down.
type news struct {
	Note
	id types.ID
	at int64
}

// readNotes reads what was not applied yet.
func (f *Feed) readNotes(ctx context.Context, r store.Reader, now time.Time) ([]news, error) {
	rows, err := r.Query(ctx, notesAfter, types.TextValue(string(floorID(now.Add(-overlap)))))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var fresh []news
	for rows.Next() {
		id := types.ID(rows.Text(0))
		if _, done := f.seen[id]; !done {
			fresh = append(fresh, news{Note{Kind: Kind(rows.Text(2)), Subject: types.ID(rows.Text(3))}, id, rows.Int(1)})
		}
	}
	return fresh, rows.Err()
}

// forget drops what is too old to be read again.
func (f *Feed) forget(now time.Time) {
	horizon := types.Micros(now.Add(-2 * keep))
	for id, at := range f.seen {
		if at < horizon {
			delete(f.seen, id)
		}
	}
}

// floorID is the smallest prefix of ids made at t: ids sort by their first 48 bits, which are milliseconds.
func floorID(t time.Time) types.ID { return types.NewID(t)[:9] }
