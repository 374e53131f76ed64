package account_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

const declaration = `
version: 1
store: %s
service: {name: Riverside Clinic, host: clinic.example}
sign_up: {mode: open, roles: [patient], verify: email}
limits: {per_account: 60000/m}
listen: {https: "%s"}
organisations: {sign_up: create, roles: [owner, warden, member], invite: [owner, warden]}
providers:
  club: {label: The Club, issuer: "https://club.example", client_id: fastness}
roles:
  warden: {requires: mfa}
  patient: {}
  nurse: {}
accounts:
  fields:
    name: {type: text, max: 120, optional: true}
    ward: {type: text, max: 40, optional: true}
    beds: {type: int, min: 0, max: 9, default: "0"}
  allow:
    - {to: read, when: "row.id == me.id"}
    - {to: read, only: [name], when: "has_role('nurse')"}
    - {to: update, only: [name], when: "row.id == me.id"}
    - {to: update, only: [beds], when: "row.id == me.id && has_role('nurse')"}
`

// house is a service that really serves, with a clock that the test moves.
type house struct {
	t     *testing.T
	app   *fastness.App
	clock *types.ManualClock
	base  string
	said  *terminal
}

// terminal keeps what development shows.
type terminal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *terminal) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *terminal) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// houses runs a test in a house on SQLite and in one on PostgreSQL, side by side: most of the time they wait for letters and floors.
func houses(t *testing.T, fn func(*testing.T, *house)) { t.Helper(); housesWith(t, "", fn) }

// housesWith is houses with more in the declaration.
func housesWith(t *testing.T, more string, fn func(*testing.T, *house)) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Run("sqlite", func(t *testing.T) {
		h := serve(t, t.TempDir(), "sqlite", more)
		t.Parallel() // from here on: opening makes the key that both have
		fn(t, h)
	})
	if storetest.OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) {
			dir := t.TempDir()
			secret := filepath.Join(dir, "database")
			if err := os.WriteFile(secret, []byte(storetest.Database(t)), 0o600); err != nil {
				t.Fatal(err)
			}
			h := serve(t, dir, `"${file:`+secret+`}"`, more)
			t.Parallel()
			fn(t, h)
		})
	}
}

// serve starts a house in a folder, on a store.
func serve(t *testing.T, dir, store, more string) *house {
	t.Helper()
	port, err := hosttest.Port()
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + port
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), fmt.Appendf(nil, declaration+more, store, address), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, clock: types.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), said: &terminal{}}
	if h.app, err = fastness.Open(dir, fastness.Options{Environment: "development", Clock: h.clock, Terminal: h.said}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- h.app.Serve(ctx, func(string) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	h.base = h.app.Base()
	t.Cleanup(func() {
		stop()
		<-done
		h.app.Close()
	})
	return h
}

// browser keeps cookies and says what a browser says of a form on one of our own pages.
type browser struct {
	h      *house
	client *http.Client
	header http.Header
}

func (h *house) browser() *browser {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &browser{h: h, header: http.Header{"Accept": {"text/html"}, "Sec-Fetch-Site": {"same-origin"}},
		client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}} // the certificate is the browser tests' business
}

type reply struct {
	t      *testing.T
	status int
	to     string
	text   string
	header http.Header
}

func (b *browser) ask(method, path string, form url.Values) *reply {
	b.h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, b.h.base+path, body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	r.Header = b.header.Clone()
	if form != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	a, err := b.client.Do(r)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return &reply{b.h.t, a.StatusCode, a.Header.Get("Location"), string(text), a.Header}
}

func (b *browser) get(path string) *reply { b.h.t.Helper(); return b.ask("GET", path, nil) }
func (b *browser) post(path string, pairs ...string) *reply {
	b.h.t.Helper()
	return b.ask("POST", path, values(pairs))
}

func values(pairs []string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// leads demands a redirect to a path.
func (r *reply) leads(to string) *reply {
	r.t.Helper()
	if r.status != http.StatusSeeOther || r.to != to {
		r.t.Fatalf("%d to %q, want 303 to %q\n%s", r.status, r.to, to, r.text)
	}
	return r
}

func (r *reply) says(status int, text string) *reply {
	r.t.Helper()
	if r.status != status || !strings.Contains(r.text, text) {
		r.t.Fatalf("%d to %q, want %d with %q\n%s", r.status, r.to, status, text, r.text)
	}
	return r
}

const password = "seven quiet herons below the mill"

var operator = &types.Caller{Kind: types.Operator, Name: "operator@cli", Reason: "test"}

// person enrols somebody through the pages, which signs in.
func (h *house) person(email string, roles ...string) *browser {
	h.t.Helper()
	added, err := h.app.Identity.AddUser(context.Background(), operator, email, roles)
	if err != nil {
		h.t.Fatal(err)
	}
	b := h.browser()
	b.get(h.path(added.Link.Reveal())).leads("/account/enrol")
	b.post("/account/enrol", "password", password).leads("/account/")
	return b
}

func (h *house) path(link string) string { return strings.TrimPrefix(link, h.base) }

// letter is the path of the last link that development showed for an address. Letters leave in the background.
func (h *house) letter(address string) string {
	h.t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(address) + `: \S+ (https\S+)`)
	for range 200 {
		if all := link.FindAllStringSubmatch(h.said.all(), -1); len(all) > 0 {
			return h.path(all[len(all)-1][1])
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatalf("no letter to %s in %q", address, h.said.all())
	return ""
}
