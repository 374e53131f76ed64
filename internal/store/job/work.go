package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Handler does one job. It returns what to record in the transaction that completes the job (nil: nothing), or an error; a
// *Failure says whether to try again. It must stop when ctx ends, which is before the lease does.
type Handler func(ctx context.Context, b Job) (effect func(context.Context, store.Tx) error, err error)

// Work does the jobs of a queue until ctx ends. What is under way then gets Config.Grace to finish; what does not is done
// again by whoever claims it next.
func (j *Jobs) Work(ctx context.Context, q Queue, h Handler) {
	tick := time.NewTicker(j.cfg.Poll)
	defer tick.Stop()
	for {
		n, err := j.Round(ctx, q, h)
		if err != nil && ctx.Err() == nil {
			j.cfg.Log.Warn("jobs wait: the queue could not be read", "queue", q.Name, "error", err.Error())
		}
		if n > 0 && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Round claims and does what is due once, and says how many jobs that were, those that came too late included.
func (j *Jobs) Round(ctx context.Context, q Queue, h Handler) (int, error) {
	q = q.withDefaults()
	claimed, lost, err := j.claim(ctx, q)
	if err != nil {
		return 0, err
	}
	work, stop := j.bounded(ctx, q.Lease*3/4)
	defer stop()
	errs := make([]error, len(claimed))
	var wg sync.WaitGroup
	for i, b := range claimed {
		wg.Go(func() { errs[i] = j.one(work, q, b, h) })
	}
	wg.Wait()
	return len(claimed) + lost, errors.Join(errs...)
}

// bounded gives work a context that ends after limit, or Config.Grace after ctx.
func (j *Jobs) bounded(ctx context.Context, limit time.Duration) (context.Context, func()) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	end := context.AfterFunc(ctx, func() {
		t := time.NewTimer(j.cfg.Grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-work.Done():
		}
	})
	return work, func() { end(); cancel() }
}

func (j *Jobs) one(ctx context.Context, q Queue, b Job, h Handler) error {
	effect, err := guarded(ctx, b, h)
	ctx = context.WithoutCancel(ctx) // what was done is written down, however late it is
	err = j.settle(ctx, func() error {
		if err == nil {
			return j.Complete(ctx, b, effect)
		}
		f := failureOf(err)
		if f.Final {
			return j.Fail(ctx, q, b, f.Code)
		}
		return j.Postpone(ctx, q, b, f.Code)
	})
	if errors.Is(err, ErrFenced) {
		j.cfg.Log.Warn("a job was taken over by another process while it was done here", "queue", q.Name, "job", string(b.ID))
		return nil
	}
	return err
}

// settle writes down how a job ended, one job of this process at a time, and again when others were in the way: what is not
// written down is done twice.
func (j *Jobs) settle(ctx context.Context, write func() error) error {
	j.settling.Lock()
	defer j.settling.Unlock()
	for n := 1; ; n++ {
		err := write()
		if n == 10 || types.KindOf(err) != types.Unavailable {
			return err
		}
		t := time.NewTimer(time.Duration(n) * 20 * time.Millisecond)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// guarded contains panics: a job that panics is a failed try.
func guarded(ctx context.Context, b Job, h Handler) (effect func(context.Context, store.Tx) error, err error) {
	defer func() {
		if recover() != nil { // what it says may hold values: the code alone is kept
			effect, err = nil, &Failure{Code: CodePanic}
		}
	}()
	return h(ctx, b)
}
