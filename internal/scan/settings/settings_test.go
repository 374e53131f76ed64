package settings

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func find(t *testing.T, dir string) Report {
	t.Helper()
	r, err := Find(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var planted = regexp.MustCompile(`fault: ([a-z0-9 -]+)`)

// wanted are the faults that comments of a project name, each at its line.
func wanted(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		for n, line := range strings.Split(string(text), "\n") {
			if m := planted.FindStringSubmatch(line); m != nil {
				for _, rule := range strings.Fields(m[1]) {
					out = append(out, fmt.Sprintf("%s:%d %s", name, n+1, rule))
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPlanted: each fault that was planted is found once, at its line, and the hardened copy is silent. No finding holds a value.
func TestPlanted(t *testing.T) {
	for _, name := range []string{"django", "flask", "express", "server", "container"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("..", "testdata", name)
			want := wanted(t, filepath.Join(dir, "open"))
			if name == "container" { // its comments need lines of their own
				want = []string{"Dockerfile:2 docker-latest", "Dockerfile:4 docker-secret", "Dockerfile:5 docker-secret", "Dockerfile:6 docker-add-url", "Dockerfile:7 docker-root"}
			}
			r := find(t, filepath.Join(dir, "open"))
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Rule))
				if f.Title == "" || f.Do == "" || !strings.HasPrefix(f.CWE, "CWE-") || !slices.Contains([]string{"low", "medium", "high"}, f.Severity) {
					t.Errorf("%s is not whole: %+v", f.Rule, f)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || len(r.Unknowns) > 0 || len(want) == 0 {
				t.Errorf("got\n%s\nwant\n%s\nunknown %v", strings.Join(got, "\n"), strings.Join(want, "\n"), r.Unknowns)
			}
			if text := fmt.Sprintf("%+v", r); strings.Contains(text, "invented") {
				t.Errorf("the report holds a value: %s", text)
			}
			if r := find(t, filepath.Join(dir, "hardened")); len(r.Findings) > 0 || len(r.Unknowns) > 0 {
				t.Errorf("hardened: %+v %v", r.Findings, r.Unknowns)
			}
		})
	}
}
