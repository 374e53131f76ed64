package settings

import (
	"path"
	"regexp"
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/source"
)

// star matches what is relative in from .base import *.
var star = regexp.MustCompile(`^(\.*)([A-Za-z0-9_.]*)$`)

// imports reads from X import Y.
func (m *module) imports() {
	line := m.line()
	var from strings.Builder
	for m.at++; !m.is(source.Word, "import") && m.toks[m.at].Kind != source.Newline && m.toks[m.at].Kind != source.End; m.at++ {
		from.WriteString(m.toks[m.at].Text)
	}
	top, _, _ := strings.Cut(from.String(), ".")
	m.modules[top], m.modules[from.String()] = true, true
	if !m.take(source.Word, "import") || m.mode == skip {
		return
	}
	if !m.is(source.Mark, "*") {
		for ; m.toks[m.at].Kind != source.Newline && m.toks[m.at].Kind != source.End && !m.is(source.Mark, ";"); m.at++ {
			if t := m.toks[m.at]; t.Kind == source.Word && m.inside == 0 && t.Text == strings.ToUpper(t.Text) {
				m.vars[t.Text] = value{line: line, file: m.name}
			}
		}
		return
	}
	m.at++
	if m.inside == 0 {
		m.merge(from.String(), line)
	}
}

// merge takes all names of another module of the project. One for development that may be missing is missing in production.
func (m *module) merge(from string, line int) {
	if m.merges++; m.merges > maxStars {
		m.unsure(line)
		return
	}
	name := m.find(from)
	if m.guarded > 0 && (name == "" || development(name)) || m.guarded > 0 && development(strings.ReplaceAll(from, ".", "/")+".py") {
		return
	}
	var other *module
	if name != "" {
		var known bool
		if other, known = m.s.modules[name]; !known && m.chain < maxImports {
			if src, ok := m.s.text(name, nil); ok {
				other = m.s.load(name, src, m.chain+1)
			}
		}
	}
	if other == nil || m.mode == maybe || len(other.vars) > maxNames {
		m.unsure(line)
		return
	}
	m.stars = append(m.stars, name)
	if other.dynamic != nil && m.dynamic == nil {
		m.dynamic = other.dynamic
	}
	for k, v := range other.vars {
		m.vars[k] = v
	}
}

// find names the file of a module, near this one or in a folder above it; "" is none of the project's.
func (m *module) find(from string) string {
	parts := star.FindStringSubmatch(from)
	if parts == nil {
		return ""
	}
	rest := strings.ReplaceAll(parts[2], ".", "/")
	dir := path.Dir(m.name)
	for range max(0, len(parts[1])-1) {
		dir = path.Dir(dir)
	}
	for {
		for _, name := range []string{path.Join(dir, rest+".py"), path.Join(dir, rest, "__init__.py")} {
			if info, err := m.s.root.Lstat(name); err == nil && info.Mode().IsRegular() && name != m.name {
				return name
			}
		}
		if dir == "." || parts[1] != "" {
			return ""
		}
		dir = path.Dir(dir)
	}
}
