package osv

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open reads one entry with the events of a range, for the package x of an ecosystem.
func open(t *testing.T, ecosystem, affected string) *Database {
	t.Helper()
	dir := t.TempDir()
	text := `{"id":"H","modified":"2026-11-30T00:00:00Z","affected":[{"package":{"ecosystem":"` + ecosystem + `","name":"x"},` + affected + `}]}`
	if err := os.WriteFile(filepath.Join(dir, "h.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), dir, []Package{{ecosystem, "x"}})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestRanges: events of the OSV schema, in any order, and listed versions.
func TestRanges(t *testing.T) {
	ranges := func(events string) string { return `"ranges":[{"type":"ECOSYSTEM","events":[` + events + `]}]` }
	for _, c := range []struct{ ecosystem, affected, has, hasNot string }{
		{"PyPI", ranges(`{"introduced":"0"},{"fixed":"2.0"}`), "0.1 1.9 2.0rc1", "2.0 2.0.0 2.1"},
		{"PyPI", ranges(`{"fixed":"2.0"},{"introduced":"1.0"},{"introduced":"3.0"},{"fixed":"3.1"}`), "1.0 3.0.5", "0.9 2.5 3.1"},
		{"PyPI", ranges(`{"introduced":"1.0"},{"last_affected":"1.5"}`), "1.0 1.5 1.5.0", "0.9 1.5.post1 1.6"},
		{"PyPI", `"versions":["1.0","1.2"]`, "1.0 1.0.0 1.2", "1.1 1.3"},
		{"PyPI", ranges(`{"introduced":"0"},{"limit":"1.5"}`), "1.0", "1.5 2"},
		{"npm", ranges(`{"introduced":"1.0.0-beta.2"},{"fixed":"1.0.1"}`), "1.0.0-beta.11 1.0.0", "1.0.0-beta.1 1.0.1"},
		{"Go", ranges(`{"introduced":"0"},{"fixed":"1.2.3"}`), "v1.2.3-0.20200101000000-abcdefabcdef v1.2.2+incompatible", "v1.2.3 v1.2.4-0.20200101000000-abcdefabcdef"},
	} {
		db := open(t, c.ecosystem, c.affected)
		for _, v := range strings.Fields(c.has) {
			if a := db.Ask(c.ecosystem, "x", v); len(a.Holes) != 1 || len(a.Untold) > 0 {
				t.Errorf("%s: %s: %+v", c.affected, v, a)
			}
		}
		for _, v := range strings.Fields(c.hasNot) {
			if a := db.Ask(c.ecosystem, "x", v); len(a.Holes) != 0 || len(a.Untold) > 0 {
				t.Errorf("%s: %s: %+v", c.affected, v, a)
			}
		}
	}
}

// TestUnreadableRange: an event without a place in the order could not be told.
func TestUnreadableRange(t *testing.T) {
	if a := open(t, "PyPI", `"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"soon"}]}]`).Ask("PyPI", "x", "1"); len(a.Untold) != 1 {
		t.Errorf("%+v", a)
	}
}

// TestScores: base scores that the specification of CVSS 3.1 and NVD publish.
func TestScores(t *testing.T) {
	for vector, want := range map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H": 9.8, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H": 10, "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N": 6.1,
		"CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H": 7.2, "CVSS:3.0/AV:L/AC:H/PR:L/UI:N/S:U/C:N/I:N/A:N": 0, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H": 7.5,
	} {
		if got, ok := base(vector); !ok || got != want {
			t.Errorf("%s: %v %v, want %v", vector, got, ok, want)
		}
	}
	for _, vector := range []string{"", "CVSS:3.1/AV:N", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"} {
		if _, ok := base(vector); ok {
			t.Errorf("%s has a score", vector)
		}
	}
}

// TestAliases: a hole that two databases describe is one.
func TestAliases(t *testing.T) {
	got := merged([]Hole{{ID: "PYSEC-1", Aliases: []string{"CVE-1"}, Severity: "high"}, {ID: "GHSA-1", Aliases: []string{"CVE-1"}, Severity: "critical", Fix: "2"}, {ID: "GHSA-2", Severity: "low"}})
	if len(got) != 2 || got[0].ID != "GHSA-1" || got[0].Severity != "critical" || strings.Join(got[0].Aliases, " ") != "CVE-1 PYSEC-1" {
		t.Errorf("%+v", got)
	}
}

// TestZip: an archive is read in place, its names lead nowhere, and Update replaces a database whole or not at all.
func TestZip(t *testing.T) {
	dir := t.TempDir()
	at, home := filepath.Join(dir, "all.zip"), filepath.Join(dir, "cache", "osv")
	pack := func(text string) {
		f, err := os.Create(at)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		w, err := z.Create("../../../escape.json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if z.Close() != nil || f.Close() != nil {
			t.Fatal("the archive was not written")
		}
	}
	pack(`{"id":"H","modified":"2026-11-30T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},"versions":["1.0.0"]}]}`)
	for range 2 {
		if _, err := Update(t.Context(), at, home); err != nil {
			t.Fatal(err)
		}
	}
	pack(`{"id":`)
	if _, err := Update(t.Context(), at, home); err == nil {
		t.Fatal("a broken database was kept")
	}
	db, err := Open(t.Context(), home, []Package{{"npm", "x"}})
	if err != nil || len(db.Ask("npm", "x", "1.0.0").Holes) != 1 {
		t.Fatal(err, db)
	}
	if left, err := os.ReadDir(filepath.Dir(home)); err != nil || len(left) != 1 {
		t.Errorf("%v %v", left, err)
	}
}

// FuzzEntry: any entry is read or refused, and answers.
func FuzzEntry(f *testing.F) {
	seeds, err := filepath.Glob("../testdata/database/*.json")
	if err != nil || len(seeds) < 10 {
		f.Fatal(seeds, err)
	}
	for _, s := range seeds {
		text, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "3.2.4")
	}
	f.Fuzz(func(t *testing.T, text []byte, v string) {
		r := &reading{ctx: t.Context(), db: &Database{entries: map[string][]*Entry{}, coverage: map[string]Coverage{}}, wanted: map[string]bool{"PyPI django": true}}
		if r.entry("seed", strings.NewReader(string(text))) != nil {
			return
		}
		for _, h := range r.db.Ask("PyPI", "Django", v).Holes {
			if h.ID == "" || Rank(h.Severity) < 0 {
				t.Errorf("%+v", h)
			}
		}
	})
}
