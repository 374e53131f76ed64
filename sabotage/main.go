// Command sabotage proves that the checks can fail. Every sabotage/NAME.patch removes one control from a copy of the product's
// source; the one test that it names must turn red, by an assertion, and the rest of that test's package must stay green:
//
//	go run ./sabotage [-jobs N] [-quick] [-share N -seed TEXT] [-v] [NAME …]
//	go run ./sabotage -overlay DIR NAME
//
// The second form judges nothing: it prints the file below DIR with which `go build -overlay` builds the sabotaged program.
//
// Map: patch.go reads a saboteur, apply.go applies its difference to files in memory, compare.go finds which functions
// differ, schemata.go joins many saboteurs in one overlay, each behind a switch, joint.go builds and runs that, gotest.go builds and
// runs one that cannot be joined, run.go judges. All goes through `go build -overlay`: the product's files are never touched.
//
// Two saboteurs or more share one build. A saboteur that changes more than bodies of functions and values of variables, or whose
// body does not compile beside the others, gets a build of its own and a line `alone` that says why.
//
// The tests that it names run on both databases, the rest of the package on SQLite alone.
//
// A saboteur is broken when it no longer applies, does not compile, turns nothing red, turns red what it did not name, or
// keeps the rest of the package from running (a panic, a time-out). Exit status: 0 all held, 1 one is broken, 2 usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
)

func main() {
	jobs := flag.Int("jobs", 2*runtime.NumCPU(), "saboteurs at work at the same time")
	quick := flag.Bool("quick", false, "run only the named test, not the rest of its package")
	verbose := flag.Bool("v", false, "print the output of the tests of broken saboteurs in full")
	part := flag.Int("share", 1, "without names: judge one saboteur in `N`, drawn by the seed")
	seed := flag.String("seed", "", "what draws the share, such as the commit")
	overlay := flag.String("overlay", "", "write the overlay of one saboteur into this `folder`, print its path and exit")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./sabotage [-jobs N] [-quick] [-share N -seed TEXT] [-v] [NAME …], or -overlay DIR NAME")
		flag.PrintDefaults()
	}
	flag.Parse()
	root, err := moduleRoot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sabotage:", err)
		os.Exit(2)
	}
	if *overlay != "" {
		path, err := writeOverlay(root, *overlay, flag.Args())
		if err != nil {
			fmt.Fprintln(os.Stderr, "sabotage:", err)
			os.Exit(2)
		}
		fmt.Println(path)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := &Runner{Root: root, Jobs: *jobs, Quick: *quick, Verbose: *verbose, Share: *part, Seed: *seed, Out: os.Stdout}
	os.Exit(r.Main(ctx, flag.Args()))
}

// writeOverlay writes the overlay of the one saboteur that is named.
func writeOverlay(root, dir string, names []string) (string, error) {
	if len(names) != 1 {
		return "", fmt.Errorf("-overlay takes the name of one saboteur")
	}
	s, err := Load(filepath.Join(root, "sabotage"), names[0])
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	return s.WriteOverlay(root, dir)
}

// moduleRoot is the nearest folder upwards that has a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod here or above: run it inside the repository")
		}
		dir = up
	}
}
