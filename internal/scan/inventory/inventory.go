// Package inventory lists what a project takes from others, by reading its files and nothing else: no file of the project is executed,
// no link leads out of its folder, and what is broken, too large or too many is named with file and line instead of being passed over.
package inventory

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
	"strings"
	"time"
)

// Ecosystems, by their names in the OSV format. Images have none there.
const (
	PyPI   = "PyPI"
	NPM    = "npm"
	Go     = "Go"
	Docker = "Docker"
)

// Limits of what is read. What lies beyond them becomes a Problem.
const (
	maxSize    = 100 << 20 // bytes of a file
	maxEntries = 300_000   // files and folders of a project
	maxDepth   = 40        // folders within folders
	maxNesting = 64        // lists and tables within each other in a file
	maxTaken   = 100_000   // components of a file
)

// Component is something that the project takes from others, as one of its files says.
type Component struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
	Version   string `json:"version,omitempty"` // "": the file leaves it open
	File      string `json:"file"`
	Line      int    `json:"line,omitempty"`   // 0: the format has no lines
	Hashed    bool   `json:"hashed,omitempty"` // the file carries a digest of it
	Facts
}

// Facts are what some files say of a component besides. Each is empty where the file does not say it.
type Facts struct {
	Source   string    `json:"source,omitempty"`   // the address that the file names: a registry, a file or a repository
	Digests  string    `json:"-"`                  // as the file writes them, with spaces between
	Scripts  bool      `json:"scripts,omitempty"`  // its installation runs a program of its own
	Uploaded time.Time `json:"uploaded,omitzero"`  // when the newest of its files was published
	Licence  string    `json:"licence,omitempty"`  // as the file writes it; seldom an expression of SPDX
	Indirect bool      `json:"indirect,omitempty"` // another component asked for it
}

// File is one that was read.
type File struct {
	Path  string `json:"path"`
	Kind  string `json:"kind"`
	Count int    `json:"count"` // components in it
}

// Problem is what could not be read, and why.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

// String is the problem as people read it: file:line: text.
func (p Problem) String() string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return p.File + ": " + p.Text
}

// Inventory is what a project takes from others, and what could not be read of it.
type Inventory struct {
	Files      []File      `json:"files"`
	Components []Component `json:"components"`
	Problems   []Problem   `json:"problems"`
}

// broken is an error on a line of the file that is being read.
type broken struct {
	line int
	text string
}

// Error implements error.
func (b *broken) Error() string { return b.text }

// breaks makes an error on a line; the text ends with what to do.
func breaks(line int, format string, args ...any) error {
	return &broken{line, fmt.Sprintf(format, args...)}
}

// parser reads one format.
type parser func(text []byte) ([]Component, error)

// parsers are the formats whose files have one name.
var parsers = map[string]struct {
	kind string
	read parser
}{
	"poetry.lock":         {"poetry.lock", readPoetry},
	"uv.lock":             {"uv.lock", readUV},
	"pylock.toml":         {"pylock.toml", readPylock},
	"package-lock.json":   {"package-lock.json", readPackageLock},
	"npm-shrinkwrap.json": {"package-lock.json", readPackageLock},
	"yarn.lock":           {"yarn.lock", readYarn},
	"go.mod":              {"go.mod", readGoMod},
}

// format says how a file is read by its name, or returns nil.
func format(name string) (kind string, read parser) {
	base := path.Base(name)
	if p, ok := parsers[base]; ok {
		return p.kind, p.read
	}
	lower := strings.ToLower(base)
	switch {
	case strings.HasPrefix(base, "pylock.") && strings.HasSuffix(base, ".toml"):
		return "pylock.toml", readPylock
	case strings.HasSuffix(base, ".txt") && (strings.Contains(lower, "requirements") || path.Base(path.Dir(name)) == "requirements"):
		return "requirements.txt", readRequirements
	case lower == "dockerfile" || lower == "containerfile" || strings.HasPrefix(lower, "dockerfile.") || strings.HasSuffix(lower, ".dockerfile"):
		return "Dockerfile", readDockerfile
	case base == "METADATA" && strings.HasSuffix(path.Dir(name), ".dist-info"):
		return "dist-info", readMetadata
	}
	return "", nil
}

// Read lists what the project in a folder takes from others. The error is of the folder; what is wrong with its files is among the problems.
func Read(ctx context.Context, dir string) (*Inventory, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the project: %w; name a folder that exists", err)
	}
	defer root.Close()
	w := &walk{ctx: ctx, root: root, got: &Inventory{Files: []File{}, Components: []Component{}, Problems: []Problem{}}, environments: map[string]int{}}
	if err := fs.WalkDir(root.FS(), ".", w.visit); err != nil && !errors.Is(err, fs.SkipAll) {
		return nil, fmt.Errorf("read the project: %w", err)
	}
	slices.SortStableFunc(w.got.Components, func(a, b Component) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return w.got, nil
}

// walk is one reading of a project.
type walk struct {
	ctx          context.Context
	root         *os.Root
	got          *Inventory
	entries      int
	environments map[string]int // the place in Files of each folder of installed packages
}

// visit reads one file. A link is not followed: what it leads to in the folder is met there, and what lies outside is not the project's.
func (w *walk) visit(name string, d fs.DirEntry, err error) error {
	if w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	if err != nil {
		if name == "." {
			return err
		}
		w.problem(name, fmt.Errorf("cannot be read: %w; let this account read it", err))
		if d != nil && d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if w.entries++; w.entries > maxEntries {
		w.problem(name, fmt.Errorf("the project has more than %d files; scan its parts", maxEntries))
		return fs.SkipAll
	}
	if d.IsDir() {
		if base := path.Base(name); base == ".git" || base == "node_modules" {
			return fs.SkipDir
		}
		if strings.Count(name, "/") >= maxDepth {
			w.problem(name, fmt.Errorf("folders lie more than %d deep; scan this one by itself", maxDepth))
			return fs.SkipDir
		}
		return nil
	}
	if !d.Type().IsRegular() {
		if _, read := format(name); read != nil {
			w.problem(name, fmt.Errorf("is not a regular file, so it was not read; replace the link by the file"))
		}
		return nil
	}
	kind, read := format(name)
	if read == nil {
		return w.program(name, d)
	}
	text, err := w.text(name)
	if err != nil {
		w.problem(name, err)
		return nil
	}
	found, err := read(text)
	if err != nil {
		w.problem(name, err)
	}
	if kind == "go.mod" {
		w.sums(name, found)
	}
	w.add(name, kind, found)
	return nil
}

// text reads a file up to the bound.
func (w *walk) text(name string) ([]byte, error) {
	f, err := w.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be opened: %w; let this account read it", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w; let this account read it", err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("is larger than %d MB, so it was not read; split the project", maxSize>>20)
	}
	return text, nil
}

// add takes what a file holds. Packages of one environment count as one file.
func (w *walk) add(name, kind string, found []Component) {
	if len(found) > maxTaken {
		w.problem(name, fmt.Errorf("names more than %d components; the rest was not read: split the file", maxTaken))
		found = found[:maxTaken]
	}
	for i := range found {
		found[i].File = name
	}
	w.got.Components = append(w.got.Components, found...)
	if kind == "dist-info" {
		dir := path.Dir(path.Dir(name))
		if at, ok := w.environments[dir]; ok {
			w.got.Files[at].Count += len(found)
			return
		}
		w.environments[dir] = len(w.got.Files)
		name = dir
	}
	w.got.Files = append(w.got.Files, File{name, kind, len(found)})
}

// problem records what could not be read.
func (w *walk) problem(name string, err error) {
	p := Problem{File: name, Text: err.Error()}
	var b *broken
	if errors.As(err, &b) {
		p.Line = b.line
	}
	w.got.Problems = append(w.got.Problems, p)
}
