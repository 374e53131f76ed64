package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPaths: a path of another machine loses folders until the project has such a file, and none leads out of the project.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "app"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "app", "a b.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r := &reading{root: root, dir: dir, seen: map[string]string{}}
	for from, want := range map[string]string{
		"app/a b.py": "app/a b.py", "./app/a b.py": "app/a b.py", `app\a b.py`: "app/a b.py", "file:///home/ci/shop/app/a%20b.py": "app/a b.py", "/home/ci/shop/app/a b.py": "app/a b.py",
		dir + "/app/a b.py": "app/a b.py", "../../etc/passwd": "etc/passwd", "gone.py": "gone.py", "": "", strings.Repeat("a/", 3000): "",
	} {
		if got := r.file(from); got != want {
			t.Errorf("%q is %q, want %q", from, got, want)
		}
	}
}

// FuzzReport: no report makes the reader fail, and what it takes has a rule and a place.
func FuzzReport(f *testing.F) {
	seeds, err := filepath.Glob("../testdata/reports/*")
	if err != nil || len(seeds) < 11 {
		f.Fatalf("%d seeds, %v", len(seeds), err)
	}
	for _, name := range seeds {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	root, err := os.OpenRoot(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out := Result{}
		r := &reading{root: root, dir: "/nowhere", name: "x", text: text, line: 1, out: &out, seen: map[string]string{}}
		r.read()
		for _, x := range out.Findings {
			if x.Rule == "" || x.Severity == "" || x.Kind == Code && x.Family == "" || x.Kind == Hole && len(x.IDs) == 0 || strings.HasPrefix(x.File, "../") {
				t.Fatalf("%+v", x)
			}
		}
	})
}
