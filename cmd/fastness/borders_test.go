package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const borders = `version: 1
service: {name: borders}
ORGS
roles: {clerk: {}}
collections:
  notes:
    PER
    fields: {text: {type: text, max: 9, unique: true}}
    allow: [{to: read}]
`

// TestRowsGetNoOrganisationByThemselves: a collection that holds rows does not become per: organisation, and says what to do; doing that
// works, on both databases: the rows are written out, removed, and imported into an organisation.
func TestRowsGetNoOrganisationByThemselves(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T) string{"sqlite": func(*testing.T) string { return "" }, "postgres": scratchDatabase} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			write := func(p *press, orgs, per string) {
				text := strings.NewReplacer("ORGS", orgs, "PER", per).Replace(borders)
				if url != "" {
					text += "store: \"${env:DATABASE_URL}\"\n"
				}
				if err := os.WriteFile(filepath.Join(p.dir, "fastness.yaml"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p := newServer(t, borders, "DATABASE_URL="+url)
			write(p, "", "ids: random")
			dev, why := "--env=development", []string{"--system", "--reason=test", "--env=development"}
			p.run(append([]string{"rows", "create", "notes", `{"text": "kept"}`}, why...)...)
			export := p.run(append([]string{"rows", "export", "notes"}, why...)...)
			id := strings.Split(export, `"`)[3]

			organised := "organisations: {sign_up: create, roles: [owner]}"
			write(p, organised, "per: organisation")
			if out := p.fails("users", "list", dev); !strings.Contains(out, "notes: became per: organisation") || !strings.Contains(out, "--org ID") {
				t.Fatalf("a collection with rows: %s", out)
			}
			write(p, "", "ids: random")
			p.run(append([]string{"rows", "delete", "notes", id, "--yes"}, why...)...)
			write(p, organised, "per: organisation")
			p.run("users", "add", "ada@borders.example", dev)
			org := strings.TrimSpace(p.run("organisations", "add", "Herons", "--owner", "ada@borders.example", dev))
			file := p.file("notes.jsonl", export)
			p.run(append([]string{"rows", "import", "notes", file, "--org", org}, why...)...)
			if out := p.run("rows", "list", "notes", "--as", "ada@borders.example", "--org", org, dev); !strings.Contains(out, `"text":"kept"`) || !strings.Contains(out, org) {
				t.Errorf("afterwards: %s", out)
			}
		})
	}
}
