package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fixture is a module with one control (Allow), one test that checks it and one that checks something else.
var fixture = map[string]string{
	"go.mod": "module fixture\n\ngo 1.26\n",
	"gate/gate.go": `package gate

// Allow is the control.
func Allow(role string) bool {
	return role == "admin"
}

// Name is something else.
func Name() string {
	return "gate"
}
`,
	"gate/gate_test.go": `package gate

import "testing"

func TestAllow(t *testing.T) {
	t.Run("anonymous", func(t *testing.T) {
		if Allow("") {
			t.Error("anonymous was let in")
		}
	})
}

func TestName(t *testing.T) {
	if Name() != "gate" {
		t.Error("name")
	}
}

func TestSkipped(t *testing.T) { t.Skip("not here") }
`,
}

// allow is a patch that replaces the control's line.
func allow(now string) string {
	return "# breaks: only admins pass\n# test: ./gate TestAllow\n--- a/gate/gate.go\n+++ b/gate/gate.go\n" +
		"@@ -5,1 +5,1 @@\n-\treturn role == \"admin\"\n+" + now + "\n"
}

func TestRunner(t *testing.T) {
	other := "# breaks: both\n# test: ./gate TestAllow\n--- a/gate/gate.go\n+++ b/gate/gate.go\n@@ -2,4 +2,4 @@\n \n // Allow is the control.\n func Allow(role string) bool {\n-\treturn role == \"admin\"\n+\treturn true\n" +
		"@@ -10,1 +10,1 @@\n-\treturn \"gate\"\n+\treturn \"\"\n"
	cases := []struct{ name, patch, want string }{
		{"honest", allow("\treturn true"), "held "},
		{"moved", strings.Replace(allow("\treturn true"), "@@ -5,1 +5,1 @@", "@@ -500,1 +500,1 @@", 1), "held "},
		{"mild", allow("\treturn role == \"admin\" || role == \"root\""), "turns nothing red"},
		{"typo", allow("\treturn rol"), "does not compile"},
		{"panic", allow("\tpanic(1)"), "did not fail by an assertion"},
		{"wide", other, "also turns red: TestName"},
		{"gone", strings.Replace(allow("\treturn true"), "-\treturn role ==", "-\treturn  role ==", 1), "does not apply"},
		{"nameless", strings.Replace(allow("\treturn true"), "TestAllow", "TestNone", 1), "there is no TestNone"},
		{"skipped", strings.Replace(allow("\treturn true"), "TestAllow", "TestSkipped", 1), "is skipped here"},
		{"headless", strings.Replace(allow("\treturn true"), "# breaks", "# is", 1), "no line `# breaks:`"},
		{"testless", strings.Replace(allow("\treturn true"), "# test", "# is", 1), "no line `# test:"},
		{"counts", strings.Replace(allow("\treturn true"), "@@ -5,1 +5,1 @@", "@@ -5,4 +5,4 @@", 1), "the hunk has 2 old"},
		{"onto tests", strings.ReplaceAll(allow("\treturn true"), "gate/gate.go", "gate/gate_test.go"), "only product code"},
		{"outside", strings.ReplaceAll(allow("\treturn true"), "gate/gate.go", "../gate.go"), "only product code"},
	}
	root := t.TempDir()
	write(t, root, fixture)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			write(t, root, map[string]string{"sabotage/" + c.name + ".patch": c.patch})
			out, code := run(t, &Runner{Root: root}, c.name)
			wantCode := 1
			if c.want == "held " {
				wantCode = 0
			}
			if !strings.Contains(out, c.want) || code != wantCode {
				t.Errorf("exit %d, want %d with %q:\n%s", code, wantCode, c.want, out)
			}
		})
	}
	t.Run("summary", func(t *testing.T) {
		out, code := run(t, &Runner{Root: root, Jobs: 2}, "honest", "mild.patch")
		if code != 1 || !strings.HasSuffix(out, "1 held, 1 broken\n") {
			t.Errorf("exit %d:\n%s", code, out)
		}
	})
	t.Run("quick", func(t *testing.T) {
		if out, code := run(t, &Runner{Root: root, Quick: true}, "wide"); code != 0 {
			t.Errorf("quick looks at the named test alone, exit %d:\n%s", code, out)
		}
	})
	t.Run("red from the start", func(t *testing.T) {
		write(t, root, map[string]string{"gate/red_test.go": "package gate\n\nimport \"testing\"\n\nfunc TestRed(t *testing.T) { t.Error(1) }\n"})
		if out, code := run(t, &Runner{Root: root}, "honest"); code != 1 || !strings.Contains(out, "TestRed in ./gate fails even without sabotage") {
			t.Errorf("exit %d:\n%s", code, out)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		if out, code := run(t, &Runner{Root: root}, "nobody"); code != 2 {
			t.Errorf("exit %d:\n%s", code, out)
		}
	})
}

func TestNoSaboteursIsNoSuccess(t *testing.T) {
	if out, code := run(t, &Runner{Root: t.TempDir()}); code == 0 {
		t.Errorf("an empty folder held:\n%s", out)
	}
}

// TestSabotageReachesChildren: a test that builds a program with the go command sees the sabotage too.
func TestSabotageReachesChildren(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"go.mod":       fixture["go.mod"],
		"gate/gate.go": fixture["gate/gate.go"],
		"main.go":      "package main\n\nimport \"fixture/gate\"\n\nfunc main() {\n\tif gate.Allow(\"\") {\n\t\tprintln(\"open\")\n\t}\n}\n",
		"gate/gate_test.go": `package gate

import (
	"os/exec"
	"testing"
)

func TestAllow(t *testing.T) {
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v %s", err, out)
	}
}
`,
		"sabotage/open.patch":    allow("\treturn true"),
		"sabotage/nothing.patch": allow("\treturn role != \"\""),
	})
	if out, code := run(t, &Runner{Root: root}, "open"); code != 0 {
		t.Errorf("alone: exit %d:\n%s", code, out)
	}
	if out, code := run(t, &Runner{Root: root}, "open", "nothing"); code != 1 || !strings.HasSuffix(out, "1 held, 1 broken\n") {
		t.Errorf("joined: exit %d:\n%s", code, out)
	}
}

func run(t *testing.T, r *Runner, names ...string) (string, int) {
	t.Helper()
	var b strings.Builder
	r.Out = &b
	code := r.Main(t.Context(), names)
	return b.String(), code
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestShare: the same seed draws the same saboteurs, another draws others, and over many seeds each is drawn.
func TestShare(t *testing.T) {
	names := make([]string, 600)
	for i := range names {
		names[i] = fmt.Sprint("saboteur-", i)
	}
	drawn := map[string]bool{}
	for seed := range 60 {
		got := share(names, 3, fmt.Sprint(seed))
		if len(got) < 150 || len(got) > 250 || !slices.Equal(got, share(names, 3, fmt.Sprint(seed))) {
			t.Fatalf("seed %d draws %d of 600", seed, len(got))
		}
		for _, name := range got {
			drawn[name] = true
		}
	}
	if len(drawn) != len(names) {
		t.Errorf("%d of 600 were ever drawn", len(drawn))
	}
	if got := share(names, 1, ""); len(got) != len(names) {
		t.Errorf("a share of one draws %d", len(got))
	}
}
