package scan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/osv"
	"github.com/fastness-dev/fastness/internal/scan/register"
	"github.com/fastness-dev/fastness/internal/scan/report"
)

// maxPlaces is how many places a finding of many names.
const maxPlaces = 5

// reports reads what tools found.
func (r *Report) reports(ctx context.Context, c Config) error {
	if len(c.Reports) == 0 {
		return nil
	}
	got, err := report.Read(ctx, c.Dir, c.Reports)
	if err != nil {
		return err
	}
	r.Reported = append(r.Reported, got.Findings...)
	for _, u := range got.Unknowns {
		r.Untold = append(r.Untold, "report: "+u)
	}
	return nil
}

// group is a finding of one or more tools.
type group struct {
	id, severity string
	first        report.Finding
	places       []string
	tools        []string
	joins        int // the finding of ours that it is; -1: none
}

// place takes one more place and tool.
func (g *group) add(f report.Finding, place string) {
	tool := f.Tool + " " + f.Rule
	if !slices.Contains(g.tools, tool) && len(g.tools) < maxPlaces {
		g.tools = append(g.tools, tool)
	}
	if osv.Rank(f.Severity) > osv.Rank(g.severity) {
		g.severity = f.Severity
	}
	if place != "" && (len(g.places) == 0 || g.places[len(g.places)-1] != place) {
		g.places = append(g.places, place)
	}
}

// evidence says what was found, where and by which tools.
func (g *group) evidence() string {
	places := strings.Join(g.places[:min(len(g.places), maxPlaces)], ", ")
	if more := len(g.places) - maxPlaces; more > 0 {
		places += fmt.Sprintf(" and %d more", more)
	}
	f, text := g.first, ""
	switch f.Kind {
	case report.Hole:
		text = strings.TrimSpace(f.Package + " " + f.Version)
		if f.Fix != "" {
			text += "; closed by " + f.Fix
		}
	default:
		text = strings.TrimSpace(f.Title + " in " + places)
	}
	return text + " (" + strings.Join(g.tools, ", ") + ")"
}

// foundReports joins what tools found with what is known already: a fault of the same family at the same place is one, and so is a hole of a
// package that two name by an alias. What is new comes behind.
func (r *Report) foundReports(known []register.Found) []register.Found {
	at := r.knownPlaces(known)
	groups := map[string]*group{}
	var order []*group
	seen := numbers{}
	for _, f := range r.Reported {
		keys, id, place := keysOf(f)
		var g *group
		for _, k := range keys {
			if g = groups[k]; g != nil {
				break
			}
		}
		if g == nil {
			g = &group{first: f, severity: f.Severity, joins: -1}
			for _, k := range keys {
				if i, ok := at[k]; ok {
					g.joins = i
					break
				}
			}
			if g.joins < 0 {
				g.id = id
				if f.Kind == report.Code {
					g.id = seen.id(id)
				}
			}
			order = append(order, g)
		}
		for _, k := range keys {
			if groups[k] == nil {
				groups[k] = g
			}
		}
		g.add(f, place)
	}
	for _, g := range order {
		if g.joins >= 0 {
			known[g.joins].Evidence += "; also " + strings.Join(g.tools, ", ")
			continue
		}
		known = append(known, register.Found{ID: g.id, Severity: g.severity, Evidence: g.evidence()})
	}
	return known
}

// keysOf gives what a finding is compared by, its id in the register, and its place.
func keysOf(f report.Finding) (keys []string, id, place string) {
	switch f.Kind {
	case report.Hole:
		name := f.Ecosystem + "/" + packageName(f.Ecosystem, f.Package)
		best := f.IDs[0]
		for _, want := range []string{"GHSA-", "CVE-"} {
			for _, x := range f.IDs {
				if strings.HasPrefix(x, want) {
					best = x
				}
			}
		}
		for _, x := range f.IDs {
			keys = append(keys, "hole "+x+":"+name)
		}
		return keys, best + ":" + name, ""
	case report.Lint:
		return []string{"lint " + f.Rule}, "lint:" + f.Rule, fmt.Sprintf("%s:%d", f.File, f.Line)
	case report.Remote:
		site, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(f.Where, "https://"), "http://"), "/")
		return []string{"remote " + f.Tool + " " + f.Rule + " " + site}, "remote:" + f.Tool + "/" + f.Rule + ":" + site, f.Where
	}
	return []string{codeKey(f.File, f.Line, f.Family)}, "code:" + f.Family + ":" + f.File, fmt.Sprintf("%s:%d", f.File, f.Line)
}

// codeKey is what faults of sources are compared by.
func codeKey(file string, line int, family string) string {
	return fmt.Sprintf("code %s:%d %s", file, line, family)
}

// packageName is a name as its ecosystem compares it.
func packageName(ecosystem, name string) string {
	if ecosystem != "PyPI" {
		return name
	}
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
}

// knownPlaces says which finding of ours stands where.
func (r *Report) knownPlaces(known []register.Found) map[string]int {
	index := map[string]int{}
	for i, k := range known {
		index[k.ID] = i
	}
	at := map[string]int{}
	for _, h := range r.Holes {
		for _, id := range append([]string{h.ID}, h.Aliases...) {
			at["hole "+id+":"+h.Ecosystem+"/"+packageName(h.Ecosystem, h.Name)] = index[h.Key()]
		}
	}
	for _, f := range r.Secrets {
		if i, ok := index["secret:"+f.Rule+":"+f.Path]; ok && f.RemovedIn == "" {
			at[codeKey(f.Path, f.Line, report.Family("CWE-798"))] = i
		}
	}
	seen := numbers{}
	for _, f := range r.Settings {
		at[codeKey(f.File, f.Line, report.Family(f.CWE))] = index[seen.id("settings:"+f.Rule+":"+f.File)]
	}
	return at
}

// Tools lists what tools found and we did not.
func (r *Report) Tools() []register.Found {
	bare := *r
	bare.Reported = nil
	return r.Found()[len(bare.Found()):]
}
