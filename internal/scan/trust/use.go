package trust

import (
	"context"
	_ "embed" // of the modules
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
	"github.com/fastness-dev/fastness/internal/scan/supply"
)

// modules says under which names packages of PyPI are imported where the names differ: "package module module". We put it together by hand.
//
//go:embed modules.txt
var modules string

// asked is a component that a project asked for by itself, and the words by which a source would use it.
type asked struct {
	inventory.Component
	words []string
}

// usage is what was asked for, and the words that were seen.
type usage struct {
	asked   []asked
	wanted  map[string]bool // ecosystem and word
	seen    map[string]bool
	sources map[string]bool // ecosystems that the project has sources of
}

// files visits the project's files once: settings of package tools, and sources that may use what was asked for.
func (j *judge) files(ctx context.Context) error {
	u := &usage{wanted: map[string]bool{}, seen: map[string]bool{}, sources: map[string]bool{}}
	j.ask(u)
	err := supply.Walk(ctx, j.root, false, func(name string) error {
		ecosystem := language(name)
		base := path.Base(name)
		setting := base == "pip.conf" || base == ".npmrc" || base == "pip.ini" || base == "pyproject.toml"
		if ecosystem == "" && !setting && !text(name) || j.kinds[name] != "" {
			return nil
		}
		body, err := supply.Read(j.root, name)
		if err != nil {
			j.report.Unsure("trust: %s: %s", name, err)
			return nil
		}
		if setting {
			j.setting(name, string(body))
		}
		if ecosystem != "" {
			u.sources[ecosystem] = true
		}
		if base == "package.json" {
			body = withoutDependencies(body)
		}
		u.look(ecosystem, string(body))
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range u.asked {
		if u.sources[a.Ecosystem] && !slices.ContainsFunc(a.words, func(w string) bool { return u.seen[a.Ecosystem+" "+w] }) {
			j.add("unused", "low", a.Component, a.Name+" is asked for, and no source names it", "take it out, or accept it when a tool uses it")
		}
	}
	return nil
}

// language is the ecosystem of a source file.
func language(name string) string {
	switch path.Ext(name) {
	case ".py", ".pyi", ".ipynb":
		return inventory.PyPI
	case ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx", ".vue", ".svelte":
		return inventory.NPM
	case ".go":
		return inventory.Go
	}
	return ""
}

// text tells whether a file may name what a tool uses: servers, plugins and drivers are seldom imported.
func text(name string) bool {
	base := path.Base(name)
	return slices.Contains([]string{".toml", ".cfg", ".ini", ".yml", ".yaml", ".json", ".sh", ".html", ".env", ".conf", ".css", ".scss"}, path.Ext(name)) ||
		strings.Contains(strings.ToLower(base), "dockerfile") || base == "Procfile" || base == "Makefile"
}

// compiled are the marks of requirements that a tool wrote: then most were asked for by others.
var compiled = regexp.MustCompile(`(?m)#\s*via\b|--hash`)

// aside are words of file names whose packages are for tools.
var aside = regexp.MustCompile(`(?i)dev|test|lint|doc|ci|tool|build|constraint|lock|freeze`)

// ask lists what the project asks for by itself: requirements that no tool wrote, package.json, and go.mod.
func (j *judge) ask(u *usage) {
	byHand := map[string]bool{}
	for _, x := range j.Inventory.Components {
		switch kind := j.kinds[x.File]; {
		case kind == "go.mod" && x.Name != "stdlib" && !x.Indirect:
			if u.replaced(j, x) {
				continue
			}
			u.add(x, x.Name)
		case kind == "requirements.txt" && x.Source == "":
			if _, ok := byHand[x.File]; !ok {
				body, err := supply.Read(j.root, x.File)
				byHand[x.File] = err == nil && !compiled.Match(body) && !aside.MatchString(x.File)
			}
			if byHand[x.File] {
				u.add(x, imported(x.Name)...)
			}
		case kind == "package-lock.json" && path.Base(x.File) == "package-lock.json":
			manifest := path.Join(path.Dir(x.File), "package.json")
			if j.direct(manifest)[x.Name] && !strings.HasPrefix(x.Name, "@types/") {
				u.add(x, x.Name)
			}
		}
	}
}

// replaced tells whether go.mod names the module otherwise than a source would: behind an arrow, or as a tool.
func (u *usage) replaced(j *judge, x inventory.Component) bool {
	body, err := supply.Read(j.root, x.File)
	text := string(body)
	return err != nil || strings.Contains(text, "=> "+x.Name) || strings.Contains(text, "tool "+x.Name) || strings.Contains(text, "\t"+x.Name+"\n") ||
		strings.Contains(text, "tool (") && strings.Contains(text, "\t"+x.Name+"/")
}

// direct are the packages that a package.json asks for. One that cannot be read asks for none: the lock is judged all the same.
func (j *judge) direct(name string) map[string]bool {
	body, err := supply.Read(j.root, name)
	if err != nil {
		return nil
	}
	var manifest struct {
		Dependencies map[string]any `json:"dependencies"`
	}
	if json.Unmarshal(body, &manifest) != nil {
		return nil
	}
	out := map[string]bool{}
	for name := range manifest.Dependencies {
		out[name] = true
	}
	return out
}

// withoutDependencies is a package.json without the lists that name each dependency.
func withoutDependencies(body []byte) []byte {
	var manifest map[string]any
	if json.Unmarshal(body, &manifest) != nil {
		return nil
	}
	for _, key := range []string{"dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "overrides"} {
		delete(manifest, key)
	}
	out, err := json.Marshal(manifest)
	if err != nil {
		return nil
	}
	return out
}

// add takes a component that was asked for.
func (u *usage) add(x inventory.Component, words ...string) {
	u.asked = append(u.asked, asked{x, words})
	for _, w := range words {
		u.wanted[x.Ecosystem+" "+w] = true
	}
}

// imported are the words by which a source of Python would use a package: those of the table, else its own name and the longer parts of it.
func imported(name string) []string {
	for line := range strings.Lines(modules) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return append(f[1:], strings.ReplaceAll(name, "-", "_"))
		}
	}
	out := []string{strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", "")}
	for _, part := range strings.Split(name, "-") {
		if len(part) >= 4 && part != "python" && part != "django" && part != "flask" || len(name) < 4 {
			out = append(out, part)
		}
	}
	return out
}

// look notes which of the wanted words a text holds. A text of no language speaks for all.
func (u *usage) look(ecosystem, body string) {
	words := strings.FieldsFunc(body, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_@/.~-", r)
	})
	for _, w := range words {
		if ecosystem == inventory.Go || ecosystem == "" {
			for p := w; strings.Contains(p, "/"); p = path.Dir(p) {
				u.note(inventory.Go, p)
				if strings.HasPrefix(p, "/") {
					break
				}
			}
		}
		if ecosystem == inventory.NPM || ecosystem == "" {
			parts := strings.SplitN(w, "/", 3)
			u.note(inventory.NPM, parts[0])
			if len(parts) > 1 {
				u.note(inventory.NPM, parts[0]+"/"+parts[1])
			}
		}
		if ecosystem == inventory.PyPI || ecosystem == "" {
			for _, p := range strings.FieldsFunc(strings.ToLower(w), func(r rune) bool { return strings.ContainsRune("@/.~-", r) }) {
				u.note(inventory.PyPI, p)
			}
		}
	}
}

func (u *usage) note(ecosystem, word string) {
	if key := ecosystem + " " + word; u.wanted[key] {
		u.seen[key] = true
	}
}

// settingLine are the lines of pip.conf, .npmrc and pyproject.toml that say where packages come from.
var settingLine = regexp.MustCompile(`^\s*(index-url|extra-index-url|find-links|trusted-host|(?:@[a-z0-9._-]+:)?registry)\s*=\s*"?(\S+?)"?\s*$`)

// sourceTable begins a source of poetry or an index of uv.
var sourceTable = regexp.MustCompile(`^\s*\[\[tool\.(?:poetry\.source|uv\.index)\]\]`)

// setting judges the settings of package tools.
func (j *judge) setting(name, body string) {
	within := false
	for i, line := range strings.Split(body, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "[") {
			within = sourceTable.MatchString(line)
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && within && strings.TrimSpace(key) == "url" {
			j.index(name, i+1, "index-url", strings.Trim(strings.TrimSpace(value), `"'`))
		}
		m := settingLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if strings.HasSuffix(m[1], "registry") {
			m[1] = "registry"
		}
		j.index(name, i+1, m[1], m[2])
	}
}
