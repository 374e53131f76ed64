package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// places are the columns of testdata/starter.tsv.
var places = []string{"anonymous", "nowhere", "member", "owner", "stranger", "elsewhere"}

// startup asks the routes of examples/starter from every place, each time in a session of its own, about a row of its own.
type startup struct {
	*press
	n                       int
	moved                   bool   // the last question moved somebody
	herons, ravens, finches string // organisations: of owner and member, of the stranger, the owner's second
	owner, guest, template  string // ids of two accounts and a row of everybody
}

// TestStarterMatrix: every route that knows organisations, asked from inside, outside and beside, answers what the hand-written table says. On PostgreSQL
// only the routes of rows are asked.
func TestStarterMatrix(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("testdata/starter.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n") {
		if f := strings.Fields(line); !strings.HasPrefix(line, "#") && len(f) == 2+len(places) {
			want[f[0]+" "+f[1]] = f[2:]
		} else if !strings.HasPrefix(line, "#") {
			t.Errorf("this line is not a route and %d answers: %s", len(places), line)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		startStarter(t, "").is(want, func(route string) bool { return ofRows(route) || strings.Contains(route, "/organisation") }) // testdata/access.tsv has the others
	})
	if storetest.OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) { // rows, where the database keeps organisations apart
			t.Parallel()
			here := maps.Clone(want)
			maps.DeleteFunc(here, func(route string, _ []string) bool { return !ofRows(route) })
			startStarter(t, scratchDatabase(t)).is(here, ofRows)
		})
	}
}

// is demands that some of the routes answer what a table of exactly these says.
func (m *startup) is(want map[string][]string, some func(route string) bool) {
	m.Helper()
	asked := map[string]bool{}
	for _, route := range (&matrix{press: m.press}).routes() {
		if !some(route) {
			continue
		}
		asked[route] = true
		var got []string
		for _, place := range places {
			got = append(got, fmt.Sprint(m.answer(route, place)))
		}
		if !slices.Equal(got, want[route]) {
			m.Errorf("%s\t%s\nwant\t%s", strings.Replace(route, " ", "\t", 1), strings.Join(got, "\t"), strings.Join(want[route], "\t"))
		}
	}
	for route := range want {
		if !asked[route] {
			m.Errorf("%s is in the table and not in /openapi.json", route)
		}
	}
}

// startStarter starts examples/starter on a database ("" is SQLite), with people in their organisations.
func startStarter(t *testing.T, database string) *startup {
	t.Helper()
	text, err := os.ReadFile("../../examples/starter/fastness.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if database != "" {
		text = bytes.Replace(text, []byte("store: sqlite"), []byte(`store: "${env:DATABASE_URL}"`), 1)
	}
	m := &startup{press: newServer(t, string(text), "DATABASE_URL="+database)}
	m.serve()
	for _, who := range []string{"ada", "member", "stranger", "nowhere", "guest"} {
		out := strings.Fields(m.tell("users", "add", who+"@starter.example"))
		m.session(who)
		if who == "ada" {
			m.owner = out[1]
		} else if who == "guest" {
			m.guest = out[1]
		}
	}
	add := func(name, owner string) string {
		return strings.TrimSpace(m.tell("organisations", "add", name, "--owner", owner+"@starter.example"))
	}
	m.herons, m.finches, m.ravens = add("Herons", "ada"), add("Finches", "ada"), add("Ravens", "stranger")
	m.reset()
	m.template, _ = strings.CutPrefix(strings.Split(m.tell("rows", "create", "templates", `{"name": "Usual"}`, "--system", "--reason", "test"), `","`)[0], `{"id":"`)
	return m
}

// session opens a session; it begins where the account was last.
func (m *startup) session(who string) {
	m.Helper()
	m.tokens[who] = strings.TrimSpace(m.tell("users", "session", who+"@starter.example"))
}

// enter opens a session of an account with an organisation active, as the caller of the name.
func (m *startup) enter(caller, who, org string) {
	m.Helper()
	m.session(who)
	m.tokens[caller], _ = m.want(200, who, "PUT", "/auth/session/organisation", fmt.Sprintf(`{"organisation": %q}`, org))["token"].(string)
}

// answer asks one route from one place, with everything as it was at the beginning.
func (m *startup) answer(route, place string) int {
	m.Helper()
	verb, path, _ := strings.Cut(route, " ")
	moves := strings.Contains(path, "/members/") || strings.HasSuffix(path, "/leave") || strings.HasPrefix(path, "/auth/session")
	if moves || m.moved {
		m.reset()
	}
	m.moved = moves
	path, body := m.about(verb, path)
	if place == "anonymous" {
		place = ""
	}
	status, _ := m.ask(place, verb, path, body)
	return status
}

// reset puts everybody where he belongs, in new sessions.
func (m *startup) reset() {
	m.Helper()
	m.tell("organisations", "put", m.herons, "member@starter.example", "member")
	m.tell("organisations", "put", m.herons, "guest@starter.example", "member")
	m.enter("owner", "ada", m.herons)
	m.enter("elsewhere", "ada", m.finches)
	m.enter("ada", "ada", m.herons)
	m.enter("member", "member", m.herons)
	m.enter("stranger", "stranger", m.ravens)
	m.session("nowhere")
}

// about makes the row that a cell is about, and gives its path and a body.
func (m *startup) about(verb, path string) (string, string) {
	m.n++
	id := "00000000000000000000000000"
	made := func(collection, body string) string {
		id, _ := m.want(201, "ada", "POST", "/api/v1/"+collection, body)["id"].(string)
		return id
	}
	project := func() string { return made("projects", fmt.Sprintf(`{"name": "P%d"}`, m.n)) }
	body := "{}"
	switch {
	case strings.Contains(path, "/projects"):
		body = fmt.Sprintf(`{"name": "N%d"}`, m.n)
		id = project()
	case strings.Contains(path, "/tasks"):
		p := project()
		body, id = fmt.Sprintf(`{"project": %q, "title": "N"}`, p), made("tasks", fmt.Sprintf(`{"project": %q, "title": "T"}`, p))
		if verb == "PATCH" {
			body = `{"title": "Another"}`
		}
	case strings.Contains(path, "/accounts/"):
		id, body = m.owner, `{"name": "Ada"}`
	case strings.Contains(path, "/memberships/"):
		for _, row := range m.want(200, "ada", "GET", "/api/v1/memberships", "")["items"].([]any) {
			if row.(map[string]any)["account"] == m.guest {
				id, _ = row.(map[string]any)["id"].(string)
			}
		}
	case strings.Contains(path, "/api/v1/organisations/"):
		id = m.herons
	case strings.Contains(path, "/templates/"):
		id = m.template
	case strings.Contains(path, "/members/"):
		id, body = m.guest, `{"role": "member"}`
	case path == "/auth/organisation" || path == "/auth/organisations":
		body = `{"name": "Another"}`
	case strings.HasSuffix(path, "/invitations"):
		body = fmt.Sprintf(`{"email": "n%d@starter.example", "role": "member"}`, m.n)
	case path == "/auth/organisations/accept":
		body = `{"token": "x"}`
	case path == "/auth/organisations/join":
		body = `{"token": "x", "password": "kettle of seven grey herons"}`
	case path == "/auth/session/organisation":
		body = fmt.Sprintf(`{"organisation": %q}`, m.herons)
	case path == "/api/v1/batch":
		body = fmt.Sprintf(`{"do": [{"create": "projects", "new": {"name": "B%d"}}]}`, m.n)
	case path == "/api/v1/can":
		body = `{"do": [{"action": "read", "collection": "projects"}]}`
	}
	if strings.HasSuffix(path, "/search") {
		body = "{}"
	}
	if verb == "GET" || verb == "DELETE" || strings.HasSuffix(path, "/leave") {
		body = ""
	}
	return strings.Replace(path, "{id}", id, 1), body
}
