package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/invented"
	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/store"
)

type serveCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration: a file, or a folder with fastness.yaml."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment."`
	Seed        bool   `name:"seed" help:"Development: fill an empty press with invented rows and print one curl per role."`
	Pipeline    bool   `name:"pipeline" help:"Print the steps that every request takes, and stop."`
	Calibrate   bool   `name:"calibrate" default:"true" negatable:"" help:"Choose the cost of password hashes by the speed of this machine, once for the database."`
	AccessLog   bool   `name:"access-log" default:"true" negatable:"" help:"Write one JSON line per request to standard output."`
}

// Run serves until the process is asked to end.
func (c *serveCmd) Run(e *env) error {
	if c.Pipeline {
		for _, s := range edge.Steps() {
			fmt.Fprintf(e.out, "%2d  %-14s %s\n", s.Number, s.Name, s.Text)
		}
		return nil
	}
	fastness.TuneCollector()
	opt := fastness.Options{Environment: c.Env, Terminal: e.err, Log: slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	if c.AccessLog {
		opt.AccessLog = os.Stdout
	}
	opt.Serving, opt.PasswordWorker, opt.Calibrate = true, e.worker, c.Calibrate
	app, err := fastness.Open(c.Declaration, opt)
	if errors.Is(err, store.ErrBusy) {
		return fmt.Errorf("%w; another server runs on these data", err)
	}
	if err != nil {
		return err
	}
	defer app.Close()
	if runtime.GOMAXPROCS(0) == 1 && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2) // or on one processor reads would wait until the runtime sees that a commit waits for the disk
	}
	closeControl, err := listenControl(e.ctx, app)
	if err != nil {
		return err
	}
	defer closeControl()
	if n := len(app.Plan.Warnings); n > 0 {
		fmt.Fprintf(e.err, "fastness check has %d remarks on this declaration\n", n)
	}
	var lines []string
	if c.Seed {
		if lines, err = invented.Press(e.ctx, app, operator("seeding development with invented rows")); err != nil {
			return err
		}
	}
	return app.Serve(e.ctx, func(address string) {
		fmt.Fprintf(e.err, "fastness %s serves %s (%s) on %s\n", fastness.Version, app.Plan.Decl.Service.Name, app.Plan.Environment, app.Base())
		if app.Plan.Development() {
			fmt.Fprintln(e.err, "development: invented data only; `fastness trust DECLARATION` makes this machine trust its certificates")
		}
		for _, l := range lines {
			fmt.Fprintln(e.err, l)
		}
		go debug.FreeOSMemory() // what starting has used: compilers of rules, the reader of the declaration
	})
}
