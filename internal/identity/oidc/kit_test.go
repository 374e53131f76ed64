package oidc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// town is an identity room that trusts the provider club, and does not know better of den.
type town struct {
	*identity.Identity
	t         *testing.T
	db        store.DB
	clock     *types.ManualClock
	club, den *provider
}

var accountsTable = store.Table{Name: "accounts", Primary: []string{"id"}, Columns: []store.Column{
	{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "name", Type: store.TextColumn, NotNull: true}}}

// each runs fn in a town of its own on every database.
func each(t *testing.T, change func(*identity.Config), fn func(t *testing.T, w *town)) {
	t.Helper()
	eachPatient(t, 30*time.Second, change, fn)
}

// eachPatient is each for a service that waits so long for a provider.
func eachPatient(t *testing.T, patience time.Duration, change func(*identity.Config), fn func(t *testing.T, w *town)) {
	t.Helper()
	storetest.Each(t, storetest.Options{Tables: append([]store.Table{accountsTable}, identity.Tables()...)}, func(t *testing.T, db store.DB) {
		ring, err := seal.New(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		w := &town{t: t, db: db, clock: types.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))}
		w.club, w.den = newProvider(t, "club", w.clock), newProvider(t, "den", w.clock)
		cfg := identity.Config{DB: db, Clock: w.clock, Ring: ring, Passwords: passwords{}, Policy: policy{}, Profiles: profiles{}, Outbox: outbox{}, Base: "https://clinic.example",
			Wait: func(context.Context, time.Duration) {}, Factors: []signin.Factor{app{}}, Providers: []oidc.Provider{w.club.declared(patience), w.den.declared(patience)},
			Plan: &plan.Plan{Environment: "production", Decl: &decl.File{Service: decl.Service{Name: "Clinic", Host: "clinic.example"}, SignUp: decl.SignUp{Mode: "open", Roles: []string{"patient"}}},
				Roles: []plan.Role{{Name: "patient", Set: 1}, {Name: "clinician", Set: 2, Requires: plan.AnyMFA}}}}
		if change != nil {
			change(&cfg)
		}
		if w.Identity, err = identity.New(cfg); err != nil {
			t.Fatal(err)
		}
		fn(t, w)
	})
}

func invite(cfg *identity.Config) { cfg.Plan.Decl.SignUp.Mode = "invite" }

// browser holds cookies by their short names; "" is the session's.
type browser map[string]types.Secret

type reply struct {
	status int
	code   string
	where  string // Location
	body   map[string]any
	answer *plan.Answer
}

// do plays edge: route, credential, access, cookies.
func (w *town) do(method, target string, b browser, body string) reply {
	w.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		w.t.Fatal(err)
	}
	route, values := w.route(method, u.Path)
	addr := netip.MustParseAddr("203.0.113.7")
	who := &types.Caller{Address: addr, RequestID: types.RandomID()}
	refuse := func(err error) reply {
		var e *types.Error
		if !errors.As(err, &e) {
			w.t.Fatalf("%s %s: %v", method, target, err)
		}
		return reply{status: int(e.Kind), code: e.Code}
	}
	if !route.Access.Ignore && !b[""].Empty() {
		if who, _, err = w.Authenticate(context.Background(), b[""], false, addr, types.RandomID()); err != nil {
			return refuse(err)
		}
	}
	if route.Access.Public == "" && who.Kind != types.Signed {
		return reply{code: "sign_in_required"}
	}
	if route.Access.Fresh != 0 && w.clock.Now().Sub(who.FreshAt) > route.Access.Fresh {
		return reply{code: "step_up_required"}
	}
	a, err := route.Handle(context.Background(), &plan.Request{Caller: who, Token: b[""], Path: func(n string) string { return values[n] }, Query: u.Query(),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body), Address: addr, Device: b["device"], At: w.clock.Now(),
		Cookie: func(n string) string { return b[n].Reveal() }})
	if err != nil {
		return refuse(err)
	}
	out := reply{status: a.Status, where: a.Header.Get("Location"), answer: a}
	json.Unmarshal(a.Body, &out.body)
	if a.Session != nil {
		b[""] = a.Session.Token
	}
	for _, c := range a.Cookies {
		b[c.Name] = c.Value
	}
	return out
}

func (w *town) route(method, path string) (plan.Route, map[string]string) {
	w.t.Helper()
	var found plan.Route
	values := map[string]string{}
	want := strings.Split(path, "/")
routes:
	for _, r := range w.Routes() {
		have := strings.Split(r.Path, "/")
		if r.Method != method || len(have) != len(want) || found.Path == path {
			continue
		}
		v := map[string]string{}
		for i, part := range have {
			if strings.HasPrefix(part, "{") {
				v[strings.Trim(part, "{}")] = want[i]
			} else if part != want[i] {
				continue routes
			}
		}
		found, values = r, v
	}
	if found.Handle == nil {
		w.t.Fatalf("no route %s %s", method, path)
	}
	return found, values
}

// start begins a sign-in with a provider and returns where the browser is sent.
func (w *town) start(b browser, p *provider) string {
	w.t.Helper()
	r := w.do("GET", "/auth/oidc/"+p.name, b, "")
	if r.where == "" {
		w.t.Fatalf("start: %+v", r)
	}
	return r.where
}

// back ends a sign-in with what the provider sent the browser back with.
func (w *town) back(b browser, p *provider, q url.Values) string {
	w.t.Helper()
	return w.do("GET", "/auth/oidc/"+p.name+"/callback?"+q.Encode(), b, "").where
}

// enter goes through the whole of a sign-in as somebody.
func (w *town) enter(b browser, p *provider, subject string) string {
	w.t.Helper()
	return w.back(b, p, p.authorise(w.start(b, p), subject))
}

// refused demands that a sign-in ended with a code, and that it opened nothing.
func (w *town) refused(b browser, where string, code oidc.Code) {
	w.t.Helper()
	if where != "/account/sign-in?error="+string(code) {
		w.t.Errorf("it ends at %s, want %s", where, code)
	}
	if !b[""].Empty() {
		w.t.Error("there is a session")
	}
	if n := len(w.rows("SELECT id FROM fastness_session")); n != 0 {
		w.t.Errorf("there are %d sessions", n)
	}
}

func (w *town) rows(sql string, args ...types.Value) [][]string {
	w.t.Helper()
	return storetest.Rows(w.t, w.db, sql, args...)
}

// evidence lists the codes of entries of an event.
func (w *town) evidence(ev types.Event) string {
	w.t.Helper()
	if err := w.db.Write(context.Background(), func(store.Tx) error { return nil }); err != nil { // what WriteSoon left joins this commit
		w.t.Fatal(err)
	}
	var codes []string
	for _, r := range w.rows("SELECT code FROM evidence WHERE event = ? ORDER BY id", types.TextValue(string(ev))) {
		codes = append(codes, r[0])
	}
	return strings.Join(codes, " ")
}

var operator = &types.Caller{Kind: types.Operator, Name: "operator@cli", Reason: "test"}

const password = "kettle of seven grey herons"

// person makes an active account with a password, and a browser that is signed in to it.
func (w *town) person(email string) (types.ID, browser) {
	w.t.Helper()
	added, err := w.AddUser(context.Background(), operator, email, []string{"clinician"})
	if err != nil {
		w.t.Fatal(err)
	}
	u, _ := url.Parse(added.Link.Reveal())
	w.do("POST", "/auth/enrol", browser{}, `{"token": "`+u.Query().Get("token")+`", "password": "`+password+`"}`)
	b := browser{}
	w.do("POST", "/auth/sign-in", b, `{"email": "`+email+`", "password": "`+password+`"}`)
	if b[""].Empty() {
		w.t.Fatal("no session")
	}
	return added.ID, b
}

func (w *town) account(email string) *account.Account {
	w.t.Helper()
	var acc *account.Account
	if err := w.db.View(context.Background(), func(r store.Reader) (err error) {
		acc, err = w.Accounts().Find(context.Background(), r, email)
		return err
	}); err != nil {
		w.t.Fatalf("%s: %v", email, err)
	}
	return acc
}

type passwords struct{}

func (passwords) Hash(_ context.Context, pw types.Secret) (types.Secret, error) {
	return types.NewSecret("$test$" + pw.Reveal()), nil
}
func (passwords) Verify(_ context.Context, pw, phc types.Secret) (bool, bool, error) {
	return phc.Reveal() == "$test$"+pw.Reveal(), false, nil
}
func (passwords) Dummy(context.Context, types.Secret) error { return nil }

// app is a stand-in for an authenticator app that everybody has; its right response is "right".
type app struct{}

func (app) Kind() types.Factor                                             { return types.TOTP }
func (app) Name() string                                                   { return "totp" }
func (app) Enrolled(context.Context, store.Reader, types.ID) (bool, error) { return true, nil }
func (app) Verify(_ context.Context, _ store.Tx, _ types.ID, _ []byte, response json.RawMessage) error {
	if string(response) != `"right"` {
		return signin.ErrWrong
	}
	return nil
}

type policy struct{}

func (policy) Check(types.Secret, bool, []string) error { return nil }

type profiles struct{}

func (profiles) Check(json.RawMessage) error { return nil }
func (profiles) Create(ctx context.Context, tx store.Tx, id types.ID, fields json.RawMessage) error {
	var f struct{ Name string }
	json.Unmarshal(fields, &f)
	_, err := tx.Exec(ctx, newProfile, types.IDValue(id), types.TextValue(f.Name))
	return err
}
func (profiles) Set(context.Context, store.Tx, types.ID, json.RawMessage) error { return nil }

var newProfile = store.SQL("INSERT INTO accounts (id, name) VALUES (?, ?)")

type outbox struct{}

func (outbox) Add(context.Context, store.Tx, signup.Mail) error { return nil }
