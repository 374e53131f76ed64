// Package secret finds secrets in the files of a project and in the whole of its Git history: private keys, tokens,
// passwords in URLs and in settings. Rules are data (rule.go). Nothing of the project is executed, and none of its
// Git configuration is read: git gets an empty repository of ours that borrows the objects alone (history.go).
//
// A finding says where a secret is and how to replace it. It never holds the value, nor a hash of it; values live in
// memory until Find returns. What could not be read is in the report: a scan with unknowns must not be called clean.
package secret

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
	maxBytes    = 4 << 20 // of one text; larger ones are unknown
	maxHits     = 200     // of one text
	maxUnknowns = 200     // that are listed; the rest is counted
)

// Config says what is searched.
type Config struct {
	Root     string              // the folder of the project
	History  bool                // search the objects of Git as well
	Progress func(done, all int) // called now and then; nil is quiet
}

// Finding is one secret at one path.
type Finding struct {
	Rule      string // the kind, such as aws-key
	Path      string // below the root, with slashes; "" when no commit names the object
	Line      int    // in the file, or in the version of the commit that brought it
	Commit    string // that brought it; "" when no commit has it
	RemovedIn string // the commit that took it out; "" while it is there
	Rotate    string // what to do
}

// Unknown is something that could not be searched.
type Unknown struct {
	Path string // "" for the history
	Why  string
}

// Report is what was searched, and what could not be.
type Report struct {
	Files, Commits, Blobs int
	Unknowns              []Unknown
	More                  int // unknowns beyond those that are listed
}

// scan is one run of Find.
type scan struct {
	Config
	root   *os.Root
	report Report
	found  map[place]*Finding
}

// place tells findings apart: the same value at the same path is one.
type place struct {
	rule        int
	path, value string
}

// Find searches the project. The findings are ordered by path and line.
func Find(ctx context.Context, cfg Config) ([]Finding, Report, error) {
	root, err := os.OpenRoot(cfg.Root)
	if err != nil {
		return nil, Report{}, fmt.Errorf("secret: %w; name the folder of a project", err)
	}
	defer root.Close()
	s := &scan{Config: cfg, root: root, found: map[place]*Finding{}}
	if cfg.History {
		if err := s.history(ctx); err != nil {
			return nil, s.report, err
		}
	}
	if err := s.tree(ctx); err != nil {
		return nil, s.report, err
	}
	out := make([]Finding, 0, len(s.found))
	for _, f := range s.found {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Commit, b.Commit))
	})
	return out, s.report, nil
}

func (s *scan) unknown(path, why string) {
	if len(s.report.Unknowns) == maxUnknowns {
		s.report.More++
		return
	}
	s.report.Unknowns = append(s.report.Unknowns, Unknown{path, why})
}

func (s *scan) progress(done, all int) {
	if s.Progress != nil && (done%256 == 0 || done == all) {
		s.Progress(done, all)
	}
}

// tree searches the files as they lie in the folder, tracked or not. Symbolic links are not followed; packages that a
// tool has installed (node_modules, virtual environments) are not the project's.
func (s *scan) tree(ctx context.Context) error {
	var names []string
	err := fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.unknown(name, "it cannot be read; scan as a user that may")
			return nil
		case path.Base(name) == ".git":
			if name != ".git" {
				s.unknown(path.Dir(name), "another repository lies here; scan its history by itself")
			}
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir() && (d.Name() == "node_modules" || s.environment(name)):
			return fs.SkipDir
		case d.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("secret: the files: %w", err)
	}
	for i, name := range names {
		if ctx.Err() != nil {
			return fmt.Errorf("secret: the files: %w", ctx.Err())
		}
		s.file(name)
		s.progress(i+1, len(names))
	}
	s.report.Files = len(names)
	return nil
}

// environment reports whether a folder is a virtual environment of Python.
func (s *scan) environment(name string) bool {
	_, err := s.root.Lstat(name + "/pyvenv.cfg")
	return err == nil && name != "."
}

func (s *scan) file(name string) {
	text, err := s.read(name)
	if err != nil {
		s.unknown(name, "it cannot be read; scan as a user that may")
		return
	}
	text, ok := readable(text)
	switch {
	case !ok:
		return
	case len(text) > maxBytes:
		s.unknown(name, "it is larger than 4 MiB; look at it by hand")
		return
	}
	for _, h := range look(text) {
		if f := s.note(h, name); f != nil {
			f.Line, f.RemovedIn = h.line, ""
		}
	}
}

// read opens without waiting: a file that became a pipe since the walk must not hold the scan.
func (s *scan) read(name string) ([]byte, error) {
	before, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	f, err := s.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) || !now.Mode().IsRegular() {
		return nil, errors.New("it changed during the scan")
	}
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// note gives the finding of a hit at a path, new or known; nil when the rule is not for this path.
func (s *scan) note(h hit, name string) *Finding {
	r := &rules[h.rule]
	if r.path != nil && !r.path.MatchString(name) {
		return nil
	}
	at := place{h.rule, name, h.value}
	if s.found[at] == nil {
		s.found[at] = &Finding{Rule: r.id, Path: name, Line: h.line, Rotate: r.rotate}
	}
	return s.found[at]
}
