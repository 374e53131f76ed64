package trust

import (
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

// judged writes a project and lists what is found in it, as "rule subject".
func judged(t *testing.T, files map[string]string, coolDown time.Duration) (found, untold []string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inv, err := inventory.Read(t.Context(), dir)
	if err != nil || len(inv.Problems) > 0 {
		t.Fatal(err, inv)
	}
	rep, err := Find(t.Context(), Config{Dir: dir, Inventory: inv, Now: now, CoolDown: coolDown})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Findings {
		found = append(found, strings.TrimPrefix(f.Rule, "trust:")+" "+f.Subject)
	}
	return found, rep.Untold
}

var (
	good = " --hash=sha256:" + strings.Repeat("0a", 32)
	sri  = "sha512-" + strings.Repeat("A", 86) + "=="
)

// node is a package-lock.json with one package.
func node(name, fields string) map[string]string {
	return map[string]string{"package-lock.json": fmt.Sprintf("{\"lockfileVersion\":3,\"packages\":{\"node_modules/%s\":{\"version\":\"1.0.0\",%s}}}", name, fields)}
}

// uv is a uv.lock with one package.
func uv(source, upload string) map[string]string {
	return map[string]string{"uv.lock": "version = 1\n[[package]]\nname = \"lantern\"\nversion = \"1.0\"\nsource = { " + source + " }\nwheels = [ { url = \"https://files.pythonhosted.org/x.whl\", hash = \"sha256:" +
		strings.Repeat("0a", 32) + "\"" + upload + " } ]\n"}
}

// TestPlanted: each planted fault is found once, and its hardened copy is silent.
func TestPlanted(t *testing.T) {
	pip := func(text string) map[string]string { return map[string]string{"requirements.txt": text} }
	sound := `"resolved":"https://registry.npmjs.org/lantern/-/lantern-1.0.0.tgz","integrity":"` + sri + `"`
	for name, c := range map[string]struct {
		open, hardened map[string]string
		want           string
	}{
		"no hashes":     {pip("lantern==1\nbeacon==2\n"), pip("lantern==1" + good + "\nbeacon==2" + good + "\n"), "no-hashes requirements.txt"},
		"one unhashed":  {pip("lantern==1" + good + "\nbeacon==2\n"), pip("lantern==1" + good + "\n"), "unhashed PyPI/beacon"},
		"weak hash":     {pip("lantern==1 --hash=md5:" + strings.Repeat("0a", 16) + "\n"), pip("lantern==1" + good + "\n"), "weak-hash PyPI/lantern"},
		"bad hash":      {pip("lantern==1 --hash=sha256:0a\n"), pip("lantern==1" + good + "\n"), "bad-hash PyPI/lantern"},
		"sha1 of npm":   {node("lantern", `"integrity":"sha1-AAAA"`), node("lantern", sound), "weak-hash npm/lantern"},
		"second index":  {pip("--extra-index-url https://pkgs.example/simple\n"), pip("--index-url https://pypi.org/simple\n"), "second-index requirements.txt"},
		"other index":   {pip("-i https://pkgs.example/simple\n"), pip("-i https://pypi.org/simple\n"), "other-index requirements.txt"},
		"trusted host":  {pip("--trusted-host pkgs.example\n"), pip("# --trusted-host pkgs.example\n"), "trusted-host requirements.txt"},
		"poetry source": {map[string]string{"pyproject.toml": "[[tool.poetry.source]]\nname = \"x\"\nurl = \"https://pkgs.example/simple\"\n"}, map[string]string{"pyproject.toml": "[project]\nurl = \"https://pkgs.example\"\n"}, "other-index pyproject.toml"},
		"npmrc":         {map[string]string{".npmrc": "@shop:registry=https://pkgs.example/\n"}, map[string]string{".npmrc": "registry=https://registry.npmjs.org/\n"}, "other-index .npmrc"},
		"git":           {pip("lantern @ git+https://git.example/lantern@0a1b" + good + "\n"), pip("lantern==1" + good + "\n"), "repository PyPI/lantern"},
		"url":           {uv(`url = "https://pkgs.example/x.whl"`, ""), uv(`registry = "https://pypi.org/simple"`, ""), "other-source PyPI/lantern"},
		"npm elsewhere": {node("lantern", `"resolved":"https://pkgs.example/l.tgz","integrity":"`+sri+`"`), node("lantern", sound), "other-source npm/lantern"},
		"no TLS":        {node("lantern", `"resolved":"http://registry.npmjs.org/l.tgz","integrity":"`+sri+`"`), node("lantern", sound), "plain-source npm/lantern"},
		"script":        {node("lantern", sound+`,"hasInstallScript":true`), node("lantern", sound), "install-script npm/lantern"},
		"too new":       {uv(`registry = "https://pypi.org/simple"`, `, upload-time = "2026-11-28T00:00:00Z"`), uv(`registry = "https://pypi.org/simple"`, `, upload-time = "2026-10-28T00:00:00Z"`), "too-new PyPI/lantern"},
		"look-alike":    {pip("requests-oauth==1" + good + "\n"), pip("requests-oauthlib==1" + good + "\n"), "look-alike PyPI/requests-oauth"},
		"unpinned":      {pip("lantern>=1" + good + "\n"), pip("lantern==1" + good + "\n"), "unpinned PyPI/lantern"},
		"image":         {map[string]string{"Dockerfile": "FROM registry.example/run\n"}, map[string]string{"Dockerfile": "FROM registry.example/run:1\n"}, "unpinned Docker/registry.example/run"},
		"duplicate":     {pip("lantern==1" + good + "\nlantern==2" + good + "\n"), pip("lantern==1" + good + "\n"), "duplicate PyPI/lantern"},
		"unused of Go": {map[string]string{"go.mod": "module x\nrequire lantern.example/a v1.0.0\n", "go.sum": "lantern.example/a v1.0.0 h1:AA=\n", "a.go": "package a\n"},
			map[string]string{"go.mod": "module x\nrequire lantern.example/a v1.0.0\n", "go.sum": "lantern.example/a v1.0.0 h1:AA=\n", "a.go": "package a\nimport _ \"lantern.example/a/b\"\n"}, "unused Go/lantern.example/a"},
		"unused of npm": {merge(node("lantern", sound), map[string]string{"package.json": `{"dependencies":{"lantern":"1"}}`, "a.js": "x()\n"}),
			merge(node("lantern", sound), map[string]string{"package.json": `{"dependencies":{"lantern":"1"}}`, "a.js": "require('lantern/x')\n"}), "unused npm/lantern"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, untold := judged(t, c.open, 0); !slices.Equal(got, []string{c.want}) || len(untold) > 0 {
				t.Errorf("got %q, untold %q; want %q", got, untold, c.want)
			}
			if got, untold := judged(t, c.hardened, 0); len(got) > 0 || len(untold) > 0 {
				t.Errorf("hardened: %q, untold %q", got, untold)
			}
		})
	}
}

func merge(a, b map[string]string) map[string]string {
	for k, v := range b {
		a[k] = v
	}
	return a
}

// TestUnusedOfPython: names of packages and of modules differ; what is not sure is no finding.
func TestUnusedOfPython(t *testing.T) {
	got, _ := judged(t, map[string]string{"requirements.txt": "pyyaml==1\npillow==1\nlantern==1\ngunicorn==1\npsycopg2-binary==1\n", "Procfile": "web: gunicorn shop\n",
		"shop.py": "import yaml\nfrom PIL import Image\nE = 'django.db.backends.postgresql'\n"}, 0)
	if !slices.Equal(got, []string{"no-hashes requirements.txt", "unused PyPI/lantern"}) {
		t.Errorf("%q", got)
	}
}

// TestLookAlike: names that were used in attacks are seen; well-known names never are.
func TestLookAlike(t *testing.T) {
	for _, c := range [][3]string{{"PyPI", "reqeusts", "requests"}, {"PyPI", "djnago", "django"}, {"PyPI", "colourama", "colorama"}, {"PyPI", "python-requests", "requests"}, {"PyPI", "nunpy", ""},
		{"npm", "crossenv", "cross-env"}, {"npm", "lodahs", "lodash"}, {"npm", "expresss", "express"}, {"Go", "github.com/siruspen/logrus", "github.com/sirupsen/logrus"},
		{"Go", "github.com/jackc/pgx/v4", ""}, {"PyPI", "shop", ""}} {
		if got := lookAlike(c[0], c[1]); got != c[2] {
			t.Errorf("%s %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
	for _, e := range []string{"PyPI", "npm", "Go"} {
		list := wellKnown(e)
		if len(list) < 80 || len(list) > 500 {
			t.Errorf("%s: %d names", e, len(list))
		}
		for _, n := range list {
			if got := lookAlike(e, n); got != "" {
				t.Errorf("%s: %s looks like %s", e, n, got)
			}
		}
	}
	if got, _ := judged(t, node("l\u043edash", `"integrity":"`+sri+`"`), 0); !slices.Equal(got, []string{"look-alike npm/l\u043edash"}) {
		t.Errorf("%q", got)
	}
}

// TestCoolDownUntold: who asks for a cool-down is told where the lock has no times.
func TestCoolDownUntold(t *testing.T) {
	if _, untold := judged(t, node("lantern", `"integrity":"`+sri+`"`), 24*time.Hour); len(untold) != 1 || !strings.Contains(untold[0], "--cool-down") {
		t.Errorf("%q", untold)
	}
}

// TestOwnLocks: the locks of this repository have no look-alikes.
func TestOwnLocks(t *testing.T) {
	for _, dir := range []string{"../../../.ci/npm", "../../identity/oidc/testdata/provider"} {
		inv, err := inventory.Read(t.Context(), dir)
		if err != nil || len(inv.Components) < 5 {
			t.Fatal(err, len(inv.Components))
		}
		rep, err := Find(t.Context(), Config{Dir: dir, Inventory: inv, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range rep.Findings {
			if f.Rule == "trust:look-alike" || f.Rule == "trust:unhashed" || f.Rule == "trust:bad-hash" {
				t.Errorf("%+v", f)
			}
		}
	}
}
