package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// article is the body of a create: about 1 KiB, as an author would send it.
var article = `{"title":"On keeping things, part {n}","slug":"on-keeping-things-{n}","summary":"What a small press learnt about locks.",` +
	`"section":"culture","words":420,"body":"<p>` + strings.Repeat("A press keeps what it is given. ", 25) + `</p>"}`

func create(token string) *scenario {
	h := bearer(token)
	h.Set("Content-Type", "application/json")
	return &scenario{name: "create", method: "POST", pattern: "POST /api/v1/articles", paths: []string{"/api/v1/articles"},
		body: article, header: h, status: 201, budget: 6, writes: true}
}

// ids lists up to n ids of the caller's articles, newest first, through the list's own cursors.
func ids(ctx context.Context, t yard.Target, token string, n int) ([]string, error) {
	var out []string
	path := "/api/v1/articles?limit=100&fields=id"
	for len(out) < n {
		s := &scenario{name: "ids", method: "GET", paths: []string{path}, header: bearer(token), status: 200}
		a, err := s.sample(ctx, t)
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []struct{ ID string }
			Next  *string
		}
		if err := json.Unmarshal(a.Body, &page); err != nil {
			return nil, err
		}
		for _, i := range page.Items {
			out = append(out, i.ID)
		}
		if page.Next == nil || len(page.Items) == 0 {
			break
		}
		path = "/api/v1/articles?limit=100&fields=id&after=" + *page.Next
	}
	if len(out) == 0 {
		return nil, errors.New("the caller reads no article")
	}
	return out[:min(n, len(out))], nil
}

// pressScenarios are the rows of the table: a refusal that meets the whole pipeline without data, get, list of 30, create.
func pressScenarios(ctx context.Context, t yard.Target, token string, rows int) ([]*scenario, error) {
	own, err := ids(ctx, t, token, rows)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, id := range own {
		paths = append(paths, "/api/v1/articles/"+id)
	}
	return []*scenario{
		{name: "refused", method: "GET", pattern: "GET /nothing", paths: []string{"/nothing"}, header: http.Header{"Accept": {"application/json"}}, status: 401},
		{name: "get", method: "GET", pattern: "GET /api/v1/articles/{id}", paths: paths, header: bearer(token), status: 200, budget: 3},
		{name: "list 30", method: "GET", pattern: "GET /api/v1/articles", paths: []string{"/api/v1/articles?limit=30&sort=-created"}, header: bearer(token), status: 200, budget: 8},
		create(token),
	}, nil
}

// withServer starts the built program on a copy of the declaration.
func withServer(ctx context.Context, opt options, fn func(*server) error) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := prepare(opt, dir)
	if err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	return errors.Join(fn(s), s.stop())
}

// rows prints the second row of the table: get, list, create.
func rows(ctx context.Context, opt options) error {
	return withServer(ctx, opt, func(s *server) error {
		token, err := s.account(ctx, "author@press.example", "author")
		if err != nil {
			return err
		}
		if err := fill(ctx, s.Target, opt, opt.rows, token); err != nil {
			return err
		}
		scenarios, err := pressScenarios(ctx, s.Target, token, opt.rows)
		if err != nil {
			return err
		}
		return against(ctx, opt, s.dir, s.Target, choose(opt, scenarios))
	})
}

func choose(opt options, all []*scenario) (out []*scenario) {
	for _, s := range all {
		if opt.only == nil || opt.only[s.name] {
			out = append(out, s)
		}
	}
	return out
}

// fill writes rows as a client would.
func fill(ctx context.Context, t yard.Target, opt options, rows int, token string) error {
	c := newClient(t.Roots, "h2", opt.conns)
	defer c.close()
	begun := time.Now()
	s := create(token)
	s.n.Store(1 << 32) // slugs of their own
	o, err := c.load(ctx, t, s, rows)
	if err != nil {
		return fmt.Errorf("filling: %w", err)
	}
	fmt.Printf("filled %d articles in %v, %.1f µs of server CPU each\n", rows, time.Since(begun).Round(time.Millisecond), proc.Micros(o.cpu))
	return nil
}

// against takes one answer of each scenario, lets a yardstick repeat them and prints the ratios.
func against(ctx context.Context, opt options, dir string, ours yard.Target, scenarios []*scenario) error {
	var answers []yard.Answer
	for _, s := range scenarios {
		a, err := s.sample(ctx, ours)
		if err != nil {
			return err
		}
		answers = append(answers, a)
	}
	bare, stop, err := yard.StartBare(ctx, dir, answers)
	if err != nil {
		return err
	}
	defer stop()
	return ratios(ctx, opt, ours, bare, scenarios)
}
