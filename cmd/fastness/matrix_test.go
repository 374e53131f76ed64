package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// callers are the columns of testdata/access.tsv: nobody, an account without a role, another author, the author whose row it is, an
// editor, an administrator, a session that has ended, and an account that was disabled.
var callers = []string{"anonymous", "reader", "other", "owner", "editor", "admin", "ended", "disabled"}

var people = map[string]string{"reader": "reader", "other": "bob", "owner": "ada", "editor": "ed", "admin": "adm", "ended": "ada", "disabled": "dis"}

// matrix asks every route as every caller, each time about a row of its own, and with a session of its own where the route may end it.
type matrix struct {
	*press
	n         int
	account   string // of the owner
	published string // an article that everybody reads
}

// TestAccessMatrix: every route of /openapi.json, asked by every kind of caller, answers what the hand-written table says. A route
// without a line fails, and so does a line without a route. On PostgreSQL only the routes of rows are asked.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/access.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if f := strings.Fields(line); !strings.HasPrefix(line, "#") && len(f) == 2+len(callers) {
			want[f[0]+" "+f[1]] = f[2:]
		} else if !strings.HasPrefix(line, "#") {
			t.Errorf("this line is not a route and %d answers: %s", len(callers), line)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		m := startMatrix(t, "")
		rows, others := m.split()
		m.is(want, append(rows, others...)) // rows first: they need no session of their own as long as none was ended
	})
	if storetest.OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) { // rows and lists, where the database decides
			t.Parallel()
			m := startMatrix(t, scratchDatabase(t))
			rows, others := m.split()
			here := maps.Clone(want)
			for _, route := range others {
				delete(here, route)
			}
			m.is(here, rows)
		})
	}
}

// split lists the routes of rows, and all others.
func (m *matrix) split() (rows, others []string) {
	for _, route := range m.routes() {
		if ofRows(route) {
			rows = append(rows, route)
		} else {
			others = append(others, route)
		}
	}
	return rows, others
}

func ofRows(route string) bool { return strings.Contains(route, " /api/v1/") }

// startMatrix starts the press on a database ("" is SQLite) with what the cells are about.
func startMatrix(t *testing.T, database string) *matrix {
	t.Helper()
	m := &matrix{press: startPress(t, database)}
	m.tell("users", "add", "dis@press.example", "--role", "author")
	m.tokens["dis"] = strings.TrimSpace(m.tell("users", "session", "dis@press.example"))
	m.tell("users", "disable", "dis@press.example")
	id, _ := m.want(201, "ada", "POST", "/api/v1/articles", m.article())["id"].(string)
	m.published = id
	m.want(200, "ada", "PATCH", "/api/v1/articles/"+id, `{"status": "review"}`)
	m.want(200, "ed", "PATCH", "/api/v1/articles/"+id, `{"status": "published", "published_on": "2026-11-24"}`)
	m.account, _ = m.want(200, "ada", "GET", "/auth/session", "")["account"].(string)
	return m
}

// is demands that routes answer what a table of exactly these says.
func (m *matrix) is(want map[string][]string, routes []string) {
	m.Helper()
	for _, route := range routes {
		got := m.row(route)
		if line := strings.Join(got, "\t"); line != strings.Join(want[route], "\t") {
			m.Errorf("%s\t%s\nwant\t%s", strings.Replace(route, " ", "\t", 1), line, strings.Join(want[route], "\t"))
		}
	}
	for route := range want {
		if !slices.Contains(routes, route) {
			m.Errorf("%s is in the table and not in /openapi.json", route)
		}
	}
}

// routes lists what /openapi.json describes.
func (m *matrix) routes() []string {
	var out []string
	for path, verbs := range m.want(200, "ada", "GET", "/openapi.json", "")["paths"].(map[string]any) {
		for verb := range verbs.(map[string]any) {
			if verb != "parameters" {
				out = append(out, strings.ToUpper(verb)+" "+path)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (m *matrix) article() string {
	m.n++
	return fmt.Sprintf(`{"title": "T", "slug": "m-%d", "body": "", "section": "news"}`, m.n)
}

// fresh makes the owner's row that a cell is about.
func (m *matrix) fresh(path string) string {
	switch {
	case strings.Contains(path, "/articles/"):
		id, _ := m.want(201, "ada", "POST", "/api/v1/articles", m.article())["id"].(string)
		return strings.Replace(path, "{id}", id, 1)
	case strings.Contains(path, "/comments/"):
		id, _ := m.want(201, "ada", "POST", "/api/v1/comments", fmt.Sprintf(`{"article": %q, "text": "hm"}`, m.published))["id"].(string)
		return strings.Replace(path, "{id}", id, 1)
	case strings.Contains(path, "/accounts/"):
		return strings.Replace(path, "{id}", m.account, 1)
	}
	path = strings.Replace(path, "{factor}", "totp", 1)
	return strings.Replace(path, "{id}", "00000000000000000000000000", 1)
}

func (m *matrix) body(verb, path string) string {
	switch {
	case verb == "GET" || verb == "DELETE":
		return ""
	case verb == "POST" && path == "/api/v1/articles":
		return m.article()
	case verb == "POST" && path == "/api/v1/comments":
		return fmt.Sprintf(`{"article": %q, "text": "hm"}`, m.published)
	case strings.Contains(path, "/articles/{id}"):
		return `{"title": "Another"}`
	case strings.Contains(path, "/comments/{id}"):
		return `{"text": "Another"}`
	case strings.Contains(path, "/accounts/{id}"):
		return `{"name": "Another"}`
	case path == "/api/v1/batch":
		return `{"do": [{"create": "articles", "new": ` + m.article() + `}]}`
	case path == "/api/v1/can":
		return `{"do": [{"action": "read", "collection": "articles"}]}`
	case path == "/auth/step-up/{factor}/options" || path == "/auth/sign-out" || path == "/auth/totp" || path == "/auth/passkeys/options" || path == "/auth/recovery-codes":
		return ""
	}
	return "{}"
}

// row asks a route as every caller.
func (m *matrix) row(route string) []string {
	verb, path, _ := strings.Cut(route, " ")
	anew := !ofRows(route) // no row ends a session
	session := func(name, who string) {
		m.tokens[name] = strings.TrimSpace(m.tell("users", "session", who+"@press.example"))
	}
	var out []string
	for _, caller := range callers {
		who := people[caller]
		switch caller {
		case "ended":
			who = "gone"
			if anew || m.tokens[who] == "" {
				session(who, "ada")
				m.want(204, who, "POST", "/auth/sign-out", "")
			}
		case "anonymous", "disabled":
		default:
			if anew {
				session(who, who)
			}
		}
		if anew && (caller == "owner" || who != "ada") {
			session("ada", "ada")
		}
		status, _ := m.ask(who, verb, m.fresh(path), m.body(verb, path))
		out = append(out, fmt.Sprint(status))
	}
	return out
}
