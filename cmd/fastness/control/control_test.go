package control_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/cmd/fastness/control"
)

// TestAsk: a command reaches the server of its data directory, however long its path is; without a server, and with what a dead one left
// behind, there is none.
func TestAsk(t *testing.T) {
	for name, dir := range map[string]string{"short": t.TempDir(), "longer than an address": filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if a, err := control.Ask(dir, []string{"x"}); a != nil || err != nil {
			t.Errorf("%s: without a server: %v, %v", name, a, err)
		}
		serve := func() func() {
			stop, err := control.Listen(dir, func(args []string) control.Answer {
				return control.Answer{Out: strings.Join(args, "+"), Err: "e", Code: 3}
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return stop
		}
		stop := serve()
		if a, err := control.Ask(dir, []string{"a", "b"}); err != nil || a == nil || *a != (control.Answer{Out: "a+b", Err: "e", Code: 3}) {
			t.Errorf("%s: %v, %v", name, a, err)
		}
		info, err := os.Stat(filepath.Join(dir, "control.sock"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: the socket: %v, %v", name, info, err)
		}
		stop()
		if err := os.WriteFile(filepath.Join(dir, "control.sock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if a, err := control.Ask(dir, []string{"x"}); a != nil || err != nil {
			t.Errorf("%s: something else lies there: %v, %v", name, a, err)
		}
		serve()()
	}
	if a, err := control.Ask(filepath.Join(t.TempDir(), "none"), nil); a != nil || err != nil {
		t.Errorf("no folder: %v, %v", a, err)
	}
}
