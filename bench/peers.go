package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// peers prints get, list and create of Fastness beside those of PocketBase, its request log off, in the same rounds over HTTP/1.1. Both have
// as many articles of one author, an owner rule, and run as their users run them on one core. It needs the program bin/peer-pocketbase
// (make bench PEERS=1 builds it) and is silent about it when that was not asked for.
func peers(ctx context.Context, opt options) error {
	if !opt.peers {
		return nil
	}
	dir, err := os.MkdirTemp("", "bench-peer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	_, body, _ := strings.Cut(article, `"body":"`)
	peer, err := yard.StartProgram(ctx, filepath.Join(filepath.Dir(opt.binary), "peer-pocketbase"), nil, dir, fmt.Sprint(opt.rows), strings.TrimSuffix(body, `"}`))
	if err != nil {
		return fmt.Errorf("PocketBase: %w; build it with make bench PEERS=1", err)
	}
	defer peer.Stop()
	return withServer(ctx, opt, func(s *server) error {
		token, err := s.account(ctx, "author@press.example", "author")
		if err != nil {
			return err
		}
		if err := fill(ctx, s.Target, opt, opt.rows, token); err != nil {
			return err
		}
		ours, err := pressScenarios(ctx, s.Target, token, opt.rows)
		if err != nil {
			return err
		}
		return withPeer(ctx, opt, s.Target, ours[1:], peer.Target, peerScenarios(peer))
	})
}

// peerScenarios are get, list of 30 and create as PocketBase takes them.
func peerScenarios(c *yard.Child) []*scenario {
	rows, owner := c.IDs[:len(c.IDs)-1], c.IDs[len(c.IDs)-1]
	h := http.Header{"Authorization": {c.Token}}
	post := h.Clone()
	post.Set("Content-Type", "application/json")
	var paths []string
	for _, id := range rows {
		paths = append(paths, "/api/collections/articles/records/"+id)
	}
	return []*scenario{
		{name: "get", method: "GET", paths: paths, header: h, status: 200, budget: 5},
		{name: "list 30", method: "GET", paths: []string{"/api/collections/articles/records?perPage=30&sort=-created&skipTotal=1"}, header: h, status: 200, budget: 5},
		{name: "create", method: "POST", paths: []string{"/api/collections/articles/records"}, header: post, status: 200, budget: 4, writes: true,
			body: strings.TrimSuffix(article, "}") + `,"author":"` + owner + `"}`},
	}
}

// withPeer interleaves ours with the peer's and prints how many times ours the peer costs.
func withPeer(ctx context.Context, opt options, ours yard.Target, mine []*scenario, peer yard.Target, theirs []*scenario) error {
	best := make([][2]outcome, len(mine))
	for round := range opt.rounds + 1 {
		for n := range mine {
			for which, t := range []yard.Target{ours, peer} {
				s := [...]*scenario{mine[n], theirs[n]}[which]
				c := newClient(t.Roots, "http/1.1", opt.conns)
				_, err := c.load(ctx, t, s, 4*opt.conns)
				var o outcome
				if err == nil {
					o, err = c.load(ctx, t, s, s.requests(opt)/4)
				}
				c.close()
				if err != nil {
					return err
				}
				if b := &best[n][which]; round > 0 && (b.cpu == 0 || o.cpu < b.cpu) {
					*b = o
				}
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nbeside PocketBase\tours µs\tPocketBase µs\tmore\ttarget\tbody bytes")
	var missed []error
	for n, s := range theirs {
		more := float64(best[n][1].cpu) / float64(best[n][0].cpu)
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f x\t>= %.0f x\t%d, %d\n", s.name, proc.Micros(best[n][0].cpu), proc.Micros(best[n][1].cpu), more, s.budget, best[n][0].bytes, best[n][1].bytes)
		if more == 0 {
			missed = append(missed, fmt.Errorf("%s was not measured", s.name))
		}
	}
	return errors.Join(append(missed, w.Flush())...)
}
