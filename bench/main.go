// Command bench measures what Fastness costs: the CPU time of the server process for each request, as a ratio to a bare
// net/http handler that answers the same bytes over the same protocol, in the same run.
//
//	go build -o bin/fastness ./cmd/fastness && go run ./bench [-rounds 9] [-only get,list] [-rows 10000]
//	go run ./bench -self                    the bare server against itself: how far from 1.00 is noise
//
// Map: proc reads a process's CPU clock and pins processes to cores; yard starts programs as children, the bare server among them; lean
// is a connection of HTTP/1.1 that costs little. load.go is the client (32 connections, one request at a time on each), house.go a child
// with the same rooms and one more route, and profiles; fastness.go starts the built program, press.go says what is asked of it,
// scenario.go what a request is, ratio.go interleaves and prints, judge.go fails what is out of all tolerance. peers.go, signin.go,
// idle.go, commit.go, growth and postgres.go are sections of their own. pocketbase is a program and a module of its own.
//
// Policy: server and client on different cores where there are two; runs of both servers interleaved, in turning order; of each,
// the smallest of at least nine, since everything that disturbs makes a run dearer and nothing makes it cheaper. Ratios are judged (with
// -judge) only when they are 20 % over their budget in three runs; all other figures are printed, and belong into docs/performance.md.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/bench/hash"
	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// options are the flags.
type options struct {
	rounds   int
	conns    int
	requests int
	rows     int
	only     map[string]bool // nil: all
	self     bool
	binary   string
	dir      string
	store    string
	sections map[string]bool
	verbose  bool
	judge    bool
	peers    bool
	profile  string
	growth   []int
	postgres string

	// Not flags: the server may choose the costs of password hashes; it has one core's thread, as the bare server, and not what users give it.
	calibrate, narrow bool
}

func main() {
	if serve := childOf(os.Args); serve != nil {
		exit(serve(os.Args[2]))
	}
	opt := parse()
	runtime.GOMAXPROCS(1)
	proc.PinSelf(1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	begun := time.Now()
	fmt.Printf("%s %s/%s, %d cores; %d connections, smallest of %d interleaved runs of %d requests\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), opt.conns, opt.rounds, opt.requests)
	err := run(ctx, opt)
	fmt.Printf("took %v\n", time.Since(begun).Round(time.Second))
	exit(err)
}

func parse() options {
	var opt options
	flag.IntVar(&opt.rounds, "rounds", 9, "runs of each server and scenario")
	flag.IntVar(&opt.conns, "conns", 32, "connections")
	flag.IntVar(&opt.requests, "requests", 20000, "requests of one run (a fifth of it for writes)")
	flag.IntVar(&opt.rows, "rows", 100000, "articles in the table")
	only := flag.String("only", "", "scenarios, with commas between (default: all)")
	sections := flag.String("sections", strings.Join(allSections(), ","), "what to measure")
	flag.BoolVar(&opt.judge, "judge", false, "fail when a ratio is over its budget by more than 20 % in three runs")
	flag.StringVar(&opt.profile, "profile", "", "measure nothing; write CPU profiles of the server to FILE.SCENARIO.PROTOCOL")
	flag.BoolVar(&opt.self, "self", false, "the bare server against itself")
	flag.StringVar(&opt.binary, "binary", "bin/fastness", "the server under test")
	flag.StringVar(&opt.dir, "declaration", "examples/press/fastness.yaml", "what it serves, copied and given a free port")
	sizes := flag.String("growth", "1000,100000,1000000", "rows of the tables that grow")
	flag.StringVar(&opt.store, "store", "sqlite", "sqlite or the URL of a PostgreSQL")
	flag.StringVar(&opt.postgres, "postgres", cmp.Or(os.Getenv("FASTNESS_TEST_POSTGRES"), "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"),
		"a PostgreSQL in which a database may be made and dropped")
	flag.BoolVar(&opt.peers, "peers", false, "measure PocketBase beside")
	flag.BoolVar(&opt.verbose, "v", false, "print each run")
	flag.Parse()
	var err error
	if opt.growth, err = numbers(*sizes); err != nil {
		exit(err)
	}
	opt.only, opt.sections = set(*only), set(*sections)
	if abs, err := filepath.Abs(opt.binary); err == nil {
		opt.binary = abs
	}
	return opt
}

func set(list string) map[string]bool {
	if list == "" {
		return nil
	}
	out := map[string]bool{}
	for _, s := range strings.Split(list, ",") {
		out[s] = true
	}
	return out
}

// sections are what can be measured, in order. Ratios come first: they are what is judged.
var sections = []struct {
	name    string
	measure func(context.Context, options) error
}{
	{"pipeline", pipelineAlone},
	{"rows", rows},
	{"peers", peers},
	{"signin", signIns},
	{"idle", idle},
	{"commit", groupCommit},
	{"growth", grown},
	{"postgres", onPostgres},
}

func allSections() (names []string) {
	for _, s := range sections {
		names = append(names, s.name)
	}
	return names
}

func run(ctx context.Context, opt options) error {
	switch {
	case opt.self:
		return selfCheck(ctx, opt)
	case opt.profile != "":
		return profile(ctx, opt)
	}
	for name := range opt.sections {
		if !slices.Contains(allSections(), name) {
			return fmt.Errorf("there is no section %q; there are %s", name, strings.Join(allSections(), ", "))
		}
	}
	var missed []error // a miss in one section does not hide the others
	for _, s := range sections {
		if opt.sections[s.name] {
			missed = append(missed, s.measure(ctx, opt))
		}
	}
	return errors.Join(missed...)
}

// childOf says what this process does, when it was started as one.
func childOf(args []string) func(string) error {
	if len(args) != 3 {
		return nil
	}
	return map[string]func(string) error{"yardstick": yard.Serve, "house": serveHouse, "hash": hash.Child}[args[1]]
}

// numbers reads "1000,100000".
func numbers(list string) (out []int, err error) {
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1000 {
			return nil, fmt.Errorf("%q is not a number of rows; the least is 1000", s)
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return out, nil
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
