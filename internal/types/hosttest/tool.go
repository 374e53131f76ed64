package hosttest

import (
	"os"
	"os/exec"
	"testing"
)

// Tool returns the path of a program of somebody else's that judges ours. Without it the test is skipped, loudly, and fails where nothing may
// be skipped (CI=true). pkg is the Debian package that has it.
func Tool(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is needed here: install Debian's %s", name, pkg)
	}
	t.Skipf("SKIPPED, %s HAS SAID NOTHING: install Debian's %s", name, pkg)
	return ""
}
