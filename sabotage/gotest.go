package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// result is what one run of a package's tests said.
type result struct {
	built  bool              // the package and its tests compiled
	tests  map[string]string // top-level test → pass, fail, skip; a test that never ended is absent
	output map[string]string // top-level test → what it and its subtests printed; "" is the package itself
}

// goTest runs the tests of pkg in root. With only != "" it runs that test alone; with overlay != "" (a file) every build, those
// that the tests themselves start included, sees the sabotaged sources. With both != nil only those tests run on PostgreSQL as well.
func goTest(ctx context.Context, root, pkg, only, overlay string, both []string) (*result, error) {
	args := []string{"test", "-json", "-vet=off", "-timeout=20m"}
	if only != "" {
		args = append(args, "-run=^"+only+"$")
	}
	env := os.Environ()
	if both != nil {
		env = append(env, "FASTNESS_TEST_POSTGRES_FOR="+strings.Join(both, ","))
	}
	if overlay != "" {
		args = append(args, "-count=1")
		env = append(env, "GOFLAGS="+strings.TrimSpace(goFlags(ctx, root)+" -overlay="+overlay))
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir, cmd.Env = root, env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	res := readEvents(out)
	if err != nil && len(out) == 0 {
		return nil, fmt.Errorf("go test %s: %w: %s", pkg, err, strings.TrimSpace(stderr.String()))
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	res.output[""] += stderr.String()
	return res, nil
}

// goFlags are the flags that the go command takes from its environment or its own settings.
func goFlags(ctx context.Context, root string) string {
	cmd := exec.CommandContext(ctx, "go", "env", "GOFLAGS")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// readEvents reads the lines of `go test -json`.
func readEvents(out []byte) *result {
	res := &result{built: true, tests: map[string]string{}, output: map[string]string{}}
	for line := range bytes.Lines(out) {
		var e struct{ Action, Test, Output, FailedBuild string }
		if json.Unmarshal(line, &e) != nil {
			res.output[""] += string(line)
			continue
		}
		top, _, sub := strings.Cut(e.Test, "/")
		switch e.Action {
		case "output", "build-output":
			res.output[top] += e.Output
		case "build-fail":
			res.built = false
		case "pass", "fail", "skip":
			if e.FailedBuild != "" {
				res.built = false
			}
			if e.Test != "" && !sub {
				res.tests[top] = e.Action
			}
		}
	}
	return res
}
