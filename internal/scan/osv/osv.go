// Package osv reads a database of known holes in the OSV format (ossf.github.io/osv-schema) from a folder or a zip, without a network.
// It answers for one component at a time, and says when it cannot tell: an entry that cannot be evaluated is never taken for its absence.
package osv

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/scan/version"
)

// Entry is one hole, as the database describes it.
type Entry struct {
	ID        string     `json:"id"`
	Modified  time.Time  `json:"modified"`
	Withdrawn *time.Time `json:"withdrawn"`
	Aliases   []string   `json:"aliases"`
	Summary   string     `json:"summary"`
	Severity  []score    `json:"severity"`
	Affected  []affected `json:"affected"`
	Specific  specific   `json:"database_specific"`
}

type score struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type specific struct {
	Severity any `json:"severity"`
}

type affected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Severity []score  `json:"severity"`
	Ranges   []span   `json:"ranges"`
	Versions []string `json:"versions"`
}

type span struct {
	Type   string  `json:"type"`
	Events []event `json:"events"`
}

type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// Hole is an entry that a component has.
type Hole struct {
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases,omitempty"`
	Summary  string   `json:"summary,omitempty"`
	Severity string   `json:"severity"`      // critical, high, medium, low; high when the entry does not say
	Fix      string   `json:"fix,omitempty"` // the smallest later version without this hole; "": none is known
}

// Answer is what the database knows of a component.
type Answer struct {
	Holes  []Hole
	Safe   string   // the smallest later version without any known hole; "": none is known
	Untold []string // why it could not be told whether there are more
}

// Coverage says how much of an ecosystem a database holds.
type Coverage struct {
	Entries int
	Newest  time.Time // when the last of them changed
}

// Database holds the entries of the packages that were asked for.
type Database struct {
	entries  map[string][]*Entry // by ecosystem and name
	coverage map[string]Coverage
}

// Coverage says how much of an ecosystem the database holds.
func (d *Database) Coverage(ecosystem string) Coverage { return d.coverage[ecosystem] }

// key is a package as the database compares it: PyPI's names are written in many ways.
func key(ecosystem, name string) string {
	ecosystem, _, _ = strings.Cut(ecosystem, ":")
	if ecosystem == "PyPI" {
		name = strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
	}
	return ecosystem + " " + name
}

// Ask tells which holes a version of a package has.
func (d *Database) Ask(ecosystem, name, v string) Answer {
	var a Answer
	if !version.Valid(ecosystem, v) {
		return Answer{Untold: []string{fmt.Sprintf("%.64q is no version of %s; pin one", v, ecosystem)}}
	}
	entries := d.entries[key(ecosystem, name)]
	later := steps(entries, ecosystem, name, v)
	for _, e := range entries {
		has, err := e.has(ecosystem, name, v)
		if err != nil {
			a.Untold = append(a.Untold, err.Error())
			continue
		}
		if !has {
			continue
		}
		h := Hole{ID: e.ID, Aliases: e.Aliases, Summary: e.Summary, Severity: e.severity(ecosystem, name)}
		for _, to := range later {
			if still, err := e.has(ecosystem, name, to); err == nil && !still {
				h.Fix = to
				break
			}
		}
		a.Holes = append(a.Holes, h)
	}
	a.Holes = merged(a.Holes)
	if len(a.Holes) == 0 {
		return a
	}
	for _, to := range later {
		if !slices.ContainsFunc(entries, func(e *Entry) bool { has, err := e.has(ecosystem, name, to); return has || err != nil }) {
			a.Safe = to
			break
		}
	}
	return a
}

// merged drops entries that other databases wrote of the same hole: the first id of an alias stays.
func merged(holes []Hole) []Hole {
	slices.SortFunc(holes, func(a, b Hole) int { return cmp.Compare(a.ID, b.ID) })
	var out []Hole
	for _, h := range holes {
		at := slices.IndexFunc(out, func(o Hole) bool {
			return o.ID == h.ID || slices.Contains(o.Aliases, h.ID) || slices.Contains(h.Aliases, o.ID) ||
				slices.ContainsFunc(h.Aliases, func(x string) bool { return strings.HasPrefix(x, "CVE-") && slices.Contains(o.Aliases, x) })
		})
		if at < 0 {
			out = append(out, h)
			continue
		}
		o := &out[at]
		o.Fix, o.Summary = cmp.Or(o.Fix, h.Fix), cmp.Or(o.Summary, h.Summary)
		for _, x := range append([]string{h.ID}, h.Aliases...) {
			if x != o.ID && !slices.Contains(o.Aliases, x) {
				o.Aliases = append(slices.Clone(o.Aliases), x)
			}
		}
		if Rank(h.Severity) > Rank(o.Severity) {
			o.Severity = h.Severity
		}
	}
	return out
}

// steps lists the versions after v in which something was closed, smallest first.
func steps(entries []*Entry, ecosystem, name, v string) []string {
	var out []string
	for _, e := range entries {
		for _, a := range e.Affected {
			if key(a.Package.Ecosystem, a.Package.Name) != key(ecosystem, name) {
				continue
			}
			for _, r := range a.Ranges {
				for _, ev := range r.Events {
					if c, err := version.Compare(ecosystem, ev.Fixed, v); r.Type != "GIT" && ev.Fixed != "" && err == nil && c > 0 {
						out = append(out, ev.Fixed)
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { c, _ := version.Compare(ecosystem, a, b); return c })
	return slices.Compact(out)
}

// has tells whether a version has the hole, by the algorithm of the OSV schema ("Evaluation").
func (e *Entry) has(ecosystem, name, v string) (bool, error) {
	for _, a := range e.Affected {
		if key(a.Package.Ecosystem, a.Package.Name) != key(ecosystem, name) {
			continue
		}
		readable := len(a.Versions) > 0
		for _, listed := range a.Versions {
			if c, err := version.Compare(ecosystem, listed, v); listed == v || err == nil && c == 0 {
				return true, nil
			}
		}
		for _, r := range a.Ranges {
			if r.Type == "GIT" {
				continue
			}
			readable = true
			in, err := r.holds(ecosystem, v)
			if err != nil {
				return false, fmt.Errorf("%s: %w; bring the database up to date", e.ID, err)
			}
			if in {
				return true, nil
			}
		}
		if !readable {
			return false, fmt.Errorf("%s names commits of %s and no versions; read it yourself", e.ID, name)
		}
	}
	return false, nil
}

// holds tells whether a version lies in a range. Events count in the order of their versions.
func (r span) holds(ecosystem, v string) (bool, error) {
	type step struct {
		at   int // -1, 0, 1 as v stands before, at or after it
		text string
		kind int // at one version: introduced, fixed, last affected
	}
	var list []step
	limited, within := false, false
	for _, ev := range r.Events {
		text := cmp.Or(ev.Introduced, ev.Fixed, ev.LastAffected, ev.Limit)
		kind := 0
		switch {
		case ev.Fixed != "":
			kind = 1
		case ev.LastAffected != "":
			kind = 2
		}
		c := 1
		if text != "0" && text != "*" {
			var err error
			if c, err = version.Compare(ecosystem, v, text); err != nil {
				return false, err
			}
		}
		if ev.Limit != "" {
			limited = true
			within = within || text == "*" || c < 0
			continue
		}
		list = append(list, step{c, text, kind})
	}
	if limited && !within {
		return false, nil
	}
	slices.SortStableFunc(list, func(a, b step) int {
		switch {
		case a.text == b.text:
			return cmp.Compare(a.kind, b.kind)
		case a.text == "0":
			return -1
		case b.text == "0":
			return 1
		}
		c, _ := version.Compare(ecosystem, a.text, b.text)
		return cmp.Or(c, cmp.Compare(a.kind, b.kind))
	})
	in := false
	for _, s := range list {
		switch {
		case s.kind == 0 && s.at >= 0:
			in = true
		case s.kind == 1 && s.at >= 0, s.kind == 2 && s.at > 0:
			in = false
		}
	}
	return in, nil
}
