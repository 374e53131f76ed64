package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMigrate: what a declaration gains is added at start, what it loses is kept until it is named, and a slip of the name destroys
// nothing.
func TestMigrate(t *testing.T) {
	t.Parallel()
	p := startPress(t, "")
	made := p.want(201, "ada", "POST", "/api/v1/articles", `{"title": "T", "slug": "kept", "body": "", "section": "news", "words": 7}`)
	if out := p.fails("migrate", "--env=development", "--yes"); !strings.Contains(out, "stop it first") {
		t.Errorf("beside a server: %s", out)
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	path := filepath.Join(p.dir, "fastness.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(from, to string) {
		t.Helper()
		if !strings.Contains(string(text), from) {
			t.Fatalf("the declaration has no %q", from)
		}
		text = []byte(strings.ReplaceAll(string(text), from, to))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("      fee: {type: decimal, digits: 2, min: \"0\", max: \"99999.99\", optional: true}\n", "      price: {type: int, optional: true}\n")
	edit(", fee, editor_note", ", price, editor_note")
	dev := "--env=development"
	if out := p.fails("plan", dev); !strings.Contains(out, "price") || !strings.Contains(out, "DROP column fee") {
		t.Errorf("plan says %s", out)
	}
	if out := p.fails("users", "list", dev); !strings.Contains(out, "--drop articles.fee") {
		t.Errorf("a start that would lose data says %s", out)
	}
	p.fails("migrate", dev, "--yes")
	p.fails("migrate", dev, "--yes", "--drop", "articles.words")
	p.fails("migrate", dev, "--yes", "--drop", "articles")
	if out := p.run("migrate", dev, "--drop", "articles.fee"); !strings.Contains(out, "nothing was done") {
		t.Errorf("without --yes: %s", out)
	}
	if out := p.run("migrate", dev, "--drop", "articles.fee", "--yes"); !strings.Contains(out, "done") {
		t.Errorf("migrate says %s", out)
	}
	if out := p.run("migrate", dev); !strings.Contains(out, "as the declaration says") {
		t.Errorf("and again: %s", out)
	}
	p.serve()
	row := p.want(200, "ada", "GET", "/api/v1/articles/"+made["id"].(string), "")
	if _, there := row["fee"]; there || row["words"] != 7.0 {
		t.Errorf("the row is now %v", row)
	}
}
