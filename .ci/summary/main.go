// Command summary turns `go test -json` on its input into something to read: one line per package, the whole output of what
// failed, every skipped test with its reason, the ten slowest tests, and as the last line `N passed, N failed`. It exits 1 when anything failed, when
// fewer tests ran than -atleast (a pattern that matches nothing must not look like success), or when the input ends early.
//
//	go test -json ./... | go run ./.ci/summary [-tally FILE] [-atleast N]
//	go run ./.ci/summary -total FILE
//
// Tests and their subtests are counted alike; a package that did not build or died outside a test counts as one failure.
// -tally appends the counts to FILE, -total adds up such a file and prints only the last line.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	tally := flag.String("tally", "", "append the counts to this `file`")
	total := flag.String("total", "", "add up the counts in this `file`, print the last line and exit")
	atLeast := flag.Int("atleast", 1, "fail when fewer tests than this passed")
	flag.Parse()
	if *total != "" {
		os.Exit(addUp(*total, os.Stdout))
	}
	s := newSummary(os.Stdout)
	if err := s.read(os.Stdin); err != nil {
		fmt.Println("summary:", err)
		os.Exit(1)
	}
	code := s.close(*atLeast)
	if *tally != "" {
		if err := s.append(*tally); err != nil {
			fmt.Fprintln(os.Stderr, "summary:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// event is one line of `go test -json`.
type event struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string
	Elapsed                                                float64
}

type key struct{ pkg, test string }

type summary struct {
	out                     io.Writer
	output                  map[key]*strings.Builder
	failed                  map[string]bool // packages with a test that failed
	open                    map[string]bool // packages that began and have not ended
	slow                    []slowTest
	passes, failures, skips int
}

// slowTest is a test that is no part of another, and how long it took, in seconds.
type slowTest struct {
	key
	seconds float64
}

// slowest is how many tests are named by their time.
const slowest = 10

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: map[key]*strings.Builder{}, failed: map[string]bool{}, open: map[string]bool{}}
}

func (s *summary) read(r io.Reader) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Fprintln(s.out, in.Text())
			continue
		}
		s.event(e)
	}
	return in.Err()
}

func (s *summary) event(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "start":
		s.open[e.Package] = true
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		if s.output[k] == nil {
			s.output[k] = &strings.Builder{}
		}
		s.output[k].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.endTest(e, k)
		}
	}
}

func (s *summary) endTest(e event, k key) {
	if !strings.Contains(e.Test, "/") && e.Elapsed >= 1 {
		s.slow = append(s.slow, slowTest{k, e.Elapsed})
	}
	switch e.Action {
	case "pass":
		s.passes++
	case "skip":
		s.skips++
		fmt.Fprintf(s.out, "SKIPPED %s %s\n%s", e.Package, e.Test, s.text(k))
	case "fail":
		s.failures++
		s.failed[e.Package] = true
		fmt.Fprintf(s.out, "FAILED  %s %s\n%s", e.Package, e.Test, s.text(k))
	}
	delete(s.output, k)
}

func (s *summary) endPackage(e event) {
	delete(s.open, e.Package)
	if e.Action == "fail" && !s.failed[e.Package] {
		s.failures++
		fmt.Fprintf(s.out, "FAILED  %s, not in a test:\n%s", e.Package, s.text(key{e.Package, ""}))
		for k := range s.output { // a test that was cut short has not ended; its words matter most
			if k.pkg == e.Package && k.test != "" {
				fmt.Fprintf(s.out, "unfinished: %s\n%s", k.test, s.text(k))
			}
		}
	}
	cached := ""
	if strings.Contains(s.text(key{e.Package, ""}), "(cached)") {
		cached = " (cached)"
	}
	if e.Action != "skip" {
		fmt.Fprintf(s.out, "%-4s %7.1fs  %s%s\n", e.Action, e.Elapsed, e.Package, cached)
	}
	for k := range s.output {
		if k.pkg == e.Package {
			delete(s.output, k)
		}
	}
}

func (s *summary) text(k key) string {
	if b := s.output[k]; b != nil {
		return b.String()
	}
	return ""
}

// close prints the last line and returns the exit status.
func (s *summary) close(atLeast int) int {
	for pkg := range s.open {
		s.failures++
		fmt.Fprintf(s.out, "FAILED  %s: it never ended\n", pkg)
	}
	if s.failures == 0 && s.passes < atLeast {
		s.failures++
		fmt.Fprintf(s.out, "FAILED  %d tests ran, at least %d were expected\n", s.passes, atLeast)
	}
	slices.SortFunc(s.slow, func(a, b slowTest) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, one := range s.slow[:min(slowest, len(s.slow))] {
		fmt.Fprintf(s.out, "slow %7.1fs  %s %s\n", one.seconds, one.pkg, one.test)
	}
	if s.skips > 0 {
		fmt.Fprintf(s.out, "%d skipped, see above\n", s.skips)
	}
	fmt.Fprintf(s.out, "%d passed, %d failed\n", s.passes, s.failures)
	if s.failures > 0 {
		return 1
	}
	return 0
}

func (s *summary) append(file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, s.passes, s.failures); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// addUp prints the sum of a tally file; a file that is missing or empty is a failure.
func addUp(file string, out io.Writer) int {
	f, err := os.Open(file)
	if err != nil {
		fmt.Fprintln(out, "summary:", err)
		return 1
	}
	defer f.Close()
	var passes, failures, lines int
	for in := bufio.NewScanner(f); in.Scan(); lines++ {
		var p, n int
		if _, err := fmt.Sscan(in.Text(), &p, &n); err != nil {
			fmt.Fprintf(out, "summary: %s: %q: %v\n", file, in.Text(), err)
			return 1
		}
		passes, failures = passes+p, failures+n
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passes, failures)
	if failures > 0 || lines == 0 {
		return 1
	}
	return 0
}
