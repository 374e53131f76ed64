// Package report reads what tools of a team found, so that it stands in one register: bandit, gosec, semgrep, SARIF 2.1.0, ruff, flake8,
// pip-audit, govulncheck, npm audit, ZAP and Nessus. The format is found by the content. A report is text from outside: it is read within
// bounds, no entity of XML is resolved, and no file that it names is opened. Messages and pieces of source are left out of findings,
// because tools print secrets in them. A report that is broken, or says itself that it is not whole, could not be told.
package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a report.
const (
	maxSize  = 32 << 20 // bytes
	maxFound = 100_000  // findings, and as many unknowns
)

// Kinds of findings.
const (
	Code   = "code"   // at a line of a source
	Hole   = "hole"   // of a package
	Remote = "remote" // of a running service
	Lint   = "lint"   // a rule of style or quality, at a line of a source
)

// Finding is one thing that a tool found.
type Finding struct {
	Kind     string `json:"kind"`
	Tool     string `json:"tool"`
	Rule     string `json:"rule"`
	Family   string `json:"family,omitempty"` // of code: rules of tools that mean the same; CWE-89, or tool/rule
	Title    string `json:"title,omitempty"`  // the name of the rule
	Severity string `json:"severity"`         // critical, high, medium, low
	File     string `json:"file,omitempty"`   // below the project, with slashes
	Line     int    `json:"line,omitempty"`
	Where    string `json:"where,omitempty"` // an address without its query, or host:port

	Ecosystem string   `json:"ecosystem,omitempty"` // of a hole: PyPI, npm, Go
	Package   string   `json:"package,omitempty"`
	Version   string   `json:"version,omitempty"`
	Fix       string   `json:"fix,omitempty"`
	IDs       []string `json:"ids,omitempty"` // the names of the hole: CVE, GHSA and others
}

// Result is what the reports say together.
type Result struct {
	Findings []Finding
	Unknowns []string // each with the report and the line
}

// reading is one report while it is read.
type reading struct {
	root *os.Root
	dir  string // the project, absolute
	name string
	text []byte
	at   int // how far lines were looked up
	line int
	out  *Result
	seen map[string]string // paths, as they were written
}

// Read reads reports about the project in a folder. The error is of the folder alone.
func Read(ctx context.Context, dir string, files []string) (Result, error) {
	out := Result{}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return out, fmt.Errorf("reports: %w; name the folder of a project", err)
	}
	defer root.Close()
	abs, err := filepath.Abs(dir)
	if err != nil {
		return out, fmt.Errorf("reports: %w; name the folder of a project", err)
	}
	for _, name := range files {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		r := &reading{root: root, dir: abs, name: name, line: 1, out: &out, seen: map[string]string{}}
		if r.text, err = load(name); err != nil {
			r.unknown(0, "%v", err)
			continue
		}
		r.read()
	}
	return out, nil
}

// load reads a report up to the bound.
func load(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err != nil {
		return nil, fmt.Errorf("the report cannot be opened: %w; name a file", err)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the report cannot be opened: %w; let this account read it", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the report cannot be read: %w; let this account read it", err)
	case len(text) > maxSize:
		return nil, fmt.Errorf("the report is larger than %d MB; split it", maxSize>>20)
	}
	return text, nil
}

// unknown records what could not be told, at a line of the report; 0 is the whole.
func (r *reading) unknown(line int, format string, args ...any) {
	place := r.name
	if line > 0 {
		place = fmt.Sprintf("%s:%d", r.name, line)
	}
	if len(r.out.Unknowns) <= maxFound {
		r.out.Unknowns = append(r.out.Unknowns, place+": "+fmt.Sprintf(format, args...))
	}
}

// add takes a finding. One that does not say where it is could not be told.
func (r *reading) add(f Finding, line int) {
	if f.Rule == "" || f.Kind != Hole && f.File == "" && f.Where == "" || f.Kind == Hole && (f.Package == "" || len(f.IDs) == 0) {
		r.unknown(line, "a finding of %s has no rule or no place; write the report anew", f.Tool)
		return
	}
	if f.Kind == Code && f.Family == "" {
		f.Family = f.Tool + "/" + f.Rule
	}
	if len(r.out.Findings) == maxFound {
		r.unknown(line, "more than %d findings; the rest was not read: split the report", maxFound)
	}
	if len(r.out.Findings) <= maxFound {
		r.out.Findings = append(r.out.Findings, f)
	}
}

// read finds the format and reads it.
func (r *reading) read() {
	r.text = bytes.TrimPrefix(r.text, []byte("\ufeff"))
	switch text := bytes.TrimSpace(r.text); {
	case len(text) == 0:
		r.unknown(0, "the report is empty, which a tool that failed leaves behind; write it as JSON")
	case text[0] == '<':
		r.nessus()
	case text[0] == '{':
		r.object()
	case text[0] == '[':
		r.array()
	default:
		r.lines()
	}
}

// decode reads JSON strictly; an error is recorded with its line.
func (r *reading) decode(text []byte, into any, base int) bool {
	err := json.Unmarshal(text, into)
	if err == nil {
		return true
	}
	line := base
	var bad *jsontext.SyntacticError
	var wrong *json.SemanticError
	switch {
	case errors.As(err, &bad):
		line += bytes.Count(text[:min(int(bad.ByteOffset), len(text))], []byte("\n"))
	case errors.As(err, &wrong):
		line += bytes.Count(text[:min(int(wrong.ByteOffset), len(text))], []byte("\n"))
	}
	r.unknown(line, "the report is broken there; write it anew")
	return false
}

// lineOf is the line of the report on which a piece of it begins. Pieces are asked for in the order of the report.
func (r *reading) lineOf(piece []byte) int {
	if i := bytes.Index(r.text[r.at:], piece); i >= 0 {
		r.line += bytes.Count(r.text[r.at:r.at+i], []byte("\n"))
		r.at += i
	}
	return r.line
}

// each reads the elements of a list, each by itself, so that a broken one hides no other.
func each[T any](r *reading, list []jsontext.Value, take func(T, int)) {
	for _, raw := range list {
		line := r.lineOf(raw)
		stop := min(r.at+len(raw), len(r.text))
		var x T
		if r.decode(raw, &x, line) {
			take(x, line)
		}
		if r.at < stop {
			r.line += bytes.Count(r.text[r.at:stop], []byte("\n"))
			r.at = stop
		}
	}
}

// member is a member of an object.
type member struct {
	name  string
	value jsontext.Value
}

// members gives the members of an object in the order of the report. The object was decoded before, so it is well formed.
func members(object jsontext.Value) []member {
	var out []member
	d := jsontext.NewDecoder(bytes.NewReader(object))
	d.ReadToken()
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}
		m := member{name: name.String()}
		if v, err := d.ReadValue(); err == nil {
			m.value = v.Clone()
		}
		out = append(out, m)
	}
	return out
}

// object reads what begins with a brace, by its members.
func (r *reading) object() {
	d := jsontext.NewDecoder(bytes.NewReader(r.text))
	first, err := d.ReadValue()
	if err != nil {
		var any map[string]jsontext.Value
		r.decode(r.text, &any, 1)
		return
	}
	var top map[string]jsontext.Value
	if !r.decode(first, &top, 1) {
		return
	}
	has := func(names ...string) bool {
		for _, n := range names {
			if _, ok := top[n]; !ok {
				return false
			}
		}
		return true
	}
	if len(top) == 1 && (has("config") || has("progress") || has("osv") || has("finding") || has("SBOM")) {
		r.govulncheck()
		return
	}
	top = nil
	switch {
	case !r.decode(r.text, &top, 1):
	case has("runs"):
		r.sarif(top)
	case has("Issues", "Stats") || has("Issues", "Golang errors"):
		r.gosec(top)
	case has("results", "metrics"):
		r.bandit(top)
	case has("results", "errors"):
		r.semgrep(top)
	case has("auditReportVersion"):
		r.npm(top)
	case has("dependencies"):
		r.pipAudit(top["dependencies"])
	case has("site"):
		r.zap(top)
	case has("error") || has("message"):
		r.unknown(1, "the tool says that it failed; run it again")
	case flake(top):
		r.flake8()
	default:
		r.unknown(1, "no format of a tool that is known; give JSON of the tool, or SARIF 2.1.0")
	}
}

// array reads what begins with a bracket.
func (r *reading) array() {
	var list []jsontext.Value
	if !r.decode(r.text, &list, 1) {
		return
	}
	var first map[string]jsontext.Value
	if len(list) > 0 && !r.decode(list[0], &first, 1) {
		return
	}
	switch {
	case len(list) == 0:
	case first["filename"] != nil && first["location"] != nil:
		r.ruff(list)
	case first["name"] != nil:
		r.pipAudit(r.text)
	default:
		r.unknown(1, "no format of a tool that is known; give JSON of the tool, or SARIF 2.1.0")
	}
}

// file gives the path of a source below the project. A path of another machine loses folders in front until the project has such a file.
func (r *reading) file(name string) string {
	if was, ok := r.seen[name]; ok {
		return was
	}
	out := r.resolve(name)
	r.seen[name] = out
	return out
}

func (r *reading) resolve(name string) string {
	if rest, ok := strings.CutPrefix(name, "file://"); ok {
		name = rest
		if p, err := url.PathUnescape(rest); err == nil {
			name = p
		}
	}
	name = strings.ReplaceAll(name, `\`, "/")
	if len(name) > 4096 || name == "" {
		return ""
	}
	if rest, ok := strings.CutPrefix(path.Clean(name), filepath.ToSlash(r.dir)+"/"); ok {
		return rest
	}
	clean := path.Clean("/" + name)[1:]
	parts := strings.Split(clean, "/")
	for i := 0; i < len(parts) && i < 40; i++ {
		short := strings.Join(parts[i:], "/")
		if info, err := r.root.Lstat(short); err == nil && info.Mode().IsRegular() {
			return short
		}
	}
	return clean
}
