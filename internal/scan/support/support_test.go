package support

import (
	"slices"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
)

var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func judge(ecosystem, name, version string, at time.Time) (found []string, untold int) {
	r := Judge(&inventory.Inventory{Components: []inventory.Component{{Ecosystem: ecosystem, Name: name, Version: version, File: "f", Line: 1}}}, at)
	for _, f := range r.Findings {
		found = append(found, f.ID())
	}
	return found, len(r.Untold)
}

// TestEnds: an ended release is found, one that ends within 90 days is named, an unknown one could not be told.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		ecosystem, name, version string
		want                     []string
		untold                   int
	}{
		{"PyPI", "django", "3.2.25", []string{"support:ended:django 3.2"}, 0}, {"PyPI", "django", "5.2.1", nil, 0}, {"PyPI", "django", "9.9.1", nil, 1},
		{"PyPI", "other", "3.2", nil, 0}, {"Docker", "python", "3.9-slim-bullseye", []string{"support:ended:debian 11", "support:ended:python 3.9"}, 0},
		{"Docker", "python", "3.12-slim-bookworm", nil, 0}, {"Docker", "node", "20.1", []string{"support:ended:node 20"}, 0}, {"Docker", "docker.io/library/debian", "10", []string{"support:ended:debian 10"}, 0},
		{"Docker", "debian", "bookworm-slim", nil, 0}, {"Docker", "node", "99", nil, 1}, {"Docker", "registry.example/python", "3.9", nil, 0},
	} {
		got, untold := judge(c.ecosystem, c.name, c.version, now)
		if !slices.Equal(got, c.want) || untold != c.untold {
			t.Errorf("%s %s: %q, %d untold; want %q, %d", c.name, c.version, got, untold, c.want, c.untold)
		}
	}
	if got, _ := judge("PyPI", "django", "6.0", time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)); !slices.Equal(got, []string{"support:ending:django 6.0"}) {
		t.Errorf("%q", got)
	}
}

// TestOldFile: days that are older than a year tell nothing.
func TestOldFile(t *testing.T) {
	if got, untold := judge("PyPI", "django", "3.2.25", now.AddDate(1, 0, 3)); got != nil || untold != 1 {
		t.Errorf("%q, %d untold", got, untold)
	}
	if dated, end := days(); dated.IsZero() || len(end) < 30 {
		t.Errorf("%v, %d releases", dated, len(end))
	}
	for what, day := range func() map[string]time.Time { _, end := days(); return end }() {
		if day.IsZero() {
			t.Errorf("%s has no day", what)
		}
	}
}
