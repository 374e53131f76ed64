package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var codeOf = regexp.MustCompile(`Refuse\([\w.]+, "([a-z_]+)"|Code: +"([a-z_]+)"`)

// TestPapersExplainEveryCode: each code that an error of the house can carry stands in docs/errors.md, and no other does.
func TestPapersExplainEveryCode(t *testing.T) {
	page, err := os.ReadFile("errors.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, line := range strings.Split(string(page), "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[1], -1) {
				explained[m[1]] = false
			}
		}
	}
	read := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, "FieldError") || !strings.Contains(line, "Refuse(") && !strings.Contains(line, "types.Error{") {
				continue // codes of fields are words of their types
			}
			for _, m := range codeOf.FindAllStringSubmatch(line, -1) {
				code := m[1] + m[2]
				if _, ok := explained[code]; !ok && code != "preflight" { // which is no answer
					t.Errorf("%s: docs/errors.md does not explain %q", path, code)
				}
				explained[code] = true
			}
		}
		return nil
	}
	for _, root := range []string{"../internal", "../fastness.go", "../data.go"} {
		if err := filepath.WalkDir(root, read); err != nil {
			t.Fatal(err)
		}
	}
	for code, used := range explained {
		if !used && code != "internal" && code != "preflight" {
			t.Errorf("docs/errors.md explains %q, which nothing answers", code)
		}
	}
}
