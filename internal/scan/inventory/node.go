package inventory

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// packageLock is npm's lock: packages since version 2, dependencies within each other before.
type packageLock struct {
	Version      int                     `json:"lockfileVersion"`
	Packages     map[string]nodePackage  `json:"packages"`
	Dependencies map[string]*oldNodeLock `json:"dependencies"`
}

type nodePackage struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Integrity string `json:"integrity"`
	Resolved  string `json:"resolved"`
	Link      bool   `json:"link"`
	Scripts   bool   `json:"hasInstallScript"`
	Licence   any    `json:"license"` // a text; an object in old packages
}

type oldNodeLock struct {
	Version      string                  `json:"version"`
	Resolved     any                     `json:"resolved"` // a text, or false
	Integrity    string                  `json:"integrity"`
	Dependencies map[string]*oldNodeLock `json:"dependencies"`
}

func readPackageLock(text []byte) ([]Component, error) {
	var lock packageLock
	if err := readJSON(text, &lock); err != nil {
		return nil, err
	}
	if lock.Version < 1 || lock.Version > 3 {
		return nil, breaks(1, "lockfileVersion is %d, and 1 to 3 are known; write it anew with npm install --package-lock-only", lock.Version)
	}
	var out []Component
	if lock.Packages == nil {
		err := oldNode(lock.Dependencies, 0, &out)
		return numbered(text, out), err
	}
	for where, p := range lock.Packages {
		at := strings.LastIndex(where, "node_modules/")
		if at < 0 || p.Link {
			continue // the project itself, and its workspaces
		}
		name := p.Name
		if name == "" {
			name = where[at+len("node_modules/"):]
		}
		licence, _ := p.Licence.(string)
		out = append(out, Component{Ecosystem: NPM, Name: name, Version: p.Version, Hashed: p.Integrity != "",
			Facts: Facts{Source: p.Resolved, Digests: p.Integrity, Scripts: p.Scripts, Licence: licence}})
	}
	return numbered(text, out), nil
}

// oldNode lists a lock of version 1. An alias names its package behind "npm:".
func oldNode(list map[string]*oldNodeLock, depth int, out *[]Component) error {
	if depth > maxNesting {
		return breaks(0, "dependencies nest deeper than %d; write the lock anew with npm install --package-lock-only", maxNesting)
	}
	for name, p := range list {
		if p == nil {
			return breaks(0, "%.60q has no version; write the lock anew with npm install --package-lock-only", name)
		}
		version := p.Version
		if alias, ok := strings.CutPrefix(version, "npm:"); ok {
			if at := strings.LastIndex(alias, "@"); at > 0 {
				name, version = alias[:at], alias[at+1:]
			}
		}
		if !strings.HasPrefix(version, "file:") {
			source, _ := p.Resolved.(string)
			*out = append(*out, Component{Ecosystem: NPM, Name: name, Version: version, Hashed: p.Integrity != "", Facts: Facts{Source: source, Digests: p.Integrity}})
		}
		if err := oldNode(p.Dependencies, depth+1, out); err != nil {
			return err
		}
	}
	return nil
}

// numbered finds the line of each component: the first that opens an object under its name.
func numbered(text []byte, list []Component) []Component {
	at := map[string]int{}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		key, rest, ok := strings.Cut(strings.TrimSpace(string(line)), `":`)
		if !ok || !strings.HasPrefix(strings.TrimSpace(rest), "{") {
			continue
		}
		key = strings.TrimPrefix(key, `"`)
		if i := strings.LastIndex(key, "node_modules/"); i >= 0 {
			key = key[i+len("node_modules/"):]
		}
		if at[key] == 0 {
			at[key] = n
		}
	}
	for i := range list {
		list[i].Line = at[list[i].Name]
	}
	return list
}

// readJSON reads JSON strictly; an error has its line.
func readJSON(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	if err == nil {
		return nil
	}
	var at int64
	var bad *jsontext.SyntacticError
	var odd *json.SemanticError
	switch {
	case errors.As(err, &bad):
		at = bad.ByteOffset
	case errors.As(err, &odd):
		at = odd.ByteOffset
	}
	line := 1 + bytes.Count(text[:min(max(at, 0), int64(len(text)))], []byte("\n"))
	return breaks(line, "is no lock in JSON (%.200s); write it anew by the tool that made it", err)
}

// readYarn reads yarn.lock of version 1: headers of patterns, and indented lines below them.
func readYarn(text []byte) ([]Component, error) {
	lines, err := textLines(text)
	if err != nil {
		return nil, err
	}
	var out []Component
	open := false
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "__metadata:"):
			return nil, breaks(i+1, "is a lock of Yarn 2 or later, which is not read; add a package-lock.json with npm install --package-lock-only")
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case line[0] != ' ':
			pattern, ok := strings.CutSuffix(trimmed, ":")
			if open && out[len(out)-1].Version == "" {
				return out, breaks(out[len(out)-1].Line, "an entry has no version; write the lock anew with yarn install")
			}
			name := yarnName(pattern)
			if !ok || name == "" {
				return out, breaks(i+1, "%.60q is no entry of yarn.lock; write it anew with yarn install", line)
			}
			out, open = append(out, Component{Ecosystem: NPM, Name: name, Line: i + 1}), true
		case !open:
			return out, breaks(i+1, "a line stands outside of entries; write the lock anew with yarn install")
		case strings.HasPrefix(line, "  version "):
			out[len(out)-1].Version = strings.Trim(strings.TrimPrefix(trimmed, "version "), `"`)
		case strings.HasPrefix(line, "  integrity "):
			out[len(out)-1].Hashed, out[len(out)-1].Digests = true, strings.Trim(strings.TrimPrefix(trimmed, "integrity "), `"`)
		case strings.HasPrefix(line, "  resolved "):
			out[len(out)-1].Source, _, _ = strings.Cut(strings.Trim(strings.TrimPrefix(trimmed, "resolved "), `"`), "#")
		}
	}
	if open && out[len(out)-1].Version == "" {
		return out, breaks(out[len(out)-1].Line, "the last entry has no version; write the lock anew with yarn install")
	}
	return slices.Clip(out), nil
}

// yarnName is the package of the first pattern of a header: "@scope/name@^1.0.0", and of an alias what it stands for.
func yarnName(patterns string) string {
	first, _, _ := strings.Cut(patterns, ",")
	first = strings.Trim(strings.TrimSpace(first), `"`)
	if _, alias, ok := strings.Cut(first, "@npm:"); ok && strings.Contains(alias[min(1, len(alias)):], "@") {
		first = alias
	}
	if first == "" {
		return ""
	}
	at := strings.Index(first[1:], "@")
	if at < 0 {
		return ""
	}
	return first[:at+1]
}
