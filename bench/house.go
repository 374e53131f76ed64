package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// The product has neither a route that does nothing nor a way to profile it, and shall have neither. So the pipeline alone, and
// every profile, is measured on a child of this program that serves the same declaration with the same rooms and one more route.

// nothing is the trivial handler: what it costs is what the pipeline costs.
var nothing = []plan.Route{
	{Name: "bench_nothing", Method: "GET", Path: "/bench/nothing", Access: plan.Access{SignedIn: true}, Status: 200, Handle: trivial},
	{Name: "bench_take", Method: "POST", Path: "/bench/nothing", Access: plan.Access{SignedIn: true}, Status: 200, In: &plan.Schema{Any: true}, Handle: trivial},
}

var ok = []byte(`{"status":"ok"}`)

func trivial(context.Context, *plan.Request) (*plan.Answer, error) {
	return &plan.Answer{Body: ok}, nil
}

// pipelineScenarios are the whole guard pipeline before a handler that does nothing: signed in, without and with a body.
func pipelineScenarios(token string) []*scenario {
	post := bearer(token)
	post.Set("Content-Type", "application/json")
	return []*scenario{
		{name: "pipeline", method: "GET", pattern: "GET /bench/nothing", paths: []string{"/bench/nothing"}, header: bearer(token), status: 200, budget: 1.10},
		{name: "pipeline 1 KiB", method: "POST", pattern: "POST /bench/nothing", paths: []string{"/bench/nothing"}, body: article, header: post, status: 200, budget: 1.10},
	}
}

// serveHouse is the child: it serves the declaration in dir until its input ends. A line "profile FILE" begins a CPU profile, "done" ends it.
func serveHouse(dir string) error {
	fastness.TuneCollector()
	ctx, end := context.WithCancel(context.Background())
	defer end()
	log, err := os.Create(filepath.Join(dir, "house.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	clock := types.SystemClock{}
	app, err := fastness.Open(dir, fastness.Options{Environment: "development", Log: slog.New(slog.NewTextHandler(log, nil)), Clock: clock})
	if err != nil {
		return err
	}
	defer app.Close()
	token, err := signedIn(ctx, app, "author@press.example", "author")
	if err != nil {
		return err
	}
	tlsDir, err := fastness.AuthorityDir(app.Plan.Decl.Service.Name)
	if err != nil {
		return err
	}
	authority, err := edge.OpenAuthority(tlsDir, app.Plan.Decl.Service.Name, clock)
	if err != nil {
		return err
	}
	cert, err := authority.Certificate(&tls.ClientHelloInfo{})
	if err != nil {
		return err
	}
	s, err := edge.New(edge.Config{Plan: app.Plan, Routes: append(app.Routes(), nothing...), Who: app.Identity, Clock: clock,
		Certificate: authority.Certificate, May: app.Keep.May, Ready: app.DB.Ping, HTTPS: app.Plan.Decl.Listen.HTTPS, Access: log})
	if err != nil {
		return err
	}
	go obey(end)
	if err := yard.Greet(yard.Greeting{URL: app.Base(), Token: token}, cert.Certificate[0]); err != nil {
		return err
	}
	return s.Run(ctx)
}

// obey reads the parent's lines, and ends the server when they do.
func obey(end func()) {
	defer end()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "profile "); ok {
			if f, err := os.Create(name); err == nil && pprof.StartCPUProfile(f) == nil {
				defer f.Close()
			}
		} else {
			pprof.StopCPUProfile()
		}
		fmt.Println("ok")
	}
}

// by is who works here: rules do not bind it.
func by() *types.Caller {
	return &types.Caller{Kind: types.Operator, Name: "operator@bench", Reason: "bench", RequestID: types.RandomID()}
}

// signedIn makes an account with a role, or finds it, and opens a session for it.
func signedIn(ctx context.Context, app *fastness.App, email, role string) (string, error) {
	id, err := person(ctx, app, email, role)
	if err != nil {
		return "", err
	}
	s, err := app.Identity.DevSession(ctx, by(), id)
	if err != nil {
		return "", err
	}
	return s.Token.Reveal(), nil
}

func person(ctx context.Context, app *fastness.App, email, role string) (types.ID, error) {
	added, err := app.Identity.AddUser(ctx, by(), email, []string{role})
	if err == nil {
		return added.ID, nil
	}
	acc, e := app.Identity.Find(ctx, by(), email)
	if e != nil {
		return "", errors.Join(err, e)
	}
	return acc.ID, nil
}

// withHouse starts the child on a copy of the declaration, fills it when rows are wanted and runs fn.
func withHouse(ctx context.Context, opt options, rows int, fn func(*yard.Child, string) error) error {
	dir, err := os.MkdirTemp("", "bench-house-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := prepare(opt, dir); err != nil {
		return err
	}
	c, err := yard.Start(ctx, []string{"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "BENCH_DATABASE=" + opt.store}, "house", dir)
	if err != nil {
		return err
	}
	defer c.Stop()
	if rows > 0 {
		if err := fill(ctx, c.Target, opt, rows, c.Token); err != nil {
			return err
		}
	}
	return fn(c, dir)
}

// pipelineAlone prints the first row of the table.
func pipelineAlone(ctx context.Context, opt options) error {
	return withHouse(ctx, opt, 0, func(c *yard.Child, dir string) error {
		return against(ctx, opt, dir, c.Target, choose(opt, pipelineScenarios(c.Token)))
	})
}

// profile writes a CPU profile of the server under the chosen scenarios: go tool pprof -http : FILE.
func profile(ctx context.Context, opt options) error {
	return withHouse(ctx, opt, opt.rows, func(c *yard.Child, _ string) error {
		press, err := pressScenarios(ctx, c.Target, c.Token, opt.rows)
		if err != nil {
			return err
		}
		for _, s := range choose(opt, append(pipelineScenarios(c.Token), press...)) {
			for _, p := range protocols {
				file := opt.profile + "." + strings.ReplaceAll(s.name, " ", "-") + "." + strings.ReplaceAll(p, "/", "-")
				if err := profiled(ctx, opt, c, s, p, file); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func profiled(ctx context.Context, opt options, c *yard.Child, s *scenario, protocol, file string) error {
	cl := newClient(c.Roots, protocol, opt.conns)
	defer cl.close()
	if _, err := cl.load(ctx, c.Target, s, 4*opt.conns); err != nil {
		return err
	}
	if err := c.Tell("profile " + file); err != nil {
		return err
	}
	o, err := cl.load(ctx, c.Target, s, s.requests(opt))
	if err != nil {
		return err
	}
	fmt.Printf("%s %s: %.1f µs, profile in %s\n", s.name, protocol, proc.Micros(o.cpu), file)
	return c.Tell("done")
}

// bearer are the headers of a signed-in client.
func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/json"}}
}
