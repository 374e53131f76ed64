package fastness

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

const office = `
version: 1
service: {name: office}
listen: {https: "127.0.0.1:0"}
organisations: {sign_up: create, roles: [owner, member], invite: [owner]}
sign_up: {mode: closed}
store: %s
roles:
  staff: {}
  keeper: {requires: mfa}
  reader: {read_only: true}
collections:
  cases:
    fields:
      author: {type: account, fixed: true, default: "me.id"}
      title: {type: text, max: 80}
      code: {type: text, max: 20, unique: true}
      pay: {type: int, optional: true}
      begins: {type: date, optional: true}
      ends: {type: date, optional: true}
      stage: {type: state, start: draft, steps: {draft: [done], done: []}}
      parent: {type: ref, to: cases, optional: true, on_delete: refuse}
      email: {type: email, optional: true, personal: true, indexed: true}
    check:
      - {that: "!has(new.begins) || !has(new.ends) || new.ends >= new.begins", else: "ends before it begins"}
    allow:
      - {to: read, when: "row.author == me.id"}
      - {to: create, when: "(has_role('staff') || has_role('reader')) && new.author == me.id"}
      - {to: update, only: [title, code, begins, ends, stage, parent], when: "row.author == me.id && new.title != 'forbidden'"}
      - {to: delete, when: "row.author == me.id", fresh: 5m}
  notes:
    if_match: required
    fields:
      author: {type: account, fixed: true, default: "me.id"}
      text: {type: text, max: 80}
    allow:
      - {to: read, when: "row.author == me.id || has_role('keeper')"}
      - {to: create, when: "new.author == me.id"}
      - {to: [update, delete], when: "row.author == me.id"}
  vaults:
    fields: {text: {type: text, max: 80}}
    allow: [{to: [read, create], when: "has_role('keeper')"}, {to: read, when: "false"}]
  boards:
    per: organisation
    fields: {name: {type: text, max: 80}, open: {type: bool}}
    allow: [{to: read, when: "row.open"}, {to: create, when: "has_role('owner')"}]
`

// refusal is a request that is refused, and what operators are told of it beside the answer itself.
type refusal struct {
	who, method, path, body string
	header                  map[string]string
	code                    string
	told                    []string
}

var refusals = []refusal{
	{who: "", method: "GET", path: "/api/v1/cases", code: "sign_in_required"},
	{who: "ann", method: "GET", path: "/nothing", code: "not_found"},
	{who: "eve", method: "POST", path: "/api/v1/cases", body: `{"title": "x", "code": "y"}`, code: "not_allowed",
		told: []string{"create rule 2 (line 27): the caller is staff, or the caller is reader: false"}},
	{who: "rita", method: "POST", path: "/api/v1/cases", body: `{"title": "x", "code": "y"}`, code: "not_allowed", told: []string{"the role reader only reads"}},
	{who: "ann", method: "POST", path: "/api/v1/cases", body: `{"title": "x", "code": "y", "author": "EVE"}`, code: "not_allowed",
		told: []string{"create rule 2 (line 27): the new row's author is the caller: unknown"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"title": "forbidden"}`, code: "not_found",
		told: []string{"update rule 3 (line 28): the row's author is the caller: true", "the new row's title is known and not 'forbidden': false"}},
	{who: "eve", method: "GET", path: "/api/v1/cases/CASE", code: "not_found", told: []string{"read rule 1 (line 26): the row's author is the caller: false"}},
	{who: "eve", method: "GET", path: "/api/v1/cases/ABSENT", code: "not_found", told: []string{"there is no such row"}},
	{who: "eve", method: "DELETE", path: "/api/v1/cases/CASE", code: "not_found", told: []string{"delete rule 4 (line 29): the row's author is the caller: false"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"pay": 5}`, code: "field_not_allowed", told: []string{"  field pay: not_allowed",
		"update rule 3 (line 28) lets the caller write title, code, begins, ends, stage, parent and not pay"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"begins": "2026-02-02", "ends": "2026-01-01"}`, code: "invalid",
		told: []string{"  check 1 is not true: !has(new.begins)"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"parent": "FOREIGN"}`, code: "invalid", told: []string{"  field parent: not_found: it points at a row that is absent or"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"title": 5}`, code: "invalid", told: []string{"field title: "}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"code": "own"}`, code: "already_exists", told: []string{"field code: already_exists: a row that the caller may read"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"code": "foreign"}`, code: "not_accepted", told: []string{"field code: not_accepted: a row that the caller may not read"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/OTHER", body: `{"stage": "draft"}`, code: "no_such_step", told: []string{"stage cannot go from done to draft"}},
	{who: "ann", method: "DELETE", path: "/api/v1/cases/OTHER", code: "still_referenced"},
	{who: "token", method: "DELETE", path: "/api/v1/cases/CASE", code: "step_up_required",
		told: []string{"delete rule 4 (line 29) holds, with a factor proved within 5m: the caller proved none"}},
	{who: "plain", method: "GET", path: "/api/v1/vaults", code: "factor_required", told: []string{"the caller is keeper: false", "the role keeper is dormant"}},
	{who: "narrow", method: "POST", path: "/api/v1/notes", body: `{"text": "x"}`, code: "out_of_scope", told: []string{"the token was issued for read of notes"}},
	{who: "eve", method: "GET", path: "/api/v1/boards", code: "organisation_required", told: []string{"rows of boards belong to organisations"}},
	{who: "ann", method: "GET", path: "/api/v1/boards/BOARD", code: "not_found", told: []string{"in organisation ORG",
		"read rule 1 (line 45): the row's org is the caller's organisation: true", "the row's open is set: false"}},
	{who: "ann", method: "PATCH", path: "/api/v1/notes/NOTE", body: `{"text": "y"}`, code: "if_match_required"},
	{who: "ann", method: "PATCH", path: "/api/v1/notes/NOTE", body: `{"text": "y"}`, header: map[string]string{"If-Match": `"x"`}, code: "changed"},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"nothing": 5}`, code: "invalid", told: []string{"field nothing: unknown_field"}},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `[]`, code: "not_an_object"},
	{who: "ann", method: "PATCH", path: "/api/v1/cases/CASE", body: `{"a": 1, "a": 2}`, code: "bad_json"},
	{who: "ann", method: "GET", path: "/api/v1/cases?limit=x", code: "bad_limit"},
	{who: "ann", method: "GET", path: "/api/v1/cases?sort=zzz", code: "unknown_field"},
	{who: "ann", method: "GET", path: "/api/v1/cases?title=x", code: "not_indexed"},
	{who: "ann", method: "GET", path: "/api/v1/cases?email=a@b.example", code: "personal_in_query"},
	{who: "ann", method: "GET", path: "/api/v1/cases?after=x", code: "cursor_invalid"},
	{who: "ann", method: "GET", path: "/api/v1/cases?include=parent,a,b,c,d,e,f,g,h,i,j", code: "too_many_includes"},
	{who: "ann", method: "GET", path: "/api/v1/cases?count=x", code: "bad_query"},
	{who: "ann", method: "POST", path: "/api/v1/cases/search", body: `{"filter": "row.pay ="}`, code: "bad_filter"},
	{who: "ann", method: "POST", path: "/api/v1/cases/search", body: `{"filter": 5}`, code: "bad_search"},
	{who: "ann", method: "POST", path: "/api/v1/batch", body: `{"do": []}`, code: "bad_batch"},
	{who: "eve", method: "POST", path: "/api/v1/batch", body: `{"do": [{"create": "cases", "new": {"title": "x", "code": "z"}}]}`, code: "not_allowed",
		told: []string{"create rule 2 (line 27): the caller is staff, or the caller is reader: false"}},
	{who: "ann", method: "POST", path: "/api/v1/can", body: `{"do": []}`, code: "bad_question"},
	{who: "ann", method: "POST", path: "/api/v1/notes", body: `{"text": "x"}`, header: map[string]string{"Idempotency-Key": strings.Repeat("k", 300)}, code: "bad_idempotency_key"},
	{who: "ann", method: "POST", path: "/api/v1/notes", body: `{"text": "x"}`, header: map[string]string{"Idempotency-Key": "used"}, code: "idempotency_mismatch"},
	{who: "ann", method: "PUT", path: "/api/v1/cases/CASE", body: `{}`, code: "method_not_allowed"},
	{who: "ann", method: "POST", path: "/api/v1/cases", body: `{}`, header: map[string]string{"Content-Type": "text/plain"}, code: "unsupported_type"},
	{who: "ann", method: "POST", path: "/api/v1/cases", body: `{}`, header: map[string]string{"Origin": "https://elsewhere.example"}, code: "cross_origin"},
	{who: "wrong", method: "GET", path: "/api/v1/cases", code: "credential_invalid"},
}

// unmade are codes of internal/keep that take more than one request or an operator, and are made elsewhere.
var unmade = map[string]bool{"in_progress": true, "too_many_rows": true, "idempotency_over": true, "too_many_conflicts": true, "too_many_filters": true}

// bureau is a served office with its people and rows.
type bureau struct {
	*testing.T
	app    *App
	dir    string
	stop   func()
	base   string
	client *http.Client
	tokens map[string]string
	names  *strings.Replacer
}

// TestWhyEqualsWhatHappened makes each refusal over HTTP: what operators are told names the status, the code, the sentence and the
// fields of the answer, and the clause, check or field behind them. Every code that the room of rows can answer is among them.
func TestWhyEqualsWhatHappened(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { whyEquals(t, "sqlite") })
	if storetest.OnPostgres(t.Name()) {
		t.Setenv("OFFICE_DATABASE", storetest.Database(t))
		t.Run("postgres", func(t *testing.T) { whyEquals(t, `"${env:OFFICE_DATABASE}"`) })
	}
}

func whyEquals(t *testing.T, database string) {
	w := openBureau(t, database)
	made := map[string]bool{}
	for _, r := range refusals {
		name := r.code + " by " + r.who + ": " + r.method + " " + r.path + " " + r.body
		status, answer := w.ask(r)
		if answer.Code != r.code {
			t.Errorf("%s: answered %d %+v", name, status, answer)
			continue
		}
		made[r.code] = true
		want := append([]string{fmt.Sprintf(" was refused: %d %s: %s", status, answer.Code, answer.Detail)}, r.told...)
		for _, f := range answer.Fields {
			want = append(want, "field "+f.Path+": "+f.Code)
			made[f.Code] = true
		}
		lines, err := w.app.Why(t.Context(), answer.RequestID)
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Join(lines, "\n")
		for _, line := range want {
			if line = w.names.Replace(line); !strings.Contains(told, line) {
				t.Errorf("%s: %q is not in what why says:\n%s", name, line, told)
			}
		}
	}
	for code := range codesOf(t, "internal/keep") {
		if !made[code] && !unmade[code] {
			t.Errorf("no refusal of the table is answered with %s", code)
		}
	}
}

// codesOf are the codes with which a room refuses whole requests.
func codesOf(t *testing.T, room string) map[string]bool {
	refuse := regexp.MustCompile(`(?:Refuse\([\w.]+, |types\.Error\{.*Code: +)"([a-z_]+)"`)
	out := map[string]bool{}
	err := filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range refuse.FindAllStringSubmatch(string(text), -1) {
			out[m[1]] = true
		}
		return err
	})
	if err != nil || len(out) < 20 {
		t.Fatalf("%d codes: %v", len(out), err)
	}
	return out
}

// TestWhyFromTheEvidence: after a restart the evidence is judged again, in the organisation in which the session was.
func TestWhyFromTheEvidence(t *testing.T) {
	w := openBureau(t, "sqlite")
	var asked []refusal
	var requests []types.ID
	for _, r := range refusals {
		if r.who == "" || r.path == "/nothing" || r.code != "not_found" && r.code != "not_allowed" && r.code != "field_not_allowed" {
			continue
		}
		_, answer := w.ask(r)
		asked, requests = append(asked, r), append(requests, answer.RequestID)
	}
	w.stop()
	var err error
	if w.app, err = Open(w.dir, Options{Environment: "development"}); err != nil {
		t.Fatal(err)
	}
	defer w.app.Close()
	for i, r := range asked {
		lines, err := w.app.Why(t.Context(), requests[i])
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Join(lines, "\n")
		for _, line := range append([]string{" was refused: " + r.code}, r.told...) {
			line = w.names.Replace(line)
			if strings.Contains(line, "new row") { // what was sent is not kept
				line = strings.NewReplacer(": true", "", ": false", "", ": unknown", "").Replace(line) + ": cannot be told: what was sent is not kept"
			}
			if !strings.Contains(told, line) && !strings.HasPrefix(line, "  field") { // fields of answers are not kept
				t.Errorf("%s %s by %s: %q is not in what the evidence says:\n%s", r.method, r.path, r.who, line, told)
			}
		}
	}
}

type problem struct {
	Code      string             `json:"code"`
	Detail    string             `json:"detail"`
	Fields    []types.FieldError `json:"fields"`
	RequestID types.ID           `json:"request_id"`
	ID        string             `json:"id"`
	Token     string             `json:"token"`
}

func (w *bureau) ask(r refusal) (int, problem) {
	w.Helper()
	req, err := http.NewRequest(r.method, w.base+w.names.Replace(r.path), strings.NewReader(w.names.Replace(r.body)))
	if err != nil {
		w.Fatal(err)
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.who != "" {
		req.Header.Set("Authorization", "Bearer "+w.tokens[r.who])
	}
	for name, v := range r.header {
		req.Header.Set(name, v)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	var p problem
	if len(text) > 0 {
		if err := json.Unmarshal(text, &p); err != nil {
			w.Fatalf("%s %s: %s: %v", r.method, r.path, text, err)
		}
	}
	return resp.StatusCode, p
}

func (w *bureau) make(who, collection, body string) string {
	w.Helper()
	status, p := w.ask(refusal{who: who, method: "POST", path: "/api/v1/" + collection, body: body})
	if status != 201 {
		w.Fatalf("%s by %s: %d %+v", collection, who, status, p)
	}
	return p.ID
}

// openBureau serves the office with Ann, who is staff, keeps and owns an organisation, Rita, who only reads, and Eve, who was staff.
func openBureau(t *testing.T, database string) *bureau {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), fmt.Appendf(nil, office[1:], database), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(dir, Options{Environment: "development"})
	if err != nil {
		t.Fatal(err)
	}
	w := &bureau{T: t, app: a, tokens: map[string]string{"wrong": "fst_nothing"}, names: strings.NewReplacer(),
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	ctx, stop := context.WithCancel(context.Background())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(at string) { address <- at }) }()
	w.dir, w.stop = dir, sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		a.Close()
	})
	t.Cleanup(w.stop)
	w.base = "https://localhost" + regexp.MustCompile(`:\d+$`).FindString(<-address)
	w.people()
	return w
}

func (w *bureau) people() {
	by := &types.Caller{Kind: types.Operator, Name: "test", Reason: "test", RequestID: types.RandomID()}
	ids := map[string]types.ID{}
	for name, roles := range map[string][]string{"ann": {"staff", "keeper"}, "rita": {"reader"}, "eve": {"staff"}} {
		added, err := w.app.Identity.AddUser(w.Context(), by, name+"@office.example", roles)
		if err != nil {
			w.Fatal(err)
		}
		ids[name] = added.ID
		if name == "ann" {
			if _, err := w.app.Identity.DevSession(w.Context(), by, added.ID); err != nil { // which makes the account active
				w.Fatal(err)
			}
			o, err := w.app.Identity.Organisations().Create(w.Context(), by, added.ID, "Herons")
			if err != nil {
				w.Fatal(err)
			}
			ids["org"] = o.ID
		}
		session, err := w.app.Identity.DevSession(w.Context(), by, added.ID)
		if err != nil {
			w.Fatal(err)
		}
		w.tokens[name] = session.Token.Reveal()
	}
	w.plain(by, ids["ann"])
	token := func(of, roles, scope string) string {
		status, p := w.ask(refusal{who: of, method: "POST", path: "/auth/tokens", body: `{"name": "x", "roles": [` + roles + `], "expires": "` +
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"` + scope + `}`})
		if status != 201 {
			w.Fatalf("a token of %s: %d %+v", of, status, p)
		}
		return p.Token
	}
	w.tokens["narrow"] = token("ann", `"staff"`, `, "scope": {"notes": ["read"]}`)
	w.make("ann", "cases", `{"title": "T", "code": "own"}`)
	foreign := w.make("eve", "cases", `{"title": "F", "code": "foreign"}`)
	if err := w.app.Identity.Revoke(w.Context(), by, ids["eve"], "staff"); err != nil {
		w.Fatal(err)
	}
	w.tokens["token"] = token("ann", `"staff", "keeper"`, "")
	other := w.make("ann", "cases", `{"title": "T", "code": "other"}`)
	w.ask(refusal{who: "ann", method: "PATCH", path: "/api/v1/cases/" + other, body: `{"stage": "done"}`})
	at := w.make("ann", "cases", `{"title": "T", "code": "case", "parent": "`+other+`"}`)
	board := w.make("ann", "boards", `{"name": "B", "open": false}`)
	note := w.make("ann", "notes", `{"text": "N"}`)
	w.ask(refusal{who: "ann", method: "POST", path: "/api/v1/notes", body: `{"text": "other"}`, header: map[string]string{"Idempotency-Key": "used"}})
	w.names = strings.NewReplacer("CASE", at, "OTHER", other, "FOREIGN", foreign, "BOARD", board, "NOTE", note, "ORG", string(ids["org"]),
		"EVE", string(ids["eve"]), "ABSENT", string(types.RandomID()))
}

// plain opens a session that proved a password alone.
func (w *bureau) plain(by *types.Caller, id types.ID) {
	session, err := w.app.Identity.DevSession(w.Context(), by, id)
	if err == nil {
		err = w.app.DB.Write(w.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(w.Context(), store.SQL("UPDATE fastness_session_token SET factors = ? WHERE session = ?"), types.IntValue(int64(types.Password)), types.IDValue(session.ID))
			return err
		})
	}
	if err != nil {
		w.Fatal(err)
	}
	w.tokens["plain"] = session.Token.Reveal()
}
