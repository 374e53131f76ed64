package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// protocols are measured apart: they cost differently.
var protocols = [...]string{"h2", "http/1.1"}

// pair is one scenario over one protocol against both servers.
type pair struct {
	s          *scenario
	protocol   string
	ours, bare *client
	best       [2]outcome // ours, bare: the run with the least CPU
}

// ratios runs every scenario against both servers, interleaved, prints the table and judges it if that was asked for.
func ratios(ctx context.Context, opt options, ours, bare yard.Target, scenarios []*scenario) error {
	var pairs []*pair
	for _, s := range scenarios {
		for _, p := range protocols {
			pr := &pair{s: s, protocol: p, ours: newClient(ours.Roots, p, opt.conns), bare: newClient(bare.Roots, p, opt.conns)}
			defer pr.ours.close()
			defer pr.bare.close()
			pairs = append(pairs, pr)
		}
	}
	measured := func(pairs []*pair) error {
		for round := range opt.rounds + 1 {
			for _, p := range pairs {
				if err := p.round(ctx, opt, round, ours, bare); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := measured(pairs); err != nil {
		return err
	}
	if err := table(opt, pairs); err != nil || !opt.judge {
		return err
	}
	return judge(pairs, measured)
}

// table prints what was measured.
func table(opt options, pairs []*pair) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\npath\tprotocol\tours µs\tbare µs\tratio\tbudget\tbusy\treq/s\tp50\tp99\tbody bytes")
	for _, p := range pairs {
		o, b := p.best[0], p.best[1]
		n := p.s.requests(opt)
		budget := "-"
		if p.s.budget > 0 {
			budget = fmt.Sprintf("<= %.4g", p.s.budget)
		}
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%.1f\t%.2f\t%s\t%.0f/%.0f %%\t%.0f\t%v\t%v\t%d\n", p.s.name, p.protocol, proc.Micros(o.cpu), proc.Micros(b.cpu),
			p.ratio(), budget, 100*o.busy, 100*b.busy, float64(n)/o.wall.Seconds(), o.p50.Round(10*time.Microsecond), o.p99.Round(10*time.Microsecond), o.bytes)
	}
	return w.Flush()
}

// ratio is what ours costs in terms of the bare server.
func (p *pair) ratio() float64 { return float64(p.best[0].cpu) / float64(p.best[1].cpu) }

// round measures both servers once, the first one in turn. Connections are opened and warmed before the clock is read.
func (p *pair) round(ctx context.Context, opt options, round int, ours, bare yard.Target) error {
	for i := range 2 {
		which := (round + i) % 2
		c, t := p.ours, ours
		if which == 1 {
			c, t = p.bare, bare
		}
		if _, err := c.load(ctx, t, p.s, 4*opt.conns); err != nil {
			return err
		}
		o, err := c.load(ctx, t, p.s, p.s.requests(opt))
		if err != nil {
			return err
		}
		if opt.verbose {
			fmt.Printf("%s %s round %d %s: %.1f µs\n", p.s.name, p.protocol, round, [...]string{"ours", "bare"}[which], proc.Micros(o.cpu))
		}
		if round == 0 {
			continue // young processes have not yet met their garbage collector
		}
		if best := &p.best[which]; best.cpu == 0 || o.cpu < best.cpu {
			*best = o
		}
	}
	return nil
}

// selfCheck measures the bare server against a second one of its kind. The ratios say how far from 1.00 is noise.
func selfCheck(ctx context.Context, opt options) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	body := []byte(`{"text":"` + strings.Repeat("x", 600) + `"}`)
	h := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}
	get := &scenario{name: "get", method: "GET", pattern: "GET /a/{id}", paths: []string{"/a/1"}, status: 200, budget: 1}
	post := &scenario{name: "create", method: "POST", pattern: "POST /a", paths: []string{"/a"}, body: `{"n":"{n}"}`, status: 201, budget: 1}
	answers := []yard.Answer{{Pattern: get.pattern, Status: 200, Header: h, Body: body}, {Pattern: post.pattern, Status: 201, Header: h, Body: body}}
	a, stopA, err := yard.StartBare(ctx, dir, answers)
	if err != nil {
		return err
	}
	defer stopA()
	b, stopB, err := yard.StartBare(ctx, dir, answers)
	if err != nil {
		return err
	}
	defer stopB()
	return ratios(ctx, opt, a, b, []*scenario{get, post})
}
