package main

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// schemata are packages with one function Show each, and differences to them. All go into one joint build.
var schemata = []struct {
	name, code string
	changes    []schema
}{
	{"function", `func f(a, b int) int { return a + b }
func Show() any { return f(2, 3) }`, []schema{
		{old: "a + b", now: "a * b", shows: "6"},
		{old: "f(a, b int) int { return a + b", now: "f(x, _ int) int { return x", shows: "2"},
	}},
	{"method", `type t struct{ n int }
func (t) name() string { return "t" }
func (x *t) up() { x.n++ }
func Show() any { x := t{}; x.up(); name := x.name; return name() + string(rune('0'+x.n)) }`, []schema{
		{old: `return "t"`, now: `return "u"`, shows: "u1"},
		{old: "x.n++", now: "x.n += 2", shows: "t2"},
	}},
	{"generic", `type set[K comparable, V any] map[K]V
func (s set[K, _]) has(k K) bool { _, ok := s[k]; return ok }
func zero[T any, U any](T) (u U) { return u }
func Show() any { return []any{set[string, int]{"a": 1}.has("b"), zero[int, string](1)} }`, []schema{
		{old: "return ok", now: "return !ok", shows: "[true ]"},
		{old: "return u }", now: "if s, ok := any(&u).(*string); ok { *s = `x` }; return u }", shows: "[false x]"},
	}},
	{"variadic", `func sum(_ string, n ...int) (s int) {
	for _, v := range n {
		s += v
	}
	return
}
func Show() any { return sum("", 1, 2, 3) }`, []schema{{old: "s += v", now: "s -= v", shows: "-6"}}},
	{"unnamed parameters", `func f(int, ...string) bool { return true }
func Show() any { return f(1, "a") }`, []schema{{old: "return true", now: "return false", shows: "false"}}},
	{"named results", `func two() (int, error) { return 2, nil }
func f() (n int, err error) {
	defer func() {
		if err == nil {
			n++
		}
	}()
	n, err = two()
	return n, err
}
func Show() any { n, _ := f(); return n }`, []schema{
		{old: "\tn, err = two()\n", now: "\tm, err := two()\n\tn = m\n", shows: "3"},
		{old: "\tn, err = two()\n\treturn n, err", now: "\tif n, err = two(); err == nil {\n\t\tn = 40\n\t}\n\treturn", shows: "41"},
	}},
	{"no results", `var said = "no"
func f(loud bool) { if loud { said = "loud" } }
func Show() any { f(true); return said }`, []schema{{old: `if loud { said = "loud" }`, now: "", shows: "no"}}},
	{"recover", `func guard(out *string) { if recover() != nil { *out = "caught" } }
func Show() any { out := "nothing"; func() { defer func() { recover() }(); defer guard(&out); panic(1) }(); return out }`, []schema{
		{old: "if recover() != nil { *out = \"caught\" }", now: `*out = "let go"`, shows: "let go"},
		{old: `"caught"`, now: `"seen"`, alone: "calls recover"},
	}},
	{"recover in a closure", `func f() (out string) { defer func() { if recover() != nil { out = "caught" } }(); panic(1) }
func Show() any { return f() }`, []schema{{old: `"caught"`, now: `"seen"`, shows: "seen"}}},
	{"labels", `func f() (n int) {
again:
	if n++; n < 3 {
		goto again
	}
	return n
}
func Show() any { return f() }`, []schema{{old: "n < 3", now: "n < 5", shows: "5"}}},
	{"recursion", `func f(n int) int { if n == 0 { return 0 }; return 1 + f(n-1) }
func Show() any { return f(3) }`, []schema{{old: "1 + f", now: "2 + f", shows: "6"}}},
	{"two functions", `func f() int { return 1 }
func g() int { return 2 }
func Show() any { return f() + g() }`, []schema{{old: "return 1 }\nfunc g() int { return 2 }", now: "return 10 }\nfunc g() int { return 20 }", shows: "30"}}},
	{"init", `var n int
func init() { n += 1 }
func init() { n += 10 }
func Show() any { return n }`, []schema{{old: "n += 10", now: "n += 20", shows: "21"}}},
	{"import removed", `import "strings"
func f() string { return strings.ToUpper("a") }
func Show() any { return f() }`, []schema{{old: "import \"strings\"\nfunc f() string { return strings.ToUpper(\"a\") }", now: `func f() string { return "a" }`, shows: "a"}}},
	{"import added", `func f() string { return "a" }
func Show() any { return f() }`, []schema{
		{old: `func f() string { return "a" }`, now: "import \"strings\"\nfunc f() string { return strings.ToUpper(\"b\") }", shows: "B"},
		{old: `func f() string { return "a" }`, now: "import \"strings\"\nfunc f() string { return strings.ToUpper(\"c\") }", shows: "C"},
	}},
	{"import of the same name", `import "math/rand"
func f() bool { return rand.Intn(1) == 0 }
func Show() any { return f() }`, []schema{{old: "import \"math/rand\"\nfunc f() bool { return rand.Intn(1) == 0 }",
		now: "import \"crypto/rand\"\nfunc f() bool { return rand.Reader == nil }", alone: `imports "crypto/rand"`}}},
	{"import for its effect", `import _ "crypto/sha256"
import _ "crypto/sha512"
func f() int { return 1 }
func Show() any { return f() }`, []schema{
		{old: "return 1", now: "return 2", shows: "2"},
		{old: "import _ \"crypto/sha512\"\n", now: "", alone: "drops the import"},
		{old: "import _ \"crypto/sha512\"\n", now: "import _ \"crypto/sha512\"\nimport _ \"crypto/md5\"\n", alone: "imports"},
	}},
	{"variable", `var limit, names = 5, []string{"a"}
var open = map[string]bool{"x": true}
var err error = bad{}
type bad struct{}
func (bad) Error() string { return "bad" }
func Show() any { return []any{limit, open["x"], err} }`, []schema{
		{old: `{"x": true}`, now: `{"x": false}`, shows: "[5 false bad]"},
		{old: "= bad{}", now: "= nil", shows: "[5 true <nil>]"},
		{old: `5, []`, now: `6, []`, alone: "more of the variable limit"},
	}},
	{"variable that a function starts", `var n = f()
func f() int { return 1 }
func Show() any { return n }`, []schema{{old: "return 1", now: "return 2", shows: "2"}, {old: "n = f()", now: "n = f() + 5", shows: "6"}}},
	{"constant", `const limit = 5
func Show() any { return limit }`, []schema{{old: "limit = 5", now: "limit = 6", alone: "by const"}}},
	{"type", `type t struct{ a int }
func Show() any { return t{} }`, []schema{{old: "a int", now: "a, b int", alone: "by type"}}},
	{"signature", `func f(a int) any { return a }
func Show() any { return f(1) }`, []schema{{old: "f(a int)", now: "f(a int64)", alone: "signature of f"}}},
	{"function added", `func f() int { return 1 }
func Show() any { return f() }`, []schema{{old: "func f() int { return 1 }", now: "func f() int { return g() }\nfunc g() int { return 2 }", alone: "adds the function g"}}},
	{"function removed", `func f() int { return 1 }
func g() {}
func Show() any { return f() }`, []schema{{old: "func g() {}\n", now: "", alone: "removes the function g"}}},
	{"directive", `//go:noinline
func f() int { return 1 }
func Show() any { return f() }`, []schema{{old: "//go:noinline\nfunc f() int { return 1", now: "func f() int { return 2", alone: "directive"}}},
}

// schema is a change, what Show then gives, or why it needs a build of its own.
type schema struct{ old, now, shows, alone string }

// TestJoint: with a saboteur chosen, the joint program does what that saboteur's own build does; with none, what the
// product does; and what a switch cannot hold is named and left out.
func TestJoint(t *testing.T) {
	root := t.TempDir()
	files := map[string]string{"go.mod": "module fixture\n\ngo 1.26\n"}
	imports, calls := "", ""
	var all []*Saboteur
	want := map[string]schema{}
	for i, s := range schemata {
		path := fmt.Sprintf("p%d/p.go", i)
		files[path] = fmt.Sprintf("package p%d\n\n%s\n", i, s.code)
		imports += fmt.Sprintf("\t\"fixture/p%d\"\n", i)
		calls += fmt.Sprintf("\tfmt.Println(%d, p%d.Show())\n", i, i)
		for k, c := range s.changes {
			name := fmt.Sprintf("%s-%d", strings.ReplaceAll(s.name, " ", "-"), k)
			all = append(all, &Saboteur{Name: name, Pkg: fmt.Sprint("./p", i), Files: []Change{{Path: path, hunks: []hunk{replacing(t, files[path], c.old, c.now)}}}})
			want[name] = c
		}
	}
	files["main.go"] = "package main\n\nimport (\n\t\"fmt\"\n" + imports + ")\n\nfunc main() {\n" + calls + "}\n"
	write(t, root, files)
	joint, err := NewJoint(root, all)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := joint.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for name, overlay := range map[string]string{"clean": filepath.Join(empty(t), "overlay.json"), "joint": overlay} {
		cmd := exec.Command("go", "build", "-overlay="+overlay, "-o", filepath.Join(bin, name), ".")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	shown := func(t *testing.T, program, saboteur string) []string {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, program))
		cmd.Env = append(cmd.Environ(), Switch+"="+saboteur)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	clean := shown(t, "clean", "")
	for _, off := range []string{"", "nothing-0"} {
		if got := shown(t, "joint", off); !slices.Equal(got, clean) {
			t.Errorf("with the switch at %q:\n%q\n%q", off, got, clean)
		}
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			w := want[s.Name]
			if joint.In[s.Name] == (w.alone != "") || !strings.Contains(joint.Out[s.Name], w.alone) {
				t.Fatalf("alone because %q, want %q", joint.Out[s.Name], w.alone)
			}
			if w.alone != "" {
				return
			}
			var is []string
			for i, line := range shown(t, "joint", s.Name) {
				if line != clean[i] {
					is = append(is, line)
				}
			}
			if want := strings.TrimPrefix(s.Pkg, "./p") + " " + w.shows; len(is) != 1 || is[0] != want {
				if w.shows != "" && slices.Contains(clean, want) && len(is) == 0 {
					return
				}
				t.Errorf("changes %q, want %q", is, want)
			}
		})
	}
}

// empty is a folder with an overlay of nothing.
func empty(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{"overlay.json": "{}"})
	return dir
}

// replacing is the hunk that replaces old, which may begin and end within lines.
func replacing(t *testing.T, text, old, now string) hunk {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q stands %d times in\n%s", old, strings.Count(text, old), text)
	}
	at := strings.Index(text, old)
	from := strings.LastIndex(text[:at], "\n") + 1
	to := at + len(old)
	to += strings.Index(text[to:], "\n")
	lines := func(s string) []string { return strings.Split(s, "\n") }
	return hunk{at: strings.Count(text[:from], "\n") + 1, old: lines(text[from:to]), now: lines(text[from:at] + now + text[at+len(old):to])}
}

// TestRunnerJoins: judged together, each saboteur gets the verdict that it gets alone.
func TestRunnerJoins(t *testing.T) {
	patches := map[string]struct{ patch, want string }{
		"honest":  {allow("\treturn true"), "held "},
		"second":  {allow("\treturn role != \"\" || role == \"\""), "held "},
		"mild":    {allow("\treturn role == \"admin\" || role == \"root\""), "turns nothing red"},
		"typo":    {allow("\treturn rol"), "does not compile"},
		"panic":   {allow("\tpanic(1)"), "did not fail by an assertion"},
		"exit":    {strings.Replace(allow("\tos.Exit(3)\n+\treturn false"), "@@", "@@ -1,2 +1,4 @@\n package gate\n+\n+import \"os\"\n \n@@", 1), "did not fail by an assertion"},
		"wide":    {allow("\treturn Name() != \"\""), "held "},
		"gone":    {strings.Replace(allow("\treturn true"), "-\treturn role ==", "-\treturn  role ==", 1), "does not apply"},
		"none":    {strings.Replace(allow("\treturn true"), "TestAllow", "TestNone", 1), "there is no TestNone"},
		"nowhere": {strings.Replace(allow("\treturn true"), "./gate", "./gone", 1), "./gone"},
		"skipped": {strings.Replace(allow("\treturn true"), "TestAllow", "TestSkipped", 1), "is skipped here"},
	}
	root := t.TempDir()
	write(t, root, fixture)
	for name, p := range patches {
		write(t, root, map[string]string{"sabotage/" + name + ".patch": strings.Replace(p.patch, "@@ -5,1 +5,1 @@", fmt.Sprintf("@@ -5,1 +5,%d @@", strings.Count(p.patch, "\n+\t")), 1)})
	}
	for _, quick := range []bool{true, false} {
		out, code := run(t, &Runner{Root: root, Jobs: 2, Quick: quick}, slices.Sorted(maps.Keys(patches))...)
		if code != 1 || !strings.Contains(out, "joint build of ") || !strings.Contains(out, "alone   typo") {
			t.Errorf("exit %d:\n%s", code, out)
		}
		for name, p := range patches {
			_, said, _ := strings.Cut(out, fmt.Sprintf("%-6s  %-32s ", verdictOf(p.want), name))
			said, _, _ = strings.Cut(said, "\nheld ")
			said, _, _ = strings.Cut(said, "\nbroken ")
			if said == "" || p.want != "held " && !strings.Contains(said, p.want) {
				t.Errorf("%s: want %s in\n%s", name, p.want, out)
			}
		}
	}
}

func verdictOf(want string) string {
	if want == "held " {
		return "held"
	}
	return "broken"
}

// TestRunnerNeverChosen: beside the others a saboteur whose switch is not heard, or whose program does not start, has not held.
// The build of its own is asked then, and said.
func TestRunnerNeverChosen(t *testing.T) {
	root := t.TempDir()
	write(t, root, fixture)
	write(t, root, map[string]string{"sabotage/honest.patch": allow("\treturn true"), "sabotage/misspelt.patch": allow("\treturn true"),
		"sabotage/mild.patch": allow("\treturn role == \"admin\" || role == \"root\"")})
	all := map[string]*Saboteur{}
	for _, name := range []string{"honest", "misspelt", "mild"} {
		s, err := Load(filepath.Join(root, "sabotage"), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = s
	}
	p, err := build(t.Context(), root, t.TempDir(), []*Saboteur{all["honest"]})
	if err != nil {
		t.Fatal(err)
	}
	p.joint.In["misspelt"], p.joint.In["mild"] = true, true
	r := &Runner{Root: root, Quick: true, programs: p}
	if err := r.judgeIn(t.Context(), all["honest"], true); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{"misspelt": true, "mild": false} {
		if err := r.judgeIn(t.Context(), all[name], true); err == nil || !strings.Contains(err.Error(), "turns nothing red") {
			t.Errorf("%s: %v", name, err)
		}
		words, err := r.judge(t.Context(), filepath.Join(root, "sabotage"), name)
		if held := err == nil; held != want || held && !strings.Contains(words, "in a build of its own") {
			t.Errorf("%s alone: %q, %v", name, words, err)
		}
	}
	p.of["./gate"] = filepath.Join(root, "go.mod")
	r = &Runner{Root: root, Quick: true, programs: p}
	if err := r.judgeIn(t.Context(), all["honest"], true); err == nil {
		t.Error("a program that does not start held")
	}
}
