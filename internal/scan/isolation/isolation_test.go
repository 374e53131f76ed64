package isolation

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fastness-dev/fastness/internal/scan/inventory"
)

const meta = "Name: lantern\nVersion: 1.0\n"

// TestPlanted: each planted fault is found once, and a sound environment is silent.
func TestPlanted(t *testing.T) {
	at := func(python string) string {
		return "venv/lib/" + python + "/site-packages/lantern-1.0.dist-info/METADATA"
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"sound":          {map[string]string{"venv/pyvenv.cfg": "include-system-site-packages = false\n", at("python3.12"): meta, "requirements.txt": "lantern==1\n"}, nil},
		"shared":         {map[string]string{"venv/pyvenv.cfg": "include-system-site-packages = true\n", at("python3.12"): meta}, []string{"isolation:shared:venv/pyvenv.cfg"}},
		"mixed":          {map[string]string{"venv/pyvenv.cfg": "", at("python3.12"): meta, at("python3.9"): meta}, []string{"isolation:mixed:venv"}},
		"no environment": {map[string]string{"lib/lantern-1.0.dist-info/METADATA": meta}, []string{"isolation:no-environment:lib"}},
		"drift":          {map[string]string{"venv/pyvenv.cfg": "", at("python3.12"): meta, "requirements.txt": "lantern==2\n"}, []string{"isolation:drift:PyPI/lantern"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				file = filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			inv, err := inventory.Read(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Judge(dir, inv)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range r.Findings {
				got = append(got, f.ID())
			}
			if !slices.Equal(got, c.want) || len(r.Untold) > 0 {
				t.Errorf("%q, untold %q; want %q", got, r.Untold, c.want)
			}
		})
	}
}
