// Package settings finds settings that were left open: of Django and Flask, of Express and servers in Go, and of Dockerfiles. Sources are
// read as text: a tokenizer (token.go) and a small reader of assignments (python.go) stand in for Python, and nothing of the project is
// executed. Rules are data (rule.go). A value that comes from the environment is the operator's and no finding. A value that the reader
// cannot follow is an Unknown of its rule, never clean. A finding is a rule and a place; it never holds the value.
//
// What is for development or tests alone is passed over, by its name: see aside and development.
package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/finding"
	"github.com/fastness-dev/fastness/internal/scan/server"
)

// Limits of what is read. What lies beyond them is unknown.
const (
	maxRead    = 100 << 20 // bytes of a file that are searched for words of settings
	maxSource  = 2 << 20   // bytes of a file that holds such words
	maxEntries = 300_000   // files and folders
	maxDepth   = 40        // folders within folders
)

// Report is what was found, ordered by file and line.
type Report = finding.Report

// search is one run of Find.
type search struct {
	ctx     context.Context
	root    *os.Root
	entries int
	list    finding.List
	servers *server.Reader
	modules map[string]*module // of Python, by path; nil while one is being read
	named   []string           // files of Python that may hold settings of Django
	flask   flask
}

// Find reads the sources of a project. The error is of the folder alone.
func Find(ctx context.Context, dir string) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("settings: %w; name the folder of a project", err)
	}
	defer root.Close()
	s := &search{ctx: ctx, root: root, modules: map[string]*module{}, flask: flask{classes: map[string]*class{}}}
	s.servers = server.New(&s.list)
	if err := fs.WalkDir(root.FS(), ".", s.visit); err != nil && !errors.Is(err, fs.SkipAll) {
		return Report{}, fmt.Errorf("settings: %w", err)
	}
	s.django()
	s.judgeFlask()
	s.servers.Judge()
	return s.list.Report(), nil
}

// fault records a finding.
func (s *search) fault(r *rule, file string, line int) { s.list.Fault(finding.Rule(*r), file, line) }

// unknown records what could not be told.
func (s *search) unknown(file string, line int, why string, rules ...string) {
	s.list.Unknown(file, line, why, rules...)
}

// aside are folders whose files do not serve: what tools installed, and what is for tests.
var aside = map[string]bool{".git": true, "node_modules": true, "site-packages": true, "__pycache__": true, ".tox": true, "testdata": true,
	"test": true, "tests": true, "__tests__": true, "fixtures": true, "vendor": true}

// visit sorts the files. Links are not followed.
func (s *search) visit(name string, d fs.DirEntry, err error) error {
	switch {
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case err != nil && name == ".":
		return err
	case err != nil:
		s.unknown(name, 0, "it cannot be read; let this account read it")
		return nil
	}
	if s.entries++; s.entries > maxEntries {
		s.unknown(name, 0, fmt.Sprintf("the project has more than %d files; scan its parts", maxEntries))
		return fs.SkipAll
	}
	if d.IsDir() {
		if name == "." {
			return nil
		}
		if _, err := s.root.Lstat(name + "/pyvenv.cfg"); err == nil || aside[d.Name()] {
			return fs.SkipDir
		}
		if strings.Count(name, "/") >= maxDepth {
			s.unknown(name, 0, fmt.Sprintf("folders lie more than %d deep; scan this one by itself", maxDepth))
			return fs.SkipDir
		}
		return nil
	}
	read, words := s.reader(name)
	if read == nil {
		return nil
	}
	if !d.Type().IsRegular() {
		s.unknown(name, 0, "it is a link or no regular file, and was not read; replace it by the file")
		return nil
	}
	if text, ok := s.text(name, words); ok {
		read(name, text)
	}
	return nil
}

// reader says how a file is read by its name, and which words it holds when it matters; no words: it always does.
func (s *search) reader(name string) (func(string, []byte), []string) {
	base := strings.ToLower(path.Base(name))
	switch ext := path.Ext(base); {
	case base == "package.json":
		return s.servers.Manifest, nil
	case base == "dockerfile" || base == "containerfile" || strings.HasPrefix(base, "dockerfile.") || ext == ".dockerfile":
		return s.servers.Docker, nil
	case ext == ".py" && development(name):
		return nil, nil
	case ext == ".py" && settingsName(name):
		return s.python, nil
	case ext == ".py":
		return s.python, pythonWords
	case ext == ".go" && !strings.HasSuffix(base, "_test.go"):
		return s.servers.Go, server.GoWords
	case slices.Contains([]string{".js", ".cjs", ".mjs", ".ts", ".cts", ".mts"}, ext) && !development(name) &&
		!strings.HasSuffix(base, ".min.js") && !strings.HasSuffix(base, ".d.ts"):
		return s.servers.Script, server.NodeWords
	}
	return nil, nil
}

// developing are words of a file's name that set it apart for development or tests.
var developing = map[string]bool{"dev": true, "develop": true, "development": true, "local": true, "test": true, "tests": true, "testing": true, "conftest": true,
	"ci": true, "debug": true, "example": true, "sample": true, "spec": true, "localhost": true}

// development reports whether a file is for development or tests, by a word of its name: settings/local.py, test_app.py, app.spec.js.
func development(name string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(path.Base(name)), func(r rune) bool { return r == '_' || r == '-' || r == '.' }) {
		if developing[w] {
			return true
		}
	}
	return false
}

// text reads a file, and tells whether it matters. One that does and is too large or no text is unknown.
func (s *search) text(name string, words []string) ([]byte, bool) {
	f, err := s.open(name)
	if err != nil {
		s.unknown(name, 0, "it cannot be read; let this account read it")
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() > maxRead {
		s.unknown(name, 0, fmt.Sprintf("it is larger than %d MB; look at it by hand", maxRead>>20))
		return nil, false
	}
	var whole bytes.Buffer
	if err == nil {
		whole.Grow(int(info.Size()) + bytes.MinRead)
		_, err = whole.ReadFrom(io.LimitReader(f, maxRead+1))
	}
	text := whole.Bytes()
	switch {
	case err != nil:
		s.unknown(name, 0, "it cannot be read; let this account read it")
	case len(text) > maxRead:
		s.unknown(name, 0, fmt.Sprintf("it is larger than %d MB; look at it by hand", maxRead>>20))
	case len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(text, []byte(w)) }):
	case len(text) > maxSource:
		s.unknown(name, 0, fmt.Sprintf("it holds settings and is larger than %d MB; split it", maxSource>>20))
	case bytes.IndexByte(text, 0) >= 0:
		s.unknown(name, 1+bytes.Count(text[:bytes.IndexByte(text, 0)], []byte("\n")), "it is no text in UTF-8; write it anew")
	default:
		return text, true
	}
	return nil, false
}

// open opens a regular file, and does not wait for one that became a pipe.
func (s *search) open(name string) (*os.File, error) {
	before, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	f, err := s.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) || !now.Mode().IsRegular() {
		f.Close()
		return nil, errors.New("it changed during the scan")
	}
	return f, nil
}
