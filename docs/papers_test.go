// Package docs_test holds what the papers promise about themselves: links lead somewhere, and every module that we require has
// its reason.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestPapersLinkToWhatExists(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "bin") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(target))); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
		return nil
	})
	if err != nil || seen < 5 {
		t.Fatalf("read %d papers: %v", seen, err)
	}
}

// TestPapersNameFilesThatExist: where a paper says which file does something, the file is there.
func TestPapersNameFilesThatExist(t *testing.T) {
	named, seen := regexp.MustCompile("`((?:internal/)?[a-z]+(?:/[a-z]+)*/[a-z_]+\\.go)`"), 0
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md", "../CONTRIBUTING.md", "../SECURITY.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			seen++
			_, inside := os.Stat(filepath.Join("../internal", m[1]))
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil && inside != nil {
				t.Errorf("%s speaks of %s, which is not there", page, m[1])
			}
		}
	}
	if seen < 10 {
		t.Fatalf("read %d names of files", seen)
	}
}

func TestPapersGiveAReasonForEveryDependency(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("adr/0003-dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^\s*(?:require )?([a-z0-9.]+\.[a-z]+/\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1)
	if len(direct) == 0 {
		t.Fatal("read no requirements in go.mod")
	}
	for _, m := range direct {
		if !strings.Contains(string(page), "| `"+m[1]+"` |") {
			t.Errorf("%s is required without a line in docs/adr/0003-dependencies.md: say what for, why not our own, and its licence", m[1])
		}
	}
}
