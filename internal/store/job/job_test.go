package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// The conformance suite of jobs: what rooms rely on, on both engines, by a clock that the test moves.

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// effects is where tests record what their jobs did.
var effects = store.Table{Name: "effects", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true},
	{Name: "job", Type: store.TextColumn, NotNull: true}}}

var addEffect = store.SQL("INSERT INTO effects (id, job) VALUES (?, ?)")

// yard is a database with two processes' worth of jobs on one clock.
type yard struct {
	t     *testing.T
	db    store.DB
	clock *types.ManualClock
	a, b  *job.Jobs
}

func each(t *testing.T, fn func(*testing.T, *yard)) {
	t.Helper()
	storetest.Each(t, storetest.Options{Tables: append(job.Tables(), effects)}, func(t *testing.T, db store.DB) {
		y := &yard{t: t, db: db, clock: types.NewManualClock(start)}
		y.a, y.b = job.New(job.Config{DB: db, Clock: y.clock}), job.New(job.Config{DB: db, Clock: y.clock})
		fn(t, y)
	})
}

var queue = job.Queue{Name: "letters", Lease: time.Minute, Tries: 4, First: 10 * time.Second, Longest: 30 * time.Second}

func (y *yard) add(expires time.Time) types.ID {
	y.t.Helper()
	id := types.NewID(y.clock.Now())
	if err := y.db.Write(context.Background(), func(tx store.Tx) error {
		return y.a.Add(context.Background(), tx, job.Fresh{ID: id, Queue: queue.Name, Body: []byte("body"), Expires: expires})
	}); err != nil {
		y.t.Fatal(err)
	}
	return id
}

// claim takes one job as one of the processes; nil when there is none to be had.
func (y *yard) claim(j *job.Jobs) *job.Job {
	y.t.Helper()
	got, err := j.Claim(context.Background(), queue)
	if err != nil {
		y.t.Fatal(err)
	}
	if len(got) == 0 {
		return nil
	}
	return &got[0]
}

// effect records that a job was done.
func effect(b job.Job) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, addEffect, types.IDValue(types.RandomID()), types.IDValue(b.ID))
		return err
	}
}

func (y *yard) effects() int {
	y.t.Helper()
	return len(storetest.Rows(y.t, y.db, "SELECT id FROM effects"))
}

func (y *yard) failed() []job.Failed {
	y.t.Helper()
	out, err := y.a.Failed(context.Background(), queue.Name, 10)
	if err != nil {
		y.t.Fatal(err)
	}
	return out
}

// TestRolledBackActLeavesNoJob: a job is part of the act that asks for it.
func TestRolledBackActLeavesNoJob(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		boom := errors.New("boom")
		err := y.db.Write(context.Background(), func(tx store.Tx) error {
			if err := y.a.Add(context.Background(), tx, job.Fresh{ID: types.RandomID(), Queue: queue.Name}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) || y.claim(y.a) != nil {
			t.Fatalf("an act that was rolled back left a job (%v)", err)
		}
	})
}

// TestOneHolder: of many workers that claim at once, each job has one, and none is lost.
func TestOneHolder(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		const jobs, workers = 40, 8
		for range jobs {
			y.add(time.Time{})
		}
		var mu sync.Mutex
		holders := map[types.ID]int{}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				who := []*job.Jobs{y.a, y.b}[w%2]
				for misses := 0; misses < 40; {
					got, err := who.Claim(context.Background(), queue)
					if err != nil && types.KindOf(err) != types.Unavailable { // PostgreSQL gives up after five collisions
						t.Error(err)
						return
					}
					if len(got) == 0 {
						misses++
						continue
					}
					mu.Lock()
					holders[got[0].ID]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for id, n := range holders {
			if n != 1 {
				t.Errorf("job %s has %d holders", id, n)
			}
		}
		for b := y.claim(y.a); b != nil; b = y.claim(y.a) { // what collisions left
			holders[b.ID]++
		}
		if len(holders) != jobs {
			t.Errorf("%d of %d jobs were claimed", len(holders), jobs)
		}
	})
}

// TestFence: when a lease ran out another takes the job over, and its old holder can neither complete it, nor put it off, nor
// end it; the effect is recorded once.
func TestFence(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		ctx := context.Background()
		y.add(time.Time{})
		old := y.claim(y.a)
		if y.clock.Advance(59 * time.Second); y.claim(y.b) != nil {
			t.Fatal("a job was taken over before its lease ran out")
		}
		y.clock.Advance(time.Second)
		now := y.claim(y.b)
		if now == nil || now.ID != old.ID || now.Tries != 2 {
			t.Fatalf("a job whose lease ran out was not taken over: %+v", now)
		}
		for what, err := range map[string]error{"complete": y.a.Complete(ctx, *old, effect(*old)), "postpone": y.a.Postpone(ctx, queue, *old, "late"),
			"fail": y.a.Fail(ctx, queue, *old, "late")} {
			if !errors.Is(err, job.ErrFenced) {
				t.Errorf("the old holder could %s: %v", what, err)
			}
		}
		if y.effects() != 0 {
			t.Fatal("the old holder recorded an effect")
		}
		if err := y.b.Complete(ctx, *now, effect(*now)); err != nil {
			t.Fatal(err)
		}
		if err := y.b.Complete(ctx, *now, effect(*now)); !errors.Is(err, job.ErrFenced) {
			t.Errorf("a job was completed twice: %v", err)
		}
		if n := y.effects(); n != 1 {
			t.Errorf("%d effects, want 1", n)
		}
	})
}

// TestBackOff: each failure waits longer than the one before, up to a bound, and the last one ends the job as failed, with its
// code, where it can be seen.
func TestBackOff(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		var told []job.Failed
		q := queue
		q.Lost = func(f job.Failed) { told = append(told, f) }
		id := y.add(time.Time{})
		refuse := func(context.Context, job.Job) (func(context.Context, store.Tx) error, error) {
			return nil, &job.Failure{Code: "server_away"}
		}
		var waits []time.Duration
		for len(y.failed()) == 0 && len(waits) < 10 {
			if n, err := y.a.Round(context.Background(), q, refuse); err != nil || n != 1 {
				t.Fatalf("after waits of %v: %d jobs, %v", waits, n, err)
			}
			waited := time.Duration(0)
			for len(y.failed()) == 0 && waited < time.Hour {
				y.clock.Advance(time.Second)
				if waited += time.Second; len(storetest.Rows(t, y.db, "SELECT id FROM fastness_job WHERE due <= ?", types.IntValue(types.Micros(y.clock.Now())))) > 0 {
					break
				}
			}
			waits = append(waits, waited)
		}
		if want := []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 0}; !slices.Equal(waits, want) {
			t.Errorf("waits %v, want %v", waits, want)
		}
		if f := y.failed(); len(f) != 1 || f[0].ID != id || f[0].Code != "server_away" || f[0].Tries != 4 {
			t.Errorf("failed: %+v", f)
		}
		if len(told) != 1 || told[0].ID != id {
			t.Errorf("told of %+v", told)
		}
	})
}

// TestPoison: a job that panics, and one that takes its process with it each time, end as failed; the ones after them are done.
func TestPoison(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		bad := y.add(time.Time{})
		y.clock.Advance(time.Second)
		good := y.add(time.Time{})
		for range 8 {
			if _, err := y.a.Round(context.Background(), queue, func(_ context.Context, b job.Job) (func(context.Context, store.Tx) error, error) {
				if b.ID == bad {
					panic("poison")
				}
				return effect(b), nil
			}); err != nil {
				t.Fatal(err)
			}
			y.clock.Advance(time.Minute)
		}
		if f := y.failed(); len(f) != 1 || f[0].ID != bad || f[0].Code != job.CodePanic {
			t.Fatalf("failed: %+v", f)
		}
		if rows := storetest.Rows(t, y.db, "SELECT job FROM effects"); len(rows) != 1 || rows[0][0] != string(good) {
			t.Fatalf("effects: %v", rows)
		}
		deadly := y.add(time.Time{})
		for range queue.Tries + 1 {
			y.claim(y.a) // and the process dies
			y.clock.Advance(time.Minute)
		}
		if f := y.failed(); len(f) != 2 || f[0].ID != deadly || f[0].Code != job.CodeGaveUp {
			t.Fatalf("failed: %+v", f)
		}
	})
}

// TestExpiry: what is no longer worth doing fails without being done, and a failed job loses its body where the queue says so.
func TestExpiry(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		y.add(start.Add(time.Minute))
		y.clock.Advance(time.Minute)
		q := queue
		q.Discard = true
		if got, err := y.a.Claim(context.Background(), q); err != nil || len(got) != 0 {
			t.Fatalf("an expired job was handed out: %v %v", got, err)
		}
		if f := y.failed(); len(f) != 1 || f[0].Code != job.CodeTooLate {
			t.Fatalf("failed: %+v", f)
		}
		if rows := storetest.Rows(t, y.db, "SELECT body FROM fastness_job"); len(rows) != 1 || rows[0][0] != "" {
			t.Fatalf("the body of a failed job: %q", rows)
		}
		y.clock.Advance(31 * 24 * time.Hour)
		if err := y.a.Sweep(context.Background()); err != nil || len(y.failed()) != 0 {
			t.Fatalf("a month later the failed job is still there (%v)", err)
		}
	})
}

// TestClockBack: a clock that is put back by an hour lengthens neither the lease of a job, nor its wait, nor a lease by name,
// nor a task's pause.
func TestClockBack(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		ctx := context.Background()
		y.add(time.Time{})
		if y.claim(y.a) == nil {
			t.Fatal("no job")
		}
		if _, err := y.a.Acquire(ctx, "door", time.Minute); err != nil {
			t.Fatal(err)
		}
		ran := 0
		task := job.Task{Name: "tidy", Every: time.Hour, Do: func(context.Context, job.Lease) error { ran++; return nil }}
		if _, err := y.a.RunDue(ctx, task); err != nil || ran != 1 {
			t.Fatalf("ran %d times: %v", ran, err)
		}
		y.clock.Advance(-time.Hour)
		again := y.claim(y.b)
		if again == nil {
			t.Error("the lease of a job was lengthened by an hour")
		} else if err := y.b.Postpone(ctx, queue, *again, "later"); err != nil {
			t.Error(err)
		}
		if _, err := y.b.Acquire(ctx, "door", time.Minute); err != nil {
			t.Errorf("a lease was lengthened by an hour: %v", err)
		}
		if _, err := y.b.RunDue(ctx, task); err != nil || ran != 2 {
			t.Errorf("a task's pause was lengthened by an hour (ran %d times, %v)", ran, err)
		}
		if y.clock.Advance(-time.Hour); y.claim(y.a) == nil {
			t.Error("the wait of a job was lengthened by an hour")
		}
	})
}

// TestLeaseByName: one holder at a time; a lease that ran out is taken over and its old holder's effects are refused.
func TestLeaseByName(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		ctx := context.Background()
		var wg sync.WaitGroup
		var mu sync.Mutex
		var got []job.Lease
		for n := range 8 {
			wg.Go(func() {
				l, err := []*job.Jobs{y.a, y.b}[n%2].Acquire(ctx, "door", time.Minute)
				if err == nil {
					mu.Lock()
					got = append(got, l)
					mu.Unlock()
				} else if !errors.Is(err, job.ErrHeld) && types.KindOf(err) != types.Unavailable {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("%d holders, want 1", len(got))
		}
		old, err := y.a.Renew(ctx, got[0], time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		y.clock.Advance(time.Minute)
		l, err := y.b.Acquire(ctx, "door", time.Minute)
		if err != nil || l.Token <= old.Token {
			t.Fatalf("taken over: %+v %v", l, err)
		}
		if err := y.db.Write(ctx, func(tx store.Tx) error { return old.Fence(ctx, tx) }); !errors.Is(err, job.ErrFenced) {
			t.Errorf("the old holder passed the fence: %v", err)
		}
		if _, err := y.a.Renew(ctx, old, time.Minute); !errors.Is(err, job.ErrFenced) {
			t.Errorf("the old holder renewed: %v", err)
		}
		if err := y.a.Release(ctx, old); err != nil {
			t.Error(err)
		}
		if _, err := y.a.Acquire(ctx, "door", time.Minute); !errors.Is(err, job.ErrHeld) {
			t.Errorf("the old holder released the new one's lease: %v", err)
		}
		if err := y.db.Write(ctx, func(tx store.Tx) error { return l.Fence(ctx, tx) }); err != nil {
			t.Errorf("the holder did not pass his own fence: %v", err)
		}
		if err := y.b.Release(ctx, l); err != nil {
			t.Error(err)
		}
		if _, err := y.a.Acquire(ctx, "door", time.Minute); err != nil {
			t.Errorf("a released lease is not to be had: %v", err)
		}
	})
}

// TestTasks: a task runs at its first sight and then after its pause, in one process; after a failure it runs sooner.
func TestTasks(t *testing.T) {
	each(t, func(t *testing.T, y *yard) {
		ctx := context.Background()
		var log []string
		var boom error
		task := job.Task{Name: "tidy", Every: time.Hour, Do: func(ctx context.Context, l job.Lease) error {
			if other, err := y.b.RunDue(ctx, job.Task{Name: "tidy", Every: time.Hour}); other || err != nil {
				t.Errorf("two ran it at once (%v)", err)
			}
			log = append(log, fmt.Sprint(l.Token))
			return boom
		}}
		look := func(ahead time.Duration) {
			y.clock.Advance(ahead)
			if _, err := y.a.RunDue(ctx, task); !errors.Is(err, boom) {
				t.Errorf("a run said %v", err)
			}
		}
		look(0)
		look(59 * time.Minute)
		boom = errors.New("boom")
		look(time.Minute)
		boom = nil
		look(5 * time.Minute)
		look(time.Minute)
		if got := strings.Join(log, " "); got != "1 2 3" {
			t.Errorf("tokens of the runs: %s, want 1 2 3", got)
		}
	})
}
