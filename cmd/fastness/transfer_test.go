package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fails runs a command that must be refused and returns what it said.
func (p *press) fails(args ...string) string {
	p.Helper()
	cmd := exec.Command(p.bin, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	if err == nil {
		p.Fatalf("%v is not refused:\n%s", args, out)
	}
	return string(out)
}

func (p *press) file(name, text string) string {
	p.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
	return path
}

// TestRowsTravel: rows leave and come in as JSON Lines and CSV, under somebody's rules, with a server and without; a bad row stops an
// import, says where, and what was not written can be written later.
func TestRowsTravel(t *testing.T) {
	t.Parallel()
	p := startPress(t, "")
	var b strings.Builder
	for n := range 1250 {
		slug := fmt.Sprintf("s-%d", n)
		if n == 1149 {
			slug = "Not A Slug"
		}
		fmt.Fprintf(&b, "{\"title\": \"Köln, \\\"quoted\\\" %d\", \"slug\": %q, \"body\": \"<p>a</p>\", \"section\": \"news\", \"words\": %d}\n", n, slug, n)
	}
	in := p.file("in.jsonl", b.String())
	said := p.fails("rows", "import", "articles", in, "--as", "ada@press.example")
	if !strings.Contains(said, "--skip 1000") || !strings.Contains(said, "row 1150 (slug), line 1150: no_match") {
		t.Fatalf("a bad row is told as: %s", said)
	}
	p.file("in.jsonl", strings.Replace(b.String(), "Not A Slug", "s-1149", 1))
	if said := p.run("rows", "import", "articles", in, "--skip", "1000", "--as", "ada@press.example"); !strings.Contains(said, "250 rows imported") {
		t.Fatal(said)
	}
	if lines := strings.Split(strings.TrimSpace(p.run("rows", "export", "articles", "--as", "ada@press.example")), "\n"); len(lines) != 1250 {
		t.Fatalf("%d of 1250 rows came out", len(lines))
	}
	if out := p.run("rows", "export", "articles", "--as", "bob@press.example"); out != "" {
		t.Fatalf("another author exports drafts: %s", out)
	}
	p.fails("rows", "import", "articles", in, "--as", "ed@press.example")
	latin := p.file("latin.CSV", "title;slug;body;section;words\rK\xf6ln;koeln;<p>a</p>;news;007\r")
	if said := p.fails("rows", "import", "articles", latin, "--as", "ada@press.example"); !strings.Contains(said, "row 1, column 1 (title), line 2: the byte 0xF6") {
		t.Fatalf("Windows-1252 is told as: %s", said)
	}
	if said := p.fails("rows", "import", "articles", latin, "--encoding", "windows-1252", "--as", "ada@press.example"); !strings.Contains(said, "row 1, column 5 (words), line 2") ||
		!strings.Contains(said, "separated by semicolons, lines end with CR alone") {
		t.Fatalf("007 is told as: %s", said)
	}
	p.file("latin.CSV", "title;slug;body;section;words\rK\xf6ln;Not A Slug;<p>a</p>;news;7\r")
	if said := p.fails("rows", "import", "articles", latin, "--encoding", "windows-1252", "--as", "ada@press.example"); !strings.Contains(said, "row 1, column 2 (slug), line 2: no_match") {
		t.Fatalf("a refused value is told as: %s", said)
	}
	p.fails("rows", "export", "articles")
	p.cmd.Process.Kill()
	p.cmd.Wait()
	text := p.run("rows", "export", "articles", "--format=csv", "--env=development", "--system", "--reason", "moving out")
	table, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(table) != 1251 || table[0][0] != "id" {
		t.Fatalf("%d lines of CSV: %v", len(table), err)
	}
	moved := p.file("in.csv", strings.ReplaceAll(text, ",s-", ",moved-"))
	if said := p.run("rows", "import", "articles", moved, "--env=development", "--system", "--reason", "moving in"); !strings.Contains(said, "1250 rows imported") {
		t.Fatal(said)
	}
	out := strings.Split(strings.TrimSpace(p.run("rows", "export", "articles", "--env=development", "--filter", "row.slug == 'moved-7'", "--as", "ada@press.example")), "\n")
	var row map[string]any
	if len(out) != 1 || json.Unmarshal([]byte(out[0]), &row) != nil || row["title"] != `Köln, "quoted" 7` || row["words"] != 7.0 {
		t.Fatalf("came back as %v", out)
	}
}
