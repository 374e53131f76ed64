package inventory

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

var (
	requirement = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)$`)
	exactly     = regexp.MustCompile(`^\(?\s*===?\s*([^\s,;*)]+)\s*\)?$`)
	includes    = regexp.MustCompile(`^(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)$`)
	tomlLine    = regexp.MustCompile(`^toml: line ([0-9]{1,9}) `) // of a value of the wrong type
	comparison  = regexp.MustCompile(`^\(?\s*(?:===?|~=|!=|<=?|>=?)`)
	pipHash     = regexp.MustCompile(`--hash[=\s]\s*([^\s\\]+)`)
)

// readRequirements reads pip's requirements.txt. A requirement without == has no version; other files may say which one it is.
func readRequirements(text []byte) ([]Component, error) {
	var out []Component
	var left error
	lines, err := textLines(text)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(lines); i++ {
		at, line := i+1, lines[i]
		var whole strings.Builder
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			whole.WriteString(strings.TrimSuffix(line, `\`) + " ")
			i++
			line = lines[i]
		}
		whole.WriteString(line)
		line = whole.String()
		if before, _, ok := strings.Cut(" "+line, " #"); ok {
			line = before
		}
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "-") {
			if strings.HasPrefix(line, "-e") || strings.HasPrefix(line, "--editable") {
				out = append(out, Component{Ecosystem: PyPI, Name: strings.TrimSpace(line), Line: at, Facts: Facts{Source: afterEditable(line)}})
			}
			if m := includes.FindStringSubmatch(line); m != nil && left == nil {
				if _, read := format(m[1]); read == nil {
					left = breaks(at, "includes %.60q, which is not read; name that file requirements-….txt", m[1])
				}
			}
			continue
		}
		c, err := readRequirement(line, at)
		if err != nil {
			return out, err
		}
		out = append(out, c)
	}
	return out, left
}

// readRequirement reads one requirement of PEP 508 and the options behind it.
func readRequirement(line string, at int) (Component, error) {
	c := Component{Ecosystem: PyPI, Line: at}
	if i := strings.Index(line, " --"); i >= 0 {
		c.Hashed = strings.Contains(line[i:], "--hash")
		for _, m := range pipHash.FindAllStringSubmatch(line[i:], -1) {
			c.Digests = strings.TrimSpace(c.Digests + " " + m[1])
		}
		line = line[:i]
	}
	if strings.Contains(line, "://") && !strings.Contains(line, "@") || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "/") {
		c.Name, c.Source = strings.TrimSpace(line), strings.TrimSpace(line) // an address or a path: it has neither name nor version to look up
		return c, nil
	}
	line, _, _ = strings.Cut(line, ";")
	m := requirement.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil || m[2] != "" && m[2][0] != '@' && !comparison.MatchString(m[2]) {
		return c, breaks(at, "%.60q is no requirement; write NAME==VERSION", line)
	}
	c.Name = normal(m[1])
	if address, ok := strings.CutPrefix(m[2], "@"); ok {
		c.Source = strings.TrimSpace(address)
	}
	if v := exactly.FindStringSubmatch(m[2]); v != nil {
		c.Version = v[1]
	}
	return c, nil
}

// afterEditable is what an editable requirement names.
func afterEditable(line string) string {
	line = strings.TrimPrefix(strings.TrimPrefix(line, "--editable"), "-e")
	return strings.TrimLeft(line, " =")
}

// normal is a project's name as PyPI compares it.
func normal(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
}

// readMetadata reads the METADATA of an installed package.
func readMetadata(text []byte) ([]Component, error) {
	c := Component{Ecosystem: PyPI}
	lines, err := textLines(text)
	if err != nil {
		return nil, err
	}
	for i, line := range lines {
		if line == "" {
			break
		}
		key, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(key) {
		case "name":
			c.Name, c.Line = normal(strings.TrimSpace(value)), i+1
		case "version":
			c.Version = strings.TrimSpace(value)
		case "license-expression":
			c.Licence = strings.TrimSpace(value)
		case "license":
			if c.Licence == "" && len(value) < 100 {
				c.Licence = strings.TrimSpace(value)
			}
		case "classifier":
			if kind, ok := strings.CutPrefix(strings.TrimSpace(value), "License :: OSI Approved :: "); ok && c.Licence == "" {
				c.Licence = kind
			}
		}
	}
	if c.Name == "" || c.Version == "" {
		return nil, breaks(1, "has no Name and Version; install the package anew")
	}
	return []Component{c}, nil
}

// lockedPython is what the three locks of Python have in common.
type lockedPython struct {
	Package  []lockedPackage `toml:"package"`  // poetry.lock, uv.lock
	Packages []lockedPackage `toml:"packages"` // pylock.toml
	Metadata struct {
		Files map[string][]any `toml:"files"` // hashes in a poetry.lock of version 1
	} `toml:"metadata"`
	Version     any    `toml:"version"`
	LockVersion string `toml:"lock-version"`
}

type lockedPackage struct {
	Name    string           `toml:"name"`
	Version string           `toml:"version"`
	Source  map[string]any   `toml:"source"`
	Files   []map[string]any `toml:"files"`
	Wheels  []map[string]any `toml:"wheels"`
	Sdist   map[string]any   `toml:"sdist"`
	Archive map[string]any   `toml:"archive"`
	Folder  map[string]any   `toml:"directory"`
	VCS     map[string]any   `toml:"vcs"`
	Index   string           `toml:"index"`
}

// facts gathers what a lock says of a package: where it comes from, its digests, and when the newest of its files was published.
func (p lockedPackage) facts() Facts {
	f := Facts{Source: p.Index}
	for _, from := range []map[string]any{p.Source, p.VCS, p.Archive} {
		for _, key := range []string{"registry", "url", "git"} {
			if text, ok := from[key].(string); ok && text != "" {
				f.Source = text
			}
		}
	}
	if _, git := p.Source["git"]; git || p.VCS != nil || p.Source["type"] == "git" {
		f.Source = "git+" + strings.TrimPrefix(f.Source, "git+")
	}
	var digests []string
	for _, files := range [][]map[string]any{p.Files, p.Wheels, {p.Sdist}, {p.Archive}} {
		for _, file := range files {
			if text, ok := file["hash"].(string); ok {
				digests = append(digests, text)
			}
			if table, ok := file["hashes"].(map[string]any); ok {
				for kind, value := range table {
					digests = append(digests, fmt.Sprintf("%s:%v", kind, value))
				}
			}
			at, _ := file["upload-time"].(time.Time)
			if text, ok := file["upload-time"].(string); ok {
				at, _ = time.Parse(time.RFC3339, text)
			}
			if at.After(f.Uploaded) {
				f.Uploaded = at
			}
		}
	}
	slices.Sort(digests)
	f.Digests = strings.Join(digests, " ")
	return f
}

// hashed tells whether each file of a package carries a digest.
func (p lockedPackage) hashed() bool {
	n := 0
	for _, files := range [][]map[string]any{p.Files, p.Wheels, {p.Sdist}, {p.Archive}} {
		for _, f := range files {
			if f == nil {
				continue
			}
			if f["hash"] == nil && f["hashes"] == nil {
				return false
			}
			n++
		}
	}
	return n > 0
}

func readPoetry(text []byte) ([]Component, error) {
	lock, at, err := readTOML(text, "[[package]]")
	if err != nil {
		return nil, err
	}
	for i, p := range lock.Package {
		for _, f := range lock.Metadata.Files[p.Name] {
			file, _ := f.(map[string]any)
			lock.Package[i].Files = append(lock.Package[i].Files, map[string]any{"hash": cmp.Or[any](file["hash"], true)})
		}
	}
	return taken(lock.Package, at)
}

func readUV(text []byte) ([]Component, error) {
	lock, at, err := readTOML(text, "[[package]]")
	if err != nil {
		return nil, err
	}
	if lock.Version == nil {
		return nil, breaks(1, "has no version; write it anew with uv lock")
	}
	return taken(lock.Package, at)
}

func readPylock(text []byte) ([]Component, error) {
	lock, at, err := readTOML(text, "[[packages]]")
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(lock.LockVersion, "1.") {
		return nil, breaks(1, "lock-version is %.20q, and 1 is known; write it anew by the tool that made it", lock.LockVersion)
	}
	return taken(lock.Packages, at)
}

// taken lists locked packages, but those that are folders of the project itself.
func taken(list []lockedPackage, at []int) ([]Component, error) {
	var out []Component
	for i, p := range list {
		line := 0
		if len(at) == len(list) {
			line = at[i]
		}
		if p.Name == "" {
			return out, breaks(line, "a package has no name; write the lock anew by the tool that made it")
		}
		if p.Source["virtual"] != nil || p.Source["editable"] != nil || p.Source["directory"] != nil || p.Folder != nil || p.Source["type"] == "directory" {
			continue
		}
		out = append(out, Component{Ecosystem: PyPI, Name: normal(p.Name), Version: p.Version, Line: line, Hashed: p.hashed(), Facts: p.facts()})
	}
	return out, nil
}

// readTOML reads a lock, and the lines on which its packages begin.
func readTOML(text []byte, header string) (*lockedPython, []int, error) {
	if err := shallow(text); err != nil {
		return nil, nil, err
	}
	var lock lockedPython
	if err := toml.Unmarshal(text, &lock); err != nil {
		var p toml.ParseError
		if errors.As(err, &p) {
			return nil, nil, breaks(1+bytes.Count(text[:min(max(p.Position.Start, 0), len(text))], []byte("\n")), "is no TOML: %s; write it anew by the tool that made it", p.Message)
		}
		if m := tomlLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ := strconv.Atoi(m[1])
			return nil, nil, breaks(line, "is no lock: %s; write it anew by the tool that made it", err)
		}
		return nil, nil, fmt.Errorf("is no lock: %w; write it anew by the tool that made it", err)
	}
	var at []int
	n := 0
	for line := range bytes.Lines(text) {
		if n++; strings.TrimSpace(string(line)) == header {
			at = append(at, n)
		}
	}
	return &lock, at, nil
}

// shallow refuses TOML whose lists nest deeper than any lock's: readers of TOML follow them without a bound.
func shallow(text []byte) error {
	depth, line := 0, 1
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\n':
			line++
			quote = 0 // a text over many lines is counted as if it ended: at worst a lock is refused
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case c == '[' || c == '{':
			if depth++; depth > maxNesting {
				return breaks(line, "lists nest deeper than %d; write the lock anew by the tool that made it", maxNesting)
			}
		case (c == ']' || c == '}') && depth > 0:
			depth--
		}
	}
	return nil
}

// textLines splits a text into lines without their ends. Text must be UTF-8.
func textLines(text []byte) ([]string, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		n := 1
		for line := range bytes.Lines(text) {
			if !utf8.Valid(line) {
				break
			}
			n++
		}
		return nil, breaks(n, "is not UTF-8; save it as UTF-8")
	}
	lines := strings.Split(string(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines, nil
}
