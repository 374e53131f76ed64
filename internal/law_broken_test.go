package internal_test

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestLawsCanFail breaks each law once in an invented house and asks it to notice; a second, lawful house must pass them all.
// A law that cannot fail would be a defect like any other.
func TestLawsCanFail(t *testing.T) {
	long := strings.Repeat("\n", maxFile)
	cases := []struct {
		name, file, src string
		law             func([]*pkg) []string
		want            string // part of the complaint
	}{
		{"upward", "internal/store/a.go", `import _ "` + modulePath + `/internal/keep"`, importsPointDown, "stands before"},
		{"sibling", "internal/edge/tls/a.go", `import _ "` + modulePath + `/internal/edge/route"`, importsPointDown, "siblings"},
		{"attack", "internal/attack/a.go", `import _ "` + modulePath + `/internal/edge"`, importsPointDown, "shares no code"},
		{"plan for attack", "internal/attack/a.go", `import _ "` + modulePath + `/internal/plan"`, importsPointDown, "shares no code"},
		{"root", "internal/edge/a.go", `import _ "` + modulePath + `"`, importsPointDown, "never imports what wires it"},
		{"unknown room", "internal/util/a.go", ``, importsPointDown, "no such room"},
		{"math/rand", "internal/edge/a.go", `import _ "math/rand/v2"`, bannedImports, "crypto/rand"},
		{"database/sql", "cmd/a.go", `import _ "database/sql"`, bannedImports, "driven directly"},
		{"crypto", "internal/keep/a.go", `import _ "crypto/aes"`, cryptographyStays, "ask seal"},
		{"clock", "internal/keep/a.go", `import clock "time"; var _ = clock.Now`, clockReaders, "types.Clock"},
		{"door", "internal/keep/a.go", `import "net/http"; var _ = http.DefaultClient`, outbound, "dial.Door"},
		{"lenient", "internal/keep/a.go", `import "encoding/json"; var _ = json.Unmarshal`, plain(lenientReaders), "plan/exact"},
		{"case", "internal/keep/a.go", `import "github.com/go-json-experiment/json"; var _ = json.MatchCaseInsensitiveNames`, plain(lenientReaders), "plan/exact"},
		{"skip", "internal/keep/a_test.go", `import "testing"; func TestA(t *testing.T) { t.Skip("no tool") }`, plain(quietSkips), "hosttest.Tool"},
		{"look", "internal/keep/a_test.go", `import "os/exec"; func has() { exec.LookPath("x") }`, plain(quietSkips), "hosttest.Tool"},
		{"skip beside tests", "internal/keep/keeptest/a.go", `import "testing"; func A(t testing.TB) { t.SkipNow() }`, plain(quietSkips), "hosttest.Tool"},
		{"init", "internal/keep/a.go", `func init() {}`, initFunctions, "func init"},
		{"lock", "internal/keep/a.go", `import "sync"; var mu sync.Mutex`, globalState, "sync.Mutex"},
		{"registry", "internal/keep/a.go", `var all = map[string]int{}; func Add(n string) { all[n]++ }`, globalState, "assigned in Add"},
		{"file", "internal/keep/a.go", long, sizes, "file internal/keep/a.go"},
		{"function", "internal/keep/a.go", "func F() {" + long[:maxFunction] + "}", sizes, "function internal/keep/a.go:F"},
		{"function name", "internal/keep/a.go", `func F() {}`, undocumented, "F has no comment"},
		{"method", "internal/keep/a.go", "// T is.\ntype T int; func (T) M() {}", undocumented, "M has no comment"},
		{"constant", "internal/keep/a.go", `const C = 1`, undocumented, "C has no comment"},
		{"map", "internal/keep/a.go", ``, mapless, "0 package comments"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			pkgs := invented(t, fstest.MapFS{c.file: {Data: []byte("package p\n" + c.src + "\n")}})
			if got := strings.Join(c.law(pkgs), "\n"); !strings.Contains(got, c.want) {
				t.Errorf("complaint %q, want one with %q", got, c.want)
			}
		})
	}
	lawful := invented(t, fstest.MapFS{"internal/keep/a.go": {Data: []byte(`// Package keep is lawful.
package keep

import (
	"crypto/rand"
	"sync"
	"time"

	"` + modulePath + `/internal/types"
)

var scratch = sync.Pool{New: func() any { return new(sync.Mutex) }}

// Wait is a duration.
const Wait = time.Second

// Fill fills.
func Fill(scratch types.ID) { scratch[0] = 1; rand.Read(scratch[:]) }
`)}})
	for _, law := range []func([]*pkg) []string{importsPointDown, bannedImports, cryptographyStays, clockReaders, outbound, plain(lenientReaders), plain(quietSkips), initFunctions, globalState, sizes, undocumented, mapless} {
		if got := law(lawful); len(got) > 0 {
			t.Errorf("the lawful house: %q", got)
		}
	}
}

// plain is a law without its further arguments.
func plain(law func([]*pkg, ...string) []string) func([]*pkg) []string {
	return func(pkgs []*pkg) []string { return law(pkgs) }
}

func invented(t *testing.T, files fstest.MapFS) []*pkg {
	t.Helper()
	pkgs, err := read(files)
	if err != nil || len(pkgs) != 1 {
		t.Fatalf("read: %d packages, %v", len(pkgs), err)
	}
	return pkgs
}
