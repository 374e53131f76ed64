package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Saboteur is one sabotage/NAME.patch.
type Saboteur struct {
	Name   string
	Breaks string   // one sentence: which promise is broken
	Pkg    string   // the package of the test, as `go test` takes it: ./internal/room
	Test   string   // the one top-level test that must turn red
	Also   []string // tests that play a whole story and turn red as well, because the promise is the ground they stand on
	Step   string   // the step of the request pipeline it removes; "" when it is about something else
	Files  []Change // what it does to which files
}

// Load reads dir/name.patch.
func Load(dir, name string) (*Saboteur, error) {
	text, err := os.ReadFile(filepath.Join(dir, name+".patch"))
	if err != nil {
		return nil, err
	}
	s, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s.patch: %w", name, err)
	}
	s.Name = name
	return s, nil
}

// Parse reads the text of a saboteur: the header lines `# breaks:`, `# test: PKG TestName` and optionally `# also: TestName…` and `# step:`, then a
// unified difference with a/ and b/ prefixes. It refuses differences to tests: only product code may be sabotaged.
func Parse(text string) (*Saboteur, error) {
	s := &Saboteur{}
	lines := strings.Split(text, "\n")
	start := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "--- ") })
	if start < 0 {
		return nil, errors.New("no difference in it: want a line that begins with `--- a/`")
	}
	for _, l := range lines[:start] {
		if v, ok := strings.CutPrefix(l, "# breaks:"); ok {
			s.Breaks = strings.TrimSpace(v)
		}
		if v, ok := strings.CutPrefix(l, "# step:"); ok {
			s.Step = strings.TrimSpace(v)
		}
		if v, ok := strings.CutPrefix(l, "# also:"); ok {
			s.Also = strings.Fields(v)
		}
		if v, ok := strings.CutPrefix(l, "# test:"); ok {
			f := strings.Fields(v)
			if len(f) != 2 || !strings.HasPrefix(f[1], "Test") || !strings.HasPrefix(f[0], ".") {
				return nil, fmt.Errorf("%q: want `# test: ./path/of/package TestName`", l)
			}
			s.Pkg, s.Test = f[0], f[1]
		}
	}
	if s.Breaks == "" {
		return nil, errors.New("no line `# breaks:` before the difference: say in one sentence which promise is broken")
	}
	if s.Test == "" {
		return nil, errors.New("no line `# test: PKG TestName` before the difference: name the test that must turn red")
	}
	var err error
	if s.Files, err = ParseDiff(lines[start:]); err != nil {
		return nil, err
	}
	for _, f := range s.Files {
		if strings.HasSuffix(f.Path, "_test.go") || strings.Contains("/"+f.Path, "/testdata/") || strings.HasPrefix(f.Path, "sabotage/") || !filepath.IsLocal(f.Path) {
			return nil, fmt.Errorf("it changes %s: only product code may be sabotaged", f.Path)
		}
	}
	return s, nil
}

// Names lists the saboteurs in dir, sorted.
func Names(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range paths {
		out = append(out, strings.TrimSuffix(filepath.Base(p), ".patch"))
	}
	slices.Sort(out)
	return out, nil
}

// Overlay applies the saboteur to copies below dir and returns the map that `go build -overlay` takes: path of the original to
// path of the copy.
func (s *Saboteur) Overlay(root, dir string) (map[string]string, error) {
	out := map[string]string{}
	for i, f := range s.Files {
		original := filepath.Join(root, filepath.FromSlash(f.Path))
		text, err := os.ReadFile(original)
		if err != nil {
			return nil, err
		}
		changed, err := f.Apply(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		copied := filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(f.Path)))
		if err := os.WriteFile(copied, []byte(changed), 0o600); err != nil {
			return nil, err
		}
		out[original] = copied
	}
	return out, nil
}

// WriteOverlay applies the saboteur below dir and returns the file that `go build -overlay` takes.
func (s *Saboteur) WriteOverlay(root, dir string) (string, error) {
	files, err := s.Overlay(root, dir)
	if err != nil {
		return "", fmt.Errorf("does not apply: %w", err)
	}
	text, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// TestExists tells whether the package has the test that the saboteur names.
func (s *Saboteur) TestExists(root string) (bool, error) {
	paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(s.Pkg), "*_test.go"))
	if err != nil {
		return false, err
	}
	for _, p := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return false, err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == s.Test {
				return true, nil
			}
		}
	}
	return false, nil
}
