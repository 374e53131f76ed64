package inventory

import (
	"path"
	"strings"
)

// readGoMod reads the modules that go.mod requires, after its replacements, and the release of Go that it asks for.
// Since Go 1.17 it names every module of the build.
func readGoMod(text []byte) ([]Component, error) {
	lines, err := textLines(text)
	if err != nil {
		return nil, err
	}
	m := &goMod{replaced: map[string][2]string{}}
	block := ""
	for i, line := range lines {
		indirect := false
		if before, comment, ok := strings.Cut(line, "//"); ok {
			line, indirect = before, strings.TrimSpace(comment) == "indirect" || strings.HasPrefix(strings.TrimSpace(comment), "indirect;")
		}
		known := len(m.required)
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case block != "" && f[0] == ")":
			block = ""
		case block != "":
			err = m.take(block, f, i+1)
		case len(f) == 2 && f[1] == "(" || len(f) == 1 && strings.HasSuffix(f[0], "("):
			block = strings.TrimSuffix(f[0], "(")
		default:
			err = m.take(f[0], f[1:], i+1)
		}
		if err != nil {
			return m.list(), err
		}
		if len(m.required) > known {
			m.required[known].Indirect = indirect
		}
	}
	if block != "" {
		return m.list(), breaks(len(lines), "the block %s ( is not closed; close it with )", block)
	}
	return m.list(), nil
}

// goMod is what was read of a go.mod.
type goMod struct {
	release  Component
	required []Component
	replaced map[string][2]string // by "path" or "path version": path and version in its place
}

// take reads the words of one directive.
func (m *goMod) take(verb string, words []string, line int) error {
	for i := range words {
		words[i] = strings.Trim(words[i], "\"`")
	}
	switch verb {
	case "go", "toolchain":
		if len(words) != 1 {
			return breaks(line, "%s takes one version; write it as in go 1.24.0", verb)
		}
		if v := toolchain(words[0]); v != "" {
			m.release = Component{Ecosystem: Go, Name: "stdlib", Version: v, Line: line}
		}
	case "require":
		if len(words) != 2 {
			return breaks(line, "require takes a module and a version; run go mod tidy")
		}
		m.required = append(m.required, Component{Ecosystem: Go, Name: words[0], Version: words[1], Line: line})
	case "replace":
		left, right, ok := strings.Cut(strings.Join(words, " "), " => ")
		to := strings.Fields(right)
		if !ok || len(to) == 0 || len(to) > 2 {
			return breaks(line, "replace takes MODULE => MODULE VERSION or a folder; run go mod edit -replace")
		}
		m.replaced[left] = [2]string{to[0], strings.Join(to[1:], "")}
	case "module", "exclude", "retract", "godebug", "tool", "ignore":
	default:
		return breaks(line, "%.40q is no directive of go.mod; run go mod tidy", verb)
	}
	return nil
}

// list applies the replacements. A module that a folder of the project replaces is the project's own.
func (m *goMod) list() []Component {
	var out []Component
	if m.release.Name != "" {
		out = append(out, m.release)
	}
	for _, c := range m.required {
		to, ok := m.replaced[c.Name+" "+c.Version]
		if !ok {
			to, ok = m.replaced[c.Name]
		}
		if ok && to[1] == "" {
			continue
		}
		if ok {
			c.Name, c.Version = to[0], to[1]
		}
		out = append(out, c)
	}
	return out
}

// readGoSum returns which modules a go.sum has digests of, as "path version".
func readGoSum(text []byte) (map[string]bool, error) {
	lines, err := textLines(text)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for i, line := range lines {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 || !strings.HasPrefix(f[2], "h1:") {
			return nil, breaks(i+1, "is no line of go.sum; run go mod tidy")
		}
		if !strings.HasSuffix(f[1], "/go.mod") {
			out[f[0]+" "+f[1]] = true
		}
	}
	return out, nil
}

// sums marks the modules of a go.mod that the go.sum beside it has digests of.
func (w *walk) sums(name string, found []Component) {
	if _, err := w.root.Lstat(path.Join(path.Dir(name), "go.sum")); err != nil {
		return
	}
	sum := path.Join(path.Dir(name), "go.sum")
	text, err := w.text(sum)
	if err != nil {
		w.problem(sum, err)
		return
	}
	digests, err := readGoSum(text)
	if err != nil {
		w.problem(sum, err)
		return
	}
	for i, c := range found {
		found[i].Hashed = digests[c.Name+" "+c.Version]
	}
}
