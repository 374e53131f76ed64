package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/jackc/pgx/v5"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// onPostgres prints what get, list and create cost when the rows lie in PostgreSQL: our own CPU, which is a client's there, and how much
// longer an answer takes. Then growth. Without a PostgreSQL it says so and measures nothing.
func onPostgres(ctx context.Context, opt options) error {
	c, err := pgx.Connect(ctx, opt.postgres)
	if err != nil {
		fmt.Printf("\nNOT MEASURED: PostgreSQL does not answer at %s\n", opt.postgres)
		return nil
	}
	defer c.Close(ctx)
	return errors.Join(
		inDatabase(ctx, opt, c, "rows", func(on options) error { return beside(ctx, opt, on) }),
		inDatabase(ctx, opt, c, "growth", func(on options) error { return grown(ctx, on) }))
}

// inDatabase makes a database, runs fn on it and drops it.
func inDatabase(ctx context.Context, opt options, c *pgx.Conn, what string, fn func(options) error) error {
	name := fmt.Sprintf("fastness_bench_%s_%d", what, os.Getpid())
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return err
	}
	defer func() { _, _ = c.Exec(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)") }()
	u, err := url.Parse(opt.postgres)
	if err != nil {
		return err
	}
	u.Path = "/" + name
	opt.store = u.String()
	return fn(opt)
}

// beside runs the rows' scenarios on both engines, interleaved, one request at a time: latencies under load would be those of two cores
// that three programs share.
func beside(ctx context.Context, opt, on options) error {
	return withServer(ctx, opt, func(lite *server) error {
		return withServer(ctx, on, func(pg *server) error {
			var names []string
			best := map[string]*[2]outcome{}
			var sides [2][]*scenario
			for i, s := range []*server{lite, pg} {
				token, err := s.account(ctx, "author@press.example", "author")
				if err != nil {
					return err
				}
				few := opt
				few.conns = 2 // at once: concurrent creates cost PostgreSQL repetitions, which are not what is measured here
				if err := fill(ctx, s.Target, few, min(opt.rows, 2000), token); err != nil {
					return err
				}
				if sides[i], err = pressScenarios(ctx, s.Target, token, opt.rows); err != nil {
					return err
				}
			}
			for round := range opt.rounds + 1 {
				for j, s := range sides[0] {
					if s.budget == 0 {
						continue
					}
					if best[s.name] == nil {
						best[s.name], names = &[2]outcome{}, append(names, s.name)
					}
					for i := range 2 {
						which := (round + i) % 2
						o, err := alone(ctx, []*server{lite, pg}[which].Target, sides[which][j], max(50, s.requests(opt)/40))
						if err != nil {
							return err
						}
						b := &best[s.name][which]
						if b.cpu == 0 || o.cpu < b.cpu {
							b.cpu = o.cpu
						}
						if b.p50 == 0 || o.p50 < b.p50 {
							b.p50 = o.p50
						}
					}
				}
			}
			w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "\none request at a time, h2\tSQLite CPU µs\tPostgreSQL: our CPU µs\tSQLite p50\tPostgreSQL p50\tadded")
			for _, name := range names {
				b := best[name]
				fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%v\t%v\t%v\n", name, proc.Micros(b[0].cpu), proc.Micros(b[1].cpu), b[0].p50, b[1].p50, b[1].p50-b[0].p50)
			}
			return w.Flush()
		})
	})
}

// alone sends n requests over one connection.
func alone(ctx context.Context, t yard.Target, s *scenario, n int) (outcome, error) {
	c := newClient(t.Roots, "h2", 1)
	defer c.close()
	if _, err := c.load(ctx, t, s, 10); err != nil {
		return outcome{}, err
	}
	return c.load(ctx, t, s, n)
}
