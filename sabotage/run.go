package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Runner judges saboteurs.
type Runner struct {
	Root    string // the repository; its folder sabotage/ holds the patches
	Jobs    int    // how many at the same time; below 1 means 1
	Quick   bool   // run the named test alone
	Verbose bool   // print the output of tests in full
	Share   int    // without names: one saboteur in so many, drawn by Seed; below 2 means all
	Seed    string // for Share
	Out     io.Writer

	mu        sync.Mutex
	baselines map[string]*baseline
	programs  *programs // the joint build; nil without one
}

// baseline is the verdict on a package before any sabotage; the first who asks finds it out.
type baseline struct {
	once sync.Once
	res  *result
	err  error
}

// Main judges the named saboteurs (none: all), prints a line for each and a summary, and returns the exit status.
func (r *Runner) Main(ctx context.Context, names []string) int {
	dir := filepath.Join(r.Root, "sabotage")
	all, err := Names(dir)
	if err != nil {
		fmt.Fprintln(r.Out, "sabotage:", err)
		return 2
	}
	for i, n := range names {
		names[i] = strings.TrimSuffix(filepath.Base(n), ".patch")
		if !slices.Contains(all, names[i]) {
			fmt.Fprintf(r.Out, "sabotage: no such saboteur %q; there are %s\n", names[i], strings.Join(all, ", "))
			return 2
		}
	}
	if len(names) == 0 {
		names = share(all, r.Share, r.Seed)
		fmt.Fprintf(r.Out, "%d of %d saboteurs, those that the seed %q draws\n", len(names), len(all), r.Seed)
	}
	if len(names) == 0 {
		fmt.Fprintln(r.Out, "sabotage: no saboteurs in", dir)
		return 2
	}
	tmp, err := os.MkdirTemp("", "sabotage-")
	if err != nil {
		fmt.Fprintln(r.Out, "sabotage:", err)
		return 2
	}
	defer os.RemoveAll(tmp)
	if err := r.join(ctx, dir, tmp, names); err != nil {
		fmt.Fprintln(r.Out, "sabotage:", err)
		return 2
	}
	held, broken := r.judgeAll(ctx, dir, names)
	fmt.Fprintf(r.Out, "%d held, %d broken\n", held, broken)
	if broken > 0 {
		return 1
	}
	return 0
}

// join builds the joint programs of the named saboteurs; of one alone it makes none.
func (r *Runner) join(ctx context.Context, dir, tmp string, names []string) error {
	var all []*Saboteur
	for _, name := range names {
		if s, err := Load(dir, name); err == nil { // judge says what is wrong with the others
			all = append(all, s)
		}
	}
	if len(all) < 2 {
		return nil
	}
	begun := time.Now()
	p, err := build(ctx, r.Root, tmp, all)
	if err != nil {
		return fmt.Errorf("joint build: %w", err)
	}
	r.programs = p
	took := time.Since(begun).Round(100 * time.Millisecond)
	fmt.Fprintf(r.Out, "joint build of %d saboteurs, %d test programs (%v)\n", len(p.joint.In), len(p.of), took)
	for _, name := range slices.Sorted(maps.Keys(p.joint.Out)) {
		fmt.Fprintf(r.Out, "alone   %-32s %s\n", name, p.joint.Out[name])
	}
	return nil
}

// joined tells whether the joint build holds the saboteur.
func (r *Runner) joined(s *Saboteur) bool { return r.programs != nil && r.programs.joint.In[s.Name] }

// share draws one in n of the names by a seed: the same for the same seed, so that a red run can be repeated; all where n is below 2.
func share(names []string, n int, seed string) (out []string) {
	for _, name := range names {
		h := fnv.New32a()
		h.Write([]byte(seed + "\n" + name))
		if n < 2 || h.Sum32()%uint32(n) == 0 { // #nosec G115 -- a small count
			out = append(out, name)
		}
	}
	return out
}

func (r *Runner) judgeAll(ctx context.Context, dir string, names []string) (held, broken int) {
	work := make(chan string)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range max(1, r.Jobs) {
		wg.Go(func() {
			for name := range work {
				begun := time.Now()
				words, err := r.judge(ctx, dir, name)
				took := time.Since(begun).Round(100 * time.Millisecond)
				mu.Lock()
				if err == nil {
					held++
					fmt.Fprintf(r.Out, "held    %-32s %s (%v)\n", name, words, took)
				} else {
					broken++
					fmt.Fprintf(r.Out, "broken  %-32s %v (%v)\n", name, err, took)
				}
				mu.Unlock()
			}
		})
	}
	for _, n := range names {
		work <- n
	}
	close(work)
	wg.Wait()
	return held, broken
}

// judge lets one saboteur loose. It returns what turned red, or an error that says in which way the saboteur is broken. One that
// seems broken in the joint build is judged again in a build of its own, which is what counts: a process that is started with an
// empty environment does not hear of the switch.
func (r *Runner) judge(ctx context.Context, dir, name string) (string, error) {
	s, err := Load(dir, name)
	if err != nil {
		return "", err
	}
	if r.joined(s) {
		if err = r.judgeIn(ctx, s, true); err == nil || ctx.Err() != nil {
			return fmt.Sprintf("%s turns red: %s", s.Test, s.Breaks), err
		}
	}
	joint := err
	if err := r.judgeIn(ctx, s, false); err != nil {
		return "", err
	}
	words := fmt.Sprintf("%s turns red: %s", s.Test, s.Breaks)
	if joint != nil {
		first, _, _ := strings.Cut(joint.Error(), "\n")
		words += "; in a build of its own, since beside the others it " + first
	}
	return words, nil
}

// judgeIn judges in the joint build, or in a build of the saboteur's own.
func (r *Runner) judgeIn(ctx context.Context, s *Saboteur, joined bool) error {
	before, err := r.before(ctx, s, joined)
	if err != nil {
		return err
	}
	after, err := r.after(ctx, s, joined)
	if err != nil {
		return err
	}
	return r.verdict(s, before, after)
}

// after runs the tests with the saboteur at work.
func (r *Runner) after(ctx context.Context, s *Saboteur, joined bool) (*result, error) {
	both := append([]string{s.Test}, s.Also...)
	if joined {
		return r.programs.run(ctx, r.Root, s.Pkg, s.Name, r.only(s), both)
	}
	tmp, err := os.MkdirTemp("", "sabotage-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	path, err := s.WriteOverlay(r.Root, tmp)
	if err != nil {
		return nil, err
	}
	return goTest(ctx, r.Root, s.Pkg, r.only(s), path, both)
}

func (r *Runner) only(s *Saboteur) string {
	if r.Quick {
		return s.Test
	}
	return ""
}

// before runs the package without sabotage, in the joint build with its switches off where that holds the saboteur,
// once per package (per test when quick), and asks that it be green.
func (r *Runner) before(ctx context.Context, s *Saboteur, joined bool) (*result, error) {
	r.mu.Lock()
	if r.baselines == nil {
		r.baselines = map[string]*baseline{}
	}
	key := fmt.Sprint(s.Pkg, " ", r.only(s), " ", joined)
	b := r.baselines[key]
	if b == nil {
		b = &baseline{}
		r.baselines[key] = b
	}
	r.mu.Unlock()
	b.once.Do(func() {
		if joined {
			b.res, b.err = r.programs.run(ctx, r.Root, s.Pkg, "", r.only(s), nil)
			return
		}
		b.res, b.err = goTest(ctx, r.Root, s.Pkg, r.only(s), "", nil)
	})
	if b.err != nil {
		return nil, b.err
	}
	if !b.res.built {
		return nil, fmt.Errorf("%s does not compile even without sabotage%s", s.Pkg, r.excerpt(b.res, ""))
	}
	for _, test := range slices.Sorted(maps.Keys(b.res.tests)) {
		if b.res.tests[test] == "fail" {
			return nil, fmt.Errorf("%s in %s fails even without sabotage%s", test, s.Pkg, r.excerpt(b.res, test))
		}
	}
	switch b.res.tests[s.Test] {
	case "pass":
		return b.res, nil
	case "skip":
		return nil, fmt.Errorf("%s is skipped here, so nothing can be shown%s", s.Test, r.excerpt(b.res, s.Test))
	}
	if b.res.output[s.Test] != "" {
		return nil, fmt.Errorf("%s did not run to its end even without sabotage%s", s.Test, r.excerpt(b.res, s.Test))
	}
	return nil, fmt.Errorf("there is no %s in %s", s.Test, s.Pkg)
}

// verdict compares the runs before and after.
func (r *Runner) verdict(s *Saboteur, before, after *result) error {
	if !after.built {
		return fmt.Errorf("does not compile%s", r.excerpt(after, ""))
	}
	if after.tests[s.Test] == "pass" {
		return fmt.Errorf("turns nothing red: %s passes without the control", s.Test)
	}
	var red, lost []string
	for _, test := range slices.Sorted(maps.Keys(before.tests)) {
		switch {
		case test == s.Test:
		case slices.Contains(s.Also, test):
			if after.tests[test] != "fail" {
				return fmt.Errorf("%s is named by # also: and stays green", test)
			}
		case after.tests[test] == "fail":
			red = append(red, test)
		case after.tests[test] == "" || after.tests[test] != before.tests[test]:
			lost = append(lost, test)
		}
	}
	if said := after.output[s.Test] + after.output[""]; after.tests[s.Test] != "fail" || strings.Contains(said, "\npanic: ") && strings.Contains(said, "\ngoroutine ") {
		return fmt.Errorf("%s did not fail by an assertion (a panic, a time-out or an exit)%s", s.Test, r.excerpt(after, s.Test))
	}
	if len(red) > 0 {
		return fmt.Errorf("also turns red: %s%s", strings.Join(red, ", "), r.excerpt(after, red[0]))
	}
	if len(lost) > 0 {
		return errors.New("these did not run to their end: " + strings.Join(lost, ", "))
	}
	return nil
}

// excerpt is the tail of what a test printed, indented below the verdict; all of it when Verbose.
func (r *Runner) excerpt(res *result, test string) string {
	lines := strings.Split(strings.TrimSpace(res.output[test]), "\n")
	if len(lines) > 8 && !r.Verbose {
		lines = lines[len(lines)-8:]
	}
	return "\n        " + strings.Join(lines, "\n        ")
}
