package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/fastness-dev/fastness/bench/growth"
)

// grown prints what get and list cost as the table grows.
func grown(ctx context.Context, opt options) error {
	dir, err := os.MkdirTemp("", "bench-growth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := prepare(opt, dir); err != nil {
		return err
	}
	for k, v := range map[string]string{"XDG_CONFIG_HOME": filepath.Join(dir, "config"), "BENCH_DATABASE": opt.store} {
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	return growth.Print(ctx, growth.Config{Dir: dir, Sizes: opt.growth, Rounds: opt.rounds, Store: opt.store})
}
