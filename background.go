package fastness

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/store/job"
)

// again is how long what panicked rests before it is begun again.
const again = time.Second

// work runs what goes on in the background until ctx ends, and returns a function that waits for its end.
func (a *App) work(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	for name, run := range map[string]func(context.Context){
		"feed": a.Identity.Run, "calibration": a.calibrate, "mail": a.Mail.Run,
		"sweep": every(10*time.Minute, a.Identity.Sweep), "evidence": every(time.Minute, a.settle), "anchor": every(markEvery, a.remark),
		"tasks": func(ctx context.Context) {
			a.jobs.Schedule(ctx,
				job.Task{Name: "keep.tidy", Every: time.Hour, Do: func(ctx context.Context, _ job.Lease) error { return a.Keep.Tidy(ctx) }},
				job.Task{Name: "job.sweep", Every: time.Hour, Do: func(ctx context.Context, _ job.Lease) error { return a.jobs.Sweep(ctx) }})
		}} {
		wg.Go(func() { a.steady(ctx, name, run) })
	}
	return wg.Wait
}

// steady runs something until it ends by itself. When it panics it is begun again after a rest: it must neither take the server down
// with it, nor be missing until somebody starts that anew.
func (a *App) steady(ctx context.Context, name string, run func(context.Context)) {
	for a.fell(ctx, name, run) {
		t := time.NewTimer(again)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// fell runs it once and reports whether it panicked.
func (a *App) fell(ctx context.Context, name string, run func(context.Context)) (fell bool) {
	defer func() {
		if p := recover(); p != nil {
			fell = true
			a.opt.Log.Error("panic in the background; it is begun again", "what", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	run(ctx)
	return false
}

// every makes of something short what goes on until its context ends, at that interval.
func every(interval time.Duration, do func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				do(ctx)
			}
		}
	}
}

// settle records what was counted.
func (a *App) settle(ctx context.Context) {
	if err := a.Keep.Settle(ctx); err != nil {
		a.opt.Log.Warn("counted refusals were not recorded", "error", err.Error())
	}
}
