package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// sqlmap lets sqlmap loose on an address and returns what it found to be injectable, "" if nothing. Everything it says of a target
// that it could not reach or judge is a failure.
func sqlmap(t *testing.T, dialect, url string, args ...string) string {
	t.Helper()
	cmd := exec.Command(hosttest.Tool(t, "sqlmap", "sqlmap"), append([]string{"-u", url, "--dbms=" + dialect, "--batch", "--level=1", "--risk=2",
		"--flush-session", "--output-dir=" + t.TempDir(), "--ignore-code=*", "--retries=1", "--disable-coloring", "--threads=2"}, args...)...)
	cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	said := string(out)
	switch {
	case err != nil:
		t.Fatalf("sqlmap: %v\n%s", err, said)
	case strings.Contains(said, "all tested parameters do not appear to be injectable"):
		return ""
	case strings.Contains(said, "Parameter: "):
		return said[strings.Index(said, "Parameter: "):]
	}
	t.Fatalf("sqlmap came to no verdict:\n%s", said)
	return ""
}

// TestSQLMap: sqlmap finds no way from a request into SQL, in the parameters of a list, in a search's body, in a path and at the door. It
// does find one where there is one.
func TestSQLMap(t *testing.T) {
	t.Parallel()
	for name, dialect := range map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"} {
		if name == "postgres" && !storetest.OnPostgres(t.Name()) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			database := ""
			if name == "postgres" {
				database = scratchDatabase(t)
			}
			p := startPress(t, database)
			row := p.want(201, "ada", "POST", "/api/v1/articles", `{"title": "Tides", "slug": "tides", "body": "<p>x</p>", "section": "news"}`)
			list := p.base + "/api/v1/articles"
			places := map[string][]string{
				"list":   {list + "?section=news&created.gte=2020-01-01T00:00:00Z&sort=-created&limit=2&fields=title&include=author&after=x"},
				"path":   {fmt.Sprintf("%s/%v*", list, row["id"])},
				"search": {list + "/search", "--method=POST", `--data={"filter": "row.title == 'Tides'", "sort": "title", "limit": 3}`},
				"door":   {p.base + "/auth/sign-in", "--method=POST", `--data={"email": "ada@press.example", "password": "a long enough sentence"}`},
			}
			t.Run("places", func(t *testing.T) { // ends when all of them have ended
				for what, args := range places {
					t.Run(what, func(t *testing.T) {
						t.Parallel() // each asks, waits and asks again
						header := "--headers=Authorization: Bearer " + p.tokens["ada"] + "\nContent-Type: application/json"
						if what == "door" {
							header = "--headers=Content-Type: application/json"
						}
						if found := sqlmap(t, dialect, args[0], append(args[1:], header, "--technique=BEUS")...); found != "" {
							t.Errorf("sqlmap found: %s", found)
						}
					})
				}
			})
			if p.want(200, "ada", "GET", fmt.Sprintf("/api/v1/articles/%v", row["id"]), "")["title"] != "Tides" {
				t.Error("the article was changed")
			}
		})
	}
	t.Run("where there is one", func(t *testing.T) {
		db, err := sqlite3.Open(":memory:")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Exec("CREATE TABLE note (id INTEGER, title TEXT); INSERT INTO note VALUES (1, 'a'), (2, 'b')"); err != nil {
			t.Fatal(err)
		}
		open := make(chan struct{}, 1) // the connection is for one at a time
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			open <- struct{}{}
			defer func() { <-open }()
			found := []string{}
			stmt, _, err := db.Prepare("SELECT title FROM note WHERE id = " + r.FormValue("id"))
			if err == nil {
				for stmt.Step() {
					found = append(found, stmt.ColumnText(0))
				}
				stmt.Close()
			}
			json.NewEncoder(w).Encode(found)
		}))
		defer s.Close()
		if found := sqlmap(t, "SQLite", s.URL+"/?id=1", "--technique=B"); !strings.Contains(found, "id (GET)") {
			t.Errorf("sqlmap misses what it should find: %q", found)
		}
	})
}

// TestSSLScan: sslscan, which speaks TLS by itself, finds TLS 1.2 and 1.3 and nothing older, cipher suites with forward secrecy and
// authenticated encryption only, and no compression, renegotiation or Heartbleed.
func TestSSLScan(t *testing.T) {
	t.Parallel()
	scan := hosttest.Tool(t, "sslscan", "sslscan")
	p := startPress(t, "")
	out, err := exec.Command(scan, "--xml=-", strings.TrimPrefix(p.base, "https://")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Test struct {
			Protocols []struct {
				Type    string `xml:"type,attr"`
				Version string `xml:"version,attr"`
				Enabled int    `xml:"enabled,attr"`
			} `xml:"protocol"`
			Ciphers []struct {
				Version string `xml:"sslversion,attr"`
				Name    string `xml:"cipher,attr"`
			} `xml:"cipher"`
			Renegotiation struct {
				Supported int `xml:"supported,attr"`
			} `xml:"renegotiation"`
			Compression struct {
				Supported int `xml:"supported,attr"`
			} `xml:"compression"`
			Heartbleed []struct {
				Vulnerable int `xml:"vulnerable,attr"`
			} `xml:"heartbleed"`
		} `xml:"ssltest"`
	}
	if err := xml.Unmarshal(out, &doc); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	offered := map[string]bool{}
	for _, v := range doc.Test.Protocols {
		if v.Enabled == 1 {
			offered[v.Type+v.Version] = true
		}
	}
	if len(doc.Test.Protocols) < 6 || len(offered) != 2 || !offered["tls1.2"] || !offered["tls1.3"] {
		t.Errorf("of %d protocols %v are offered", len(doc.Test.Protocols), offered)
	}
	seen := map[string]bool{}
	for _, c := range doc.Test.Ciphers {
		seen[c.Version] = true
		secret := c.Version == "TLSv1.3" || strings.HasPrefix(c.Name, "ECDHE-")
		if authenticated := strings.Contains(c.Name, "GCM") || strings.Contains(c.Name, "CHACHA20"); !secret || !authenticated {
			t.Errorf("%s offers %s", c.Version, c.Name)
		}
	}
	if !seen["TLSv1.2"] || !seen["TLSv1.3"] {
		t.Errorf("suites were seen of %v", seen)
	}
	if doc.Test.Renegotiation.Supported != 0 || doc.Test.Compression.Supported != 0 {
		t.Errorf("renegotiation %d, compression %d", doc.Test.Renegotiation.Supported, doc.Test.Compression.Supported)
	}
	for _, h := range doc.Test.Heartbleed {
		if h.Vulnerable != 0 {
			t.Error("Heartbleed")
		}
	}
}
