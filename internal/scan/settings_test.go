package scan

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/scan/register"
)

// TestSettings: what was left open is in the register, once, without its value; a secret that is found as such is not found twice.
func TestSettings(t *testing.T) {
	r := run(t, filepath.Join("testdata", "django", "open"), "testdata/database")
	ids := map[string]bool{}
	for _, f := range r.Found() {
		if ids[f.ID] || !strings.HasPrefix(f.ID, "settings:django-") || !strings.Contains(f.Evidence, "shop/settings/") {
			t.Errorf("%+v", f)
		}
		ids[f.ID] = true
	}
	if len(ids) != 20 || len(r.Untold) > 0 {
		t.Errorf("%d findings, untold %q", len(ids), r.Untold)
	}
	dir := t.TempDir()
	key := "k3-" + "w8vQ2zR7mT1xY6pL9sD4fG0hJ5kB3nC8aE2u"
	write(t, filepath.Join(dir, "settings.py"), "ROOT_URLCONF = 'x'\nSECRET_KEY = '"+key+"'\n")
	r = run(t, dir, "testdata/database")
	if len(r.Secrets) != 1 || slices.ContainsFunc(r.Found(), func(f register.Found) bool { return strings.HasPrefix(f.ID, "settings:django-secret") }) {
		t.Errorf("%+v %+v", r.Secrets, r.Found())
	}
	if strings.Contains(fmt.Sprintf("%+v %+v", r, r.Found()), key) {
		t.Error("the report holds the value")
	}
}

// TestSecondFault: a second fault of a kind in the same file has an id of its own.
func TestSecondFault(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Dockerfile"), "FROM a:1\nENV A_TOKEN=a\nENV B_TOKEN=b\nUSER app\n")
	var ids []string
	for _, f := range run(t, dir, "testdata/database").Found() {
		ids = append(ids, f.ID)
	}
	if !slices.Equal(ids, []string{"settings:docker-secret:Dockerfile", "settings:docker-secret:Dockerfile#2"}) {
		t.Error(ids)
	}
}

// TestDeclaration: warnings of the project's own declaration are findings, and one that does not compile could not be told.
func TestDeclaration(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		warnings       []string
		err            error
		found, unknown int
	}{{[]string{"a", "b"}, nil, 2, 0}, {nil, errors.New("line 3"), 0, 1}} {
		r, err := Run(context.Background(), Config{Dir: dir, Now: now, Declared: func() ([]string, error) { return c.warnings, c.err }})
		if err != nil || len(r.Found()) != c.found || len(r.Untold) != c.unknown {
			t.Errorf("%v %+v %q", err, r.Found(), r.Untold)
		}
	}
}
