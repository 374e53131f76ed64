package job

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Task is work that recurs, done by one process of all that share the database.
type Task struct {
	Name  string
	Every time.Duration
	Lease time.Duration // how long one run may take; 0 means 5 minutes
	// Do does it. What it writes under l.Fence is written by one holder only. An error is logged and tried again after a
	// tenth of Every.
	Do func(ctx context.Context, l Lease) error
}

var endTask = store.SQL(`UPDATE fastness_lease SET until = 0, due = ?, taken = ?, code = ? WHERE name = ? AND token = ?`)

// Schedule runs tasks when they are due, until ctx ends. A run under way then gets Config.Grace.
func (j *Jobs) Schedule(ctx context.Context, tasks ...Task) {
	tick := time.NewTicker(j.cfg.Poll)
	defer tick.Stop()
	for {
		for _, t := range tasks {
			if _, err := j.RunDue(ctx, t); err != nil && ctx.Err() == nil {
				j.cfg.Log.Warn("a task failed", "task", t.Name, "error", err.Error())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// RunDue runs the task if it is due and nobody else runs it, and says whether it ran. One that never ran is due.
func (j *Jobs) RunDue(ctx context.Context, t Task) (bool, error) {
	if t.Lease == 0 {
		t.Lease = 5 * time.Minute
	}
	due := func(h held, now time.Time) bool { // a clock that was put back does not put a task off
		return !h.found || !now.Before(h.due) || h.taken.Sub(now) > Skew
	}
	wanted := false
	err := j.cfg.DB.View(ctx, func(r store.Reader) error { // a look costs nothing; a write would, every second
		h, err := read(ctx, r, t.Name)
		now := j.cfg.Clock.Now()
		wanted = err == nil && h.over(now) && due(h, now)
		return err
	})
	if err != nil || !wanted {
		return false, err
	}
	l, err := j.acquire(ctx, t.Name, t.Lease, due)
	if errors.Is(err, ErrHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	work, stop := j.bounded(ctx, t.Lease*3/4)
	defer stop()
	failure := run(work, t, l)
	wait, code := t.Every, ""
	if failure != nil {
		wait, code = t.Every/10, failureOf(failure).Code
	}
	now := j.cfg.Clock.Now()
	err = j.cfg.DB.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		return fenced(tx.Exec(ctx, endTask, types.IntValue(types.Micros(now.Add(wait))), types.IntValue(types.Micros(now)), types.TextValue(code),
			types.TextValue(l.Name), types.IntValue(l.Token)))
	})
	return true, errors.Join(failure, err)
}

// run contains panics.
func run(ctx context.Context, t Task, l Lease) (err error) {
	defer func() {
		if recover() != nil {
			err = &Failure{Code: CodePanic}
		}
	}()
	return t.Do(ctx, l)
}
