// Command bench measures what Fastness costs: the CPU time of the server process for each request, as a ratio to a bare
// net/http handler that answers the same bytes over the same protocol, in the same run.
//
//	go build -o bin/fastness ./cmd/fastness && go run ./bench [-rounds 9] [-only get,list] [-rows 10000]
//	go run ./bench -self                    the bare server against itself: how far from 1.00 is noise
//
// Map: cpu.go reads a process's CPU clock and pins processes to cores, load.go is the client (32 connections, one request at a
// time on each), yardstick.go is the bare server (a child process of this program), fastness.go starts and fills the server
// under test, press.go says what is asked of it, scenario.go what a request is, ratio.go interleaves and prints, commit.go measures group commit.
//
// Policy: server and client on different cores where there are two; runs of both servers interleaved, in turning order; of each,
// the smallest of at least nine, since everything that disturbs makes a run dearer and nothing makes it cheaper. It prints and does not
// judge: figures belong into docs/performance.md, never into a test.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
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
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "yardstick" {
		exit(serveYardstick(os.Args[2]))
	}
	opt := parse()
	runtime.GOMAXPROCS(1)
	pinSelf(1)
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
	flag.IntVar(&opt.rows, "rows", 10000, "articles in the table")
	only := flag.String("only", "", "scenarios, with commas between (default: all)")
	sections := flag.String("sections", "commit,idle,ratios", "what to measure: commit, idle, ratios")
	flag.BoolVar(&opt.self, "self", false, "the bare server against itself")
	flag.StringVar(&opt.binary, "binary", "bin/fastness", "the server under test")
	flag.StringVar(&opt.dir, "declaration", "examples/press/fastness.yaml", "what it serves, copied and given a free port")
	flag.StringVar(&opt.store, "store", "sqlite", "sqlite or the URL of a PostgreSQL")
	flag.BoolVar(&opt.verbose, "v", false, "print each run")
	flag.Parse()
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

func run(ctx context.Context, opt options) error {
	if opt.self {
		return selfCheck(ctx, opt)
	}
	return measure(ctx, opt)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
