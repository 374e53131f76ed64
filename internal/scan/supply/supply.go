// Package supply is what rules about a project's components say, and how they read its files: within its folder, up to a bound, and
// without following a link.
package supply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
)

// Limits of what is read.
const (
	maxSize    = 4 << 20 // bytes of a file
	maxEntries = 300_000
	maxDepth   = 40 // folders within folders
)

// Finding is one fault. Rule and Subject name it in the register: they stay when a line moves or a version changes.
type Finding struct {
	Rule     string `json:"rule"`     // trust:unhashed, licence:refused …
	Subject  string `json:"subject"`  // what it is about: PyPI/django, requirements.txt
	Severity string `json:"severity"` // critical, high, medium, low
	Text     string `json:"text"`     // what is wrong
	Do       string `json:"do"`
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
}

// ID names the finding in the register.
func (f Finding) ID() string { return f.Rule + ":" + f.Subject }

// Place is where the finding stands.
func (f Finding) Place() string {
	if f.Line > 0 {
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return f.File
}

// Report is what rules found, and what they could not tell.
type Report struct {
	Findings []Finding
	Untold   []string
}

// Add takes findings, each once.
func (r *Report) Add(list ...Finding) {
	for _, f := range list {
		if !slices.ContainsFunc(r.Findings, func(o Finding) bool { return o.ID() == f.ID() && o.File == f.File }) {
			r.Findings = append(r.Findings, f)
		}
	}
}

// Unsure takes what could not be told, each once.
func (r *Report) Unsure(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Untold, text) {
		r.Untold = append(r.Untold, text)
	}
}

// Sort orders findings by file, line and name.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.ID(), b.ID()))
	})
}

// Read reads a regular file of the project up to 4 MiB.
func Read(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file; replace it by one")
	}
	f, err := root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(info, now) {
		return nil, errors.New("changed during the scan; scan again")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(text) > maxSize {
		return nil, fmt.Errorf("is larger than %d MiB, so it was not read; split it", maxSize>>20)
	}
	return text, err
}

// Walk visits the regular files of the project. Folders that tools fill (node_modules, virtual environments,
// vendor) are entered only when inside says so. What cannot be visited ends the walk with an error that says what to do.
func Walk(ctx context.Context, root *os.Root, inside bool, visit func(name string) error) error {
	entries := 0
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if entries++; entries > maxEntries {
			return fmt.Errorf("the project has more than %d files; scan its parts", maxEntries)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("%s cannot be read: %w; let this account read it", name, err)
		case d.IsDir() && name != ".":
			_, environment := root.Lstat(name + "/pyvenv.cfg")
			base := path.Base(name)
			if base == ".git" || !inside && (base == "node_modules" || base == "vendor" || base == "site-packages" || environment == nil) || countDeep(name) {
				return fs.SkipDir
			}
		case d.Type().IsRegular():
			return visit(name)
		}
		return nil
	})
}

// countDeep tells whether a folder lies deeper than the inventory reads. The inventory has named it.
func countDeep(name string) bool {
	n := 0
	for _, c := range name {
		if c == '/' {
			n++
		}
	}
	return n >= maxDepth
}
