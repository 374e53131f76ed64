package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// programs are the test programs of a joint build.
type programs struct {
	joint   *Joint
	overlay string            // the file that `go build -overlay` takes
	of      map[string]string // package, as `go test` takes it → its test program; absent where it did not build
	reader  string            // the program test2json
	flags   string            // GOFLAGS, for a test that builds a program itself
}

// build compiles and links the test program of each package that a saboteur names, once. A saboteur whose body does not
// compile beside the others, and the saboteurs of a package that does not build, are left out: a build of their own
// says what is wrong.
func build(ctx context.Context, root, dir string, saboteurs []*Saboteur) (*programs, error) {
	var joint *Joint
	left := map[string]string{}
	for {
		rest := slices.DeleteFunc(slices.Clone(saboteurs), func(s *Saboteur) bool { return left[s.Name] != "" })
		var err error
		if joint, err = NewJoint(root, rest); err != nil {
			return nil, err
		}
		p := &programs{joint: joint, of: map[string]string{}}
		if p.overlay, err = joint.Write(dir); err != nil {
			return nil, err
		}
		said, err := p.link(ctx, root, dir, rest)
		if err != nil {
			return nil, err
		}
		guilty := accused(said, filepath.Join(root, "sabotage"))
		if len(guilty) > 0 {
			for _, name := range guilty {
				left[name] = "does not compile beside the others"
			}
			continue
		}
		for _, s := range rest {
			if joint.In[s.Name] && p.of[s.Pkg] == "" {
				left[s.Name] = s.Pkg + " does not build"
			}
		}
		for name, why := range left {
			delete(joint.In, name)
			joint.Out[name] = why
		}
		p.flags = strings.TrimSpace(goFlags(ctx, root) + " -overlay=" + p.overlay)
		p.reader, err = output(ctx, root, "go", "tool", "-n", "test2json")
		return p, err
	}
}

// link builds the test programs, as many in one go command as have different names, and returns what the compiler said.
func (p *programs) link(ctx context.Context, root, dir string, saboteurs []*Saboteur) (string, error) {
	var rounds []map[string]string // name of the program → package
	for _, s := range saboteurs {
		if !p.joint.In[s.Name] || p.of[s.Pkg] != "" {
			continue
		}
		path, err := output(ctx, root, "go", "list", "-find", s.Pkg)
		if err != nil {
			p.of[s.Pkg] = "none"
			continue
		}
		name := filepath.Base(path) + ".test"
		at := slices.IndexFunc(rounds, func(r map[string]string) bool { return r[name] == "" })
		if at < 0 {
			at, rounds = len(rounds), append(rounds, map[string]string{})
		}
		rounds[at][name] = s.Pkg
		p.of[s.Pkg] = filepath.Join(dir, fmt.Sprint("round-", at), name)
	}
	var said strings.Builder
	for at, round := range rounds {
		to := filepath.Join(dir, fmt.Sprint("round-", at))
		if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o700)); err != nil {
			return "", err
		}
		args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay=" + p.overlay, "-o", to + "/"}
		for _, pkg := range round {
			args = append(args, pkg)
		}
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
			return "", errors.Join(err, ctx.Err())
		}
		said.Write(out)
	}
	for pkg, program := range p.of {
		if _, err := os.Stat(program); err != nil {
			delete(p.of, pkg)
		}
	}
	return said.String(), nil
}

// accused are the saboteurs in whose lines the compiler found a fault.
func accused(said, patches string) (out []string) {
	for _, m := range regexp.MustCompile(`(?m)^(\S+)\.patch:\d+:`).FindAllStringSubmatch(said, -1) {
		if name := filepath.Base(m[1]); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// run is goTest in the joint build with one saboteur at work; "" is none.
func (p *programs) run(ctx context.Context, root, pkg, saboteur, only string, both []string) (*result, error) {
	timeout := 20 * time.Minute
	args := []string{"-test.v=test2json", "-test.paniconexit0"}
	if only != "" {
		timeout = 10 * time.Minute
		args = append(args, "-test.run=^"+only+"$")
	}
	ctx, stop := context.WithTimeout(ctx, timeout+time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, p.of[pkg], append(args, "-test.timeout="+timeout.String())...)
	cmd.Dir = filepath.Join(root, filepath.FromSlash(pkg))
	cmd.Env = append(os.Environ(), Switch+"="+saboteur, "PWD="+cmd.Dir, "GOFLAGS="+p.flags)
	if both != nil {
		cmd.Env = append(cmd.Env, "FASTNESS_TEST_POSTGRES_FOR="+strings.Join(both, ","))
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = 10 * time.Second // a child that outlives the tests may hold the pipe
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return nil, fmt.Errorf("tests of %s: %w", pkg, err)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	read := exec.CommandContext(ctx, p.reader, "-p", pkg)
	read.Stdin = &said
	events, err := read.Output()
	if err != nil {
		return nil, fmt.Errorf("test2json: %w", err)
	}
	return readEvents(events), nil
}

// output is the one line that a command prints.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
