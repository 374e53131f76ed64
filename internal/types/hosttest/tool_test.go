package hosttest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// ending is a test that remembers how it was ended.
type ending struct {
	testing.TB
	fatal, skip string
}

func (e *ending) Helper()           {}
func (e *ending) Fatal(args ...any) { e.fatal += fmt.Sprint(args...) }
func (e *ending) Skip(args ...any)  { e.skip += fmt.Sprint(args...) }

// TestMissing: what is missing is told by its name. It ends a test as skipped, and as failed where nothing may be skipped.
func TestMissing(t *testing.T) {
	for name, ask := range map[string]func(testing.TB){
		"no-such-tool":  func(t testing.TB) { hosttest.Tool(t, "no-such-tool", "nothing") },
		"/no/such/file": func(t testing.TB) { hosttest.File(t, "/no/such/file", "write it") },
		"a fact":        func(t testing.TB) { hosttest.Missing(t, "a fact") },
	} {
		for ci, strict := range map[string]bool{"true": true, "": false} {
			t.Setenv("CI", ci)
			e := &ending{}
			ask(e)
			if strings.Contains(e.fatal, name) != strict || strings.Contains(e.skip, name) == strict {
				t.Errorf("CI=%q without %s: failed with %q, skipped with %q", ci, name, e.fatal, e.skip)
			}
		}
	}
	t.Setenv("CI", "true")
	e := &ending{}
	if hosttest.Tool(e, "go", "golang"); e.fatal+e.skip != "" {
		t.Errorf("the go command is there: %q %q", e.fatal, e.skip)
	}
}
