package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/fastness-dev/fastness/bench/proc"
)

// idle prints the row of start, memory at rest and size of the program. The first start makes keys, tables and a certificate authority; of
// the others the fastest counts. Memory is taken after the last one has rested.
func idle(ctx context.Context, opt options) error {
	info, err := os.Stat(opt.binary)
	if err != nil {
		return err
	}
	return withServer(ctx, opt, func(s *server) error {
		first, best := s.start, time.Hour
		for range opt.rounds {
			if err := s.stop(); err != nil {
				return err
			}
			if err := s.serve(ctx); err != nil {
				return err
			}
			best = min(best, s.start)
		}
		time.Sleep(2 * time.Second)
		mib, err := proc.ResidentMiB(s.PID)
		if err != nil {
			return err
		}
		fmt.Printf("\nidle: first answer after %v (budget 150ms), %v on an empty folder; %.1f MiB resident (60); program %.1f MiB (40)\n",
			best.Round(time.Millisecond), first.Round(time.Millisecond), mib, float64(info.Size())/(1<<20))
		return nil
	})
}
