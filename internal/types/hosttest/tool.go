package hosttest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Tool returns the path of another project's program that judges ours. pkg is the Debian package that has it.
// Without the program the test ends as by Missing.
func Tool(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name+" is needed here: install Debian's "+pkg)
	}
	return path
}

// Has reports whether a program is there, for scripts that ask. Where nothing may be skipped its absence is an error.
func Has(name string) (bool, error) {
	_, err := exec.LookPath(name)
	if err != nil && Strict() {
		return false, fmt.Errorf("%s is needed here, install it: %w", name, err)
	}
	return err == nil, nil
}

// File returns the path of a file that a Debian package or another command installs; how says which. Without the
// file the test ends as by Missing.
func File(t testing.TB, path, how string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		Missing(t, path+" is needed here: "+how)
	}
	return path
}

// Strict reports whether nothing may be skipped here: CI=true.
func Strict() bool { return os.Getenv("CI") == "true" }

// Missing ends a test that this machine cannot run. The test is skipped, loudly; where nothing may be skipped
// (CI=true) it fails. what names what is missing and how to get it.
func Missing(t testing.TB, what string) {
	t.Helper()
	if Strict() {
		t.Fatal(what)
	} else {
		t.Skip("SKIPPED, NOTHING WAS PROVED: " + what)
	}
}

// Fewer is n, and under the race detector a twentieth of it: how often a test repeats on one goroutine what it draws.
func Fewer(n int) int {
	if Race {
		return max(n/20, 1)
	}
	return n
}
