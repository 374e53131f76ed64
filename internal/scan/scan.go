// Package scan says what a project takes from others, which known holes that brings, and what of it could not be told. It reads the
// project's files and a database of holes that is already here: it opens no connection and executes nothing of the project.
package scan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/scan/finding"
	"github.com/fastness-dev/fastness/internal/scan/inventory"
	"github.com/fastness-dev/fastness/internal/scan/osv"
	"github.com/fastness-dev/fastness/internal/scan/register"
	"github.com/fastness-dev/fastness/internal/scan/report"
	"github.com/fastness-dev/fastness/internal/scan/secret"
	"github.com/fastness-dev/fastness/internal/scan/supply"
)

// Config says what to scan and with what.
type Config struct {
	Dir      string        // the project
	Database string        // a folder or zip in the OSV format
	Age      time.Duration // how old the newest entry of an ecosystem may be; 0: any age
	Now      time.Time
	History  bool                                  // search the history of Git for secrets as well
	Declared func() (warnings []string, err error) // compiles the project's own declaration; nil: it has none
	Reports  []string                              // what tools of the team found
	CoolDown time.Duration                         // how old a version must be; what has no time is untold. 0: 7 days, where the lock has a time
}

// Hole is a known hole of a component, at every place that brings it.
type Hole struct {
	osv.Hole
	Ecosystem string   `json:"ecosystem"`
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Safe      string   `json:"safe,omitempty"` // the smallest later version without any known hole
	Places    []string `json:"places"`         // file:line
}

// Key names a hole in the register: it stays when the version changes.
func (h Hole) Key() string { return h.ID + ":" + h.Ecosystem + "/" + h.Name }

// Report is what a scan found.
type Report struct {
	*inventory.Inventory
	Holes    []Hole            `json:"holes"`
	Secrets  []secret.Finding  `json:"secrets"`
	Settings []finding.Finding `json:"settings"`
	Reported []report.Finding  `json:"reported"`
	Supply   []supply.Finding  `json:"supply"` // trust, licences, support, isolation
	Untold   []string          `json:"untold"` // what could not be told, each with what to do
}

// Run scans a project. What it could not tell stands in the report; the error is of the folder alone.
func Run(ctx context.Context, c Config) (*Report, error) {
	inv, err := inventory.Read(ctx, c.Dir)
	if err != nil {
		return nil, err
	}
	r := &Report{Inventory: inv, Holes: []Hole{}, Secrets: []secret.Finding{}, Settings: []finding.Finding{}, Reported: []report.Finding{}, Supply: []supply.Finding{}, Untold: []string{}}
	for _, p := range inv.Problems {
		r.Untold = append(r.Untold, p.String())
	}
	if err := r.holes(ctx, c); err != nil {
		return nil, err
	}
	if err := r.secrets(ctx, c); err != nil {
		return nil, err
	}
	if err := r.settings(ctx, c); err != nil {
		return nil, err
	}
	if err := r.supply(ctx, c); err != nil {
		return nil, err
	}
	if err := r.reports(ctx, c); err != nil {
		return nil, err
	}
	return r, nil
}

// secrets searches the files and the history of Git.
func (r *Report) secrets(ctx context.Context, c Config) error {
	found, searched, err := secret.Find(ctx, secret.Config{Root: c.Dir, History: c.History})
	if err != nil {
		return err
	}
	r.Secrets = append(r.Secrets, found...)
	for _, u := range searched.Unknowns {
		r.Untold = append(r.Untold, fmt.Sprintf("secrets: %s: %s", cmp.Or(u.Path, "the history"), u.Why))
	}
	if searched.More > 0 {
		r.Untold = append(r.Untold, fmt.Sprintf("secrets: %d more could not be searched; mend those above first", searched.More))
	}
	return nil
}

// SecretPlace says which rule met where. The secret itself is not in a finding.
func SecretPlace(f secret.Finding) string {
	text := fmt.Sprintf("%s in %s", f.Rule, cmp.Or(f.Path, "an object without a name"))
	if f.Line > 0 {
		text += fmt.Sprintf(":%d", f.Line)
	}
	if f.Commit != "" {
		text += ", commit " + f.Commit
	}
	if f.RemovedIn != "" {
		text += ", removed in " + f.RemovedIn
	}
	return text
}

// holes asks the database for each component. Images have no holes there.
func (r *Report) holes(ctx context.Context, c Config) error {
	var wanted []osv.Package
	ecosystems := map[string]bool{}
	for _, x := range r.Components {
		if x.Ecosystem != inventory.Docker {
			wanted = append(wanted, osv.Package{Ecosystem: x.Ecosystem, Name: x.Name})
			ecosystems[x.Ecosystem] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	db, err := osv.Open(ctx, c.Database, wanted)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Untold = append(r.Untold, err.Error())
		return nil
	}
	for _, e := range []string{inventory.PyPI, inventory.NPM, inventory.Go} {
		if !ecosystems[e] {
			continue
		}
		switch cover := db.Coverage(e); {
		case cover.Entries == 0:
			r.Untold = append(r.Untold, fmt.Sprintf("the database of holes has no entry of %s; bring one with fastness scan --update-db", e))
		case c.Age > 0 && c.Now.Sub(cover.Newest) > c.Age:
			r.Untold = append(r.Untold, fmt.Sprintf("the newest entry of %s is of %s, more than %d days ago; bring a newer one with fastness scan --update-db",
				e, cover.Newest.UTC().Format(time.DateOnly), int(c.Age.Hours()/24)))
		}
	}
	r.ask(db)
	return nil
}

// ask joins what the files say of one version of a package, and asks once. A version that one file leaves open is told by another that pins it.
func (r *Report) ask(db *osv.Database) {
	type version struct{ ecosystem, name, version string }
	places := map[version][]string{}
	var order []version
	pinned := map[string]bool{}
	for _, x := range r.Components {
		v := version{x.Ecosystem, x.Name, x.Version}
		if places[v] == nil {
			order = append(order, v)
		}
		if x.Version != "" {
			pinned[x.Ecosystem+" "+x.Name] = true
		}
		places[v] = append(places[v], place(x))
	}
	for _, v := range order {
		switch {
		case v.ecosystem == inventory.Docker:
			continue
		case v.version == "":
			if !pinned[v.ecosystem+" "+v.name] {
				r.Untold = append(r.Untold, fmt.Sprintf("%s: %s has no version; pin it, or keep a lock beside it", places[v][0], v.name))
			}
			continue
		}
		a := db.Ask(v.ecosystem, v.name, v.version)
		for _, why := range a.Untold {
			r.Untold = append(r.Untold, fmt.Sprintf("%s: %s %s: %s", places[v][0], v.name, v.version, why))
		}
		for _, h := range a.Holes {
			r.Holes = append(r.Holes, Hole{h, v.ecosystem, v.name, v.version, a.Safe, slices.Compact(slices.Sorted(slices.Values(places[v])))})
		}
	}
	slices.SortStableFunc(r.Holes, func(a, b Hole) int {
		return cmp.Or(osv.Rank(b.Severity)-osv.Rank(a.Severity), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Version, b.Version))
	})
}

// place is where a component stands.
func place(c inventory.Component) string {
	if c.Line > 0 {
		return fmt.Sprintf("%s:%d", c.File, c.Line)
	}
	return c.File
}

// Found lists the report's findings for the register: a hole that two versions of a package have is one.
func (r *Report) Found() []register.Found {
	var out []register.Found
	at := map[string]int{}
	for _, h := range r.Holes {
		evidence := fmt.Sprintf("%s %s in %s", h.Name, h.Version, strings.Join(h.Places, ", "))
		if h.Fix != "" {
			evidence += "; closed by " + h.Fix
		}
		if i, ok := at[h.Key()]; ok {
			out[i].Evidence += "; " + evidence
			continue
		}
		at[h.Key()] = len(out)
		out = append(out, register.Found{ID: h.Key(), Severity: h.Severity, Evidence: evidence})
	}
	for _, f := range r.Secrets {
		// One that a commit took out is still in every clone: it is as urgent until it is replaced.
		id := "secret:" + f.Rule + ":" + f.Path
		if f.RemovedIn != "" {
			id += "@" + f.Commit
		}
		if i, ok := at[id]; ok {
			out[i].Evidence += "; " + SecretPlace(f)
			continue
		}
		at[id] = len(out)
		out = append(out, register.Found{ID: id, Severity: "critical", Evidence: SecretPlace(f)})
	}
	return r.foundReports(append(append(out, r.foundSettings()...), r.foundSupply()...))
}
