package scan

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
)

var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func run(t *testing.T, dir, database string) *Report {
	t.Helper()
	r, err := Run(context.Background(), Config{Dir: dir, Database: database, Age: 30 * 24 * time.Hour, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPlantedHoles: each project has the holes that were planted in it, at their places, and its hardened copy has none.
func TestPlantedHoles(t *testing.T) {
	planted := map[string][]string{
		"pip": {"critical CVE-2021-35042:PyPI/django 3.2.4→3.2.5/3.2.25 requirements.txt:2", "high INV-2026-1:PyPI/django 3.2.4→3.2.25/3.2.25 requirements.txt:2",
			"medium CVE-2023-32681:PyPI/requests 2.30.0→2.31.0/2.31.0 requirements.txt:4", "low INV-2026-2:PyPI/invented-shop-tools 1.4→/ requirements-more.txt:1"},
		"poetry": {"critical CVE-2021-35042:PyPI/django 3.2.4→3.2.5/3.2.25 poetry.lock:2", "high INV-2026-1:PyPI/django 3.2.4→3.2.25/3.2.25 poetry.lock:2",
			"medium CVE-2023-32681:PyPI/requests 2.30.0→2.31.0/2.31.0 poetry.lock:12"},
		"uv":     {"critical CVE-2021-35042:PyPI/django 3.2.4→3.2.5/3.2.25 uv.lock:9", "high INV-2026-1:PyPI/django 3.2.4→3.2.25/3.2.25 uv.lock:9"},
		"pylock": {"medium CVE-2023-32681:PyPI/requests 2.30.0→2.31.0/2.31.0 pylock.toml:4"},
		"node": {"critical CVE-2021-44906:npm/minimist 0.2.3→0.2.4/0.2.4 old/package-lock.json:11", "critical CVE-2021-44906:npm/minimist 1.2.5→1.2.6/1.2.6 package-lock.json:12",
			"high CVE-2021-23337:npm/lodash 4.17.20→4.17.21/4.17.21 old/package-lock.json:5,package-lock.json:8"},
		"yarn": {"critical MAL-2026-1:npm/@invented/left-padd 1.0.1→/ yarn.lock:4", "critical CVE-2021-44906:npm/minimist 1.2.5→1.2.6/1.2.6 yarn.lock:14",
			"high CVE-2021-23337:npm/lodash 4.17.20→4.17.21/4.17.21 yarn.lock:8"},
		"service": {"high CVE-2022-27664:Go/golang.org/x/net v0.0.0-20220906165145-000000000000→0.0.0-20220906165146-f3363e06e74c/0.0.0-20220906165146-f3363e06e74c go.mod:7",
			"high CVE-2021-38561:Go/golang.org/x/text v0.3.6→0.3.7/0.3.7 go.mod:6", "medium INV-2026-3:Go/stdlib 1.22.4→1.22.5/1.22.5 go.mod:3"},
		"environment": {"critical CVE-2021-35042:PyPI/django 3.2.4→3.2.5/3.2.25 venv/lib/python3.9/site-packages/Django-3.2.4.dist-info/METADATA:2",
			"high INV-2026-1:PyPI/django 3.2.4→3.2.25/3.2.25 venv/lib/python3.9/site-packages/Django-3.2.4.dist-info/METADATA:2",
			"medium CVE-2023-32681:PyPI/requests 2.30.0→2.31.0/2.31.0 venv/lib/python3.9/site-packages/requests-2.30.0.dist-info/METADATA:2"},
	}
	for name, want := range planted {
		t.Run(name, func(t *testing.T) {
			r := run(t, filepath.Join("testdata", name, "open"), "testdata/database")
			var got []string
			for _, h := range r.Holes {
				got = append(got, fmt.Sprintf("%s %s %s→%s/%s %s", h.Severity, h.Key(), h.Version, h.Fix, h.Safe, strings.Join(h.Places, ",")))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || len(r.Untold) > 0 {
				t.Errorf("got\n%s\nwant\n%s\nuntold %q", strings.Join(got, "\n"), strings.Join(want, "\n"), r.Untold)
			}
			hardened := run(t, filepath.Join("testdata", name, "hardened"), "testdata/database")
			if len(hardened.Holes) > 0 || len(hardened.Untold) > 0 || len(hardened.Components) == 0 {
				t.Errorf("hardened: %+v, untold %q, %d components", hardened.Holes, hardened.Untold, len(hardened.Components))
			}
		})
	}
}

// TestUntold: what could not be looked up is said, and is never taken for clean.
func TestUntold(t *testing.T) {
	pinned := map[string]string{"requirements.txt": "django==3.2.25\n"}
	for name, c := range map[string]struct {
		files    map[string]string
		database string
		want     string
	}{
		"no database":              {pinned, "testdata/none", "open the database"},
		"another ecosystem":        {pinned, "npm only", "no entry of PyPI"},
		"old database":             {pinned, "old", "more than 30 days ago"},
		"broken database":          {pinned, "broken", "fetch it anew"},
		"no version":               {map[string]string{"requirements.txt": "django>=3\n"}, "testdata/database", "has no version"},
		"strange version":          {map[string]string{"requirements.txt": "django==x.y\n"}, "testdata/database", "no version of PyPI"},
		"broken lock":              {map[string]string{"uv.lock": "version = 1\n[[package\n"}, "testdata/database", "uv.lock:2: "},
		"include elsewhere":        {map[string]string{"requirements.txt": "-r base.in\n"}, "testdata/database", "requirements.txt:1: includes"},
		"editable":                 {map[string]string{"requirements.txt": "-e git+https://git.example/x#egg=x\n"}, "testdata/database", "has no version"},
		"commits without versions": {map[string]string{"requirements.txt": "gitonly==1\n"}, "git", "names commits"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				write(t, filepath.Join(dir, file), text)
			}
			db := c.database
			if !strings.HasPrefix(db, "testdata") {
				db = t.TempDir()
				write(t, filepath.Join(db, "e.json"), map[string]string{
					"npm only": `{"id":"A","modified":"2026-11-30T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"}}]}`,
					"old":      `{"id":"A","modified":"2026-10-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"x"}}]}`,
					"broken":   `{"id":"A",`,
					"git":      `{"id":"A","modified":"2026-11-30T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"gitonly"},"ranges":[{"type":"GIT","events":[{"introduced":"0"}]}]}]}`,
				}[c.database])
			}
			r := run(t, dir, db)
			if len(r.Untold) != 1 || !strings.Contains(r.Untold[0], c.want) || len(r.Holes) > 0 {
				t.Errorf("untold %q, holes %v; want %q", r.Untold, r.Holes, c.want)
			}
		})
	}
}

// TestSecrets: a secret in the tree is a finding of its own, and its value is nowhere in the report.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	value := "AKIA" + "Q3EGRZ7XJ5WLTN2K"
	write(t, filepath.Join(dir, "cred.ini"), "[default]\naws_access_key_id = "+value+"\n")
	r := run(t, dir, "testdata/database")
	found := r.Found()
	if len(r.Secrets) != 1 || len(found) != 1 || found[0].Severity != "critical" || !strings.HasPrefix(found[0].ID, "secret:") || !strings.Contains(found[0].Evidence, "cred.ini:2") {
		t.Fatalf("%+v %+v, untold %q", r.Secrets, found, r.Untold)
	}
	if text := fmt.Sprintf("%+v %+v", r, found); strings.Contains(text, value) {
		t.Error("the report holds the value")
	}
}

// TestPinnedElsewhere: an open requirement beside a lock is told by the lock.
func TestPinnedElsewhere(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "requirements.txt"), "django>=3\n")
	write(t, filepath.Join(dir, "pylock.toml"), "lock-version = \"1.0\"\n[[packages]]\nname = \"Django\"\nversion = \"3.2.4\"\n")
	if r := run(t, dir, "testdata/database"); len(r.Untold) > 0 || len(r.Holes) != 2 {
		t.Errorf("untold %q, %d holes", r.Untold, len(r.Holes))
	}
}

// TestNothingLeadsOut: links out of the folder are not followed, and are named where they stand for a lock.
func TestNothingLeadsOut(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "requirements.txt"), "django==3.2.4\n")
	for from, to := range map[string]string{"requirements.txt": filepath.Join(outside, "requirements.txt"), "folder": outside, "loop": "."} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, dir, "testdata/database")
	if len(r.Components) > 0 || len(r.Untold) != 1 || !strings.Contains(r.Untold[0], "not a regular file") {
		t.Errorf("%+v, untold %q", r.Components, r.Untold)
	}
}

// TestProgram: the release of Go is read from a program; this test is one. Its modules are left out by the linker of tests.
func TestProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Read(context.Background(), filepath.Dir(self))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(inv.Components, func(c inventory.Component) bool {
		return c.Ecosystem == "Go" && c.Name == "stdlib" && c.Version != ""
	}) {
		t.Errorf("%+v", inv.Components)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
