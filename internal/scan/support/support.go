// Package support tells which releases of Python, Node, Django and Debian that a project stands on are no longer mended, or soon will not
// be. The days are a dated file of ours; when it is older than a year, or does not know a release, that could not be told.
package support

import (
	_ "embed" // of the days
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
	"github.com/fastness-dev/fastness/internal/scan/supply"
)

// Limits of time.
const (
	ahead = 90 * 24 * time.Hour  // how long before its end a release is named
	fresh = 366 * 24 * time.Hour // how old the file may be
)

// ends is "dated DAY", and lines of product, release and the day its support ends.
//
//go:embed ends.txt
var ends string

// days reads the file: the day it is of, and the end of each "product release".
func days() (dated time.Time, end map[string]time.Time) {
	end = map[string]time.Time{}
	for line := range strings.Lines(ends) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "dated":
			dated, _ = time.Parse(time.DateOnly, f[1])
		case len(f) == 3 && f[0] != "#":
			end[f[0]+" "+f[1]], _ = time.Parse(time.DateOnly, f[2])
		}
	}
	return dated, end
}

// release begins a version: one number or two.
var release = regexp.MustCompile(`^v?([0-9]+)(?:\.([0-9]+))?`)

// codenames are tags of Debian's images.
var codenames = map[string]string{"stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13"}

// Judge judges the components of a project.
func Judge(inv *inventory.Inventory, now time.Time) supply.Report {
	var r supply.Report
	dated, end := days()
	for _, x := range inv.Components {
		for _, product := range products(x) {
			if now.Sub(dated) > fresh {
				r.Unsure("support: the days of the ends of support are of %s; take a newer fastness", dated.Format(time.DateOnly))
				return r
			}
			day, known := end[product]
			f := supply.Finding{Rule: "support:ended", Subject: product, Severity: "high", File: x.File, Line: x.Line, Do: "move to a release that is mended"}
			switch {
			case !known:
				r.Unsure("support: %s (%s): the end of its support is not known here; look it up", product, f.Place())
			case now.After(day):
				f.Text = fmt.Sprintf("%s is no longer mended since %s", product, day.Format(time.DateOnly))
				r.Add(f)
			case day.Sub(now) < ahead:
				f.Rule, f.Severity, f.Text = "support:ending", "medium", fmt.Sprintf("%s is mended until %s only", product, day.Format(time.DateOnly))
				r.Add(f)
			}
		}
	}
	r.Sort()
	return r
}

// products are the releases that a component names, as "product release".
func products(x inventory.Component) []string {
	m := release.FindStringSubmatch(x.Version)
	minor := func(product string) []string {
		if m == nil || m[2] == "" {
			return nil
		}
		return []string{product + " " + m[1] + "." + m[2]}
	}
	if x.Ecosystem == inventory.PyPI && x.Name == "django" {
		return minor("django")
	}
	if x.Ecosystem != inventory.Docker {
		return nil
	}
	var out []string
	name := strings.TrimPrefix(strings.TrimPrefix(x.Name, "docker.io/"), "library/")
	switch {
	case name == "python":
		out = minor("python")
	case (name == "node" || name == "debian") && m != nil:
		out = []string{name + " " + m[1]}
	}
	for _, word := range strings.Split(x.Version, "-") {
		if n := codenames[word]; n != "" && (name != "debian" || m == nil) {
			out = append(out, "debian "+n)
		}
	}
	return out
}
