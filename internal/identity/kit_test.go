package identity_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// town is one running identity room on one database, with a clock that the test moves.
type town struct {
	*identity.Identity
	t      *testing.T
	db     store.DB
	clock  *types.ManualClock
	hashes *passwords
	mails  *outbox
	waits  *atomic.Int64 // nanoseconds that failed answers were held back
	cfg    identity.Config
}

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// accountsTable stands for the table that keep makes of the declared accounts.
var accountsTable = store.Table{Name: "accounts", Primary: []string{"id"}, Columns: []store.Column{
	{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "name", Type: store.TextColumn, NotNull: true}}}

func tables() []store.Table { return append([]store.Table{accountsTable}, identity.Tables()...) }

// each runs fn in a town of its own on every database.
func each(t *testing.T, change func(*identity.Config), fn func(t *testing.T, w *town)) {
	t.Helper()
	storetest.Each(t, storetest.Options{Tables: tables()}, func(t *testing.T, db store.DB) {
		fn(t, newTown(t, db, change))
	})
}

func newTown(t *testing.T, db store.DB, change func(*identity.Config)) *town {
	t.Helper()
	ring, err := seal.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, db: db, clock: types.NewManualClock(start), hashes: &passwords{}, mails: &outbox{}, waits: &atomic.Int64{}}
	w.cfg = identity.Config{DB: db, Clock: w.clock, Ring: ring, Passwords: w.hashes, Policy: policy{}, Profiles: profiles{},
		Outbox: w.mails, Base: "https://clinic.example", Factors: []signin.Factor{&pin{kind: types.TOTP, name: "totp"},
			&pin{kind: types.RecoveryCode, name: "recovery-code"}, &pin{kind: types.Passkey, name: "passkey"}},
		Wait: func(_ context.Context, d time.Duration) { w.waits.Add(int64(d)) },
		Plan: &plan.Plan{Environment: "production", Decl: &decl.File{Service: decl.Service{Name: "Clinic", Host: "clinic.example"},
			SignUp: decl.SignUp{Mode: "open", Roles: []string{"patient"}}},
			Roles: []plan.Role{{Name: "patient", Set: 1}, {Name: "clinician", Set: 2, Requires: plan.AnyMFA},
				{Name: "keyholder", Set: 4, Requires: plan.PasskeyFactor}, {Name: "admin", Set: 8, Manages: []string{"accounts", "roles"}},
				{Name: "auditor", Set: 16, ReadOnly: true}}}}
	if change != nil {
		change(&w.cfg)
	}
	i, err := identity.New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Identity = i
	return w
}

var operator = &types.Caller{Kind: types.Operator, Name: "operator@cli", Reason: "test"}

const goodPassword = "kettle of seven grey herons"

// person makes an active account with the password and roles, through the front door: operator's link, enrolment.
func (w *town) person(email string, roles ...string) types.ID {
	w.t.Helper()
	added, err := w.AddUser(w.ctx(), operator, email, roles)
	if err != nil {
		w.t.Fatalf("add %s: %v", email, err)
	}
	w.do("POST", "/auth/enrol", nil, map[string]any{"token": secretOf(w.t, added.Link), "password": goodPassword}).want(200)
	return added.ID
}

// others makes the accounts that nobody can sign in to: gone@example.org is disabled, shut@example.org is
// locked, new@example.org was only invited.
func (w *town) others() {
	w.t.Helper()
	if err := w.Disable(w.ctx(), operator, w.person("gone@example.org", "patient")); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Lock(w.ctx(), operator, w.person("shut@example.org", "patient")); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.AddUser(w.ctx(), operator, "new@example.org", nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) ctx() context.Context { return context.Background() }

func secretOf(t *testing.T, link types.Secret) string {
	t.Helper()
	u, err := url.Parse(link.Reveal())
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("link without a secret: %v", err)
	}
	return u.Query().Get("token")
}

// enrol gives an account a factor of the stand-in kind, whose right response is "right".
func (w *town) enrol(id types.ID, kind types.Factor, count int) {
	w.t.Helper()
	if err := w.DB().Write(w.ctx(), func(tx store.Tx) error { return w.Accounts().SetFactors(w.ctx(), tx, id, kind, count) }); err != nil {
		w.t.Fatal(err)
	}
}

// browser holds what a browser would: cookies. A nil *browser is a stranger without any.
type browser struct {
	session, device types.Secret
	bearer          types.Secret
	address         string
	headers         http.Header
}

func (b *browser) addr() netip.Addr { return netip.MustParseAddr("203.0.113.7") }

type reply struct {
	t      *testing.T
	Status int
	Code   string
	Err    error
	JSON   map[string]any
	Raw    string
	Answer *plan.Answer
	After  time.Duration
}

func (r *reply) want(status int) *reply {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("answer %d %s (%v), want %d", r.Status, r.Code, r.Err, status)
	}
	return r
}

func (r *reply) text(key string) string { s, _ := r.JSON[key].(string); return s }

var statusOf = map[types.Kind]int{types.Internal: 500, types.Malformed: 400, types.Unauthenticated: 401, types.Forbidden: 403,
	types.NotFound: 404, types.Conflict: 409, types.Invalid: 422, types.TooMany: 429, types.Unavailable: 503}

// do plays edge: finds the route, authenticates, checks the route's access as edge does, calls it, keeps the cookies.
func (w *town) do(method, path string, b *browser, body any) *reply {
	w.t.Helper()
	return w.ask(method, path, b, body, true)
}

// past is do for somebody who got past edge's check of roles.
func (w *town) past(method, path string, b *browser, body any) *reply {
	w.t.Helper()
	return w.ask(method, path, b, body, false)
}

func (w *town) ask(method, path string, b *browser, body any, checked bool) *reply {
	w.t.Helper()
	if b == nil {
		b = &browser{}
	}
	out := &reply{t: w.t}
	fail := func(err error) *reply {
		out.Err, out.Status, out.Code = err, statusOf[types.KindOf(err)], types.CodeOf(err)
		var e *types.Error
		if errors.As(err, &e) {
			out.After = e.RetryAfter
		}
		if out.Status == 401 {
			b.session = types.Secret{}
		}
		return out
	}
	route, values := w.route(method, path)
	addr, err := netip.ParseAddr(b.address)
	if err != nil {
		addr = netip.MustParseAddr("203.0.113.7")
	}
	reads := b.headers.Get("Accept-Language")
	who := &types.Caller{Address: addr, Language: reads}
	var change *plan.SessionChange
	if !route.Access.Ignore && (!b.session.Empty() || !b.bearer.Empty()) {
		token, bearer := b.session, !b.bearer.Empty()
		if bearer {
			token = b.bearer
		}
		if who, change, err = w.Authenticate(w.ctx(), token, bearer, addr, types.RandomID()); err != nil {
			return fail(err)
		}
		who.Language = reads
		if change != nil {
			b.session = change.Token
		}
	}
	if err := access(route, who, w.clock.Now()); err != nil && checked {
		return fail(err)
	}
	raw, _ := json.Marshal(body)
	if body == nil {
		raw = nil
	}
	h := b.headers
	if h == nil {
		h = http.Header{}
	}
	a, err := route.Handle(w.ctx(), &plan.Request{Caller: who, Token: b.session, Path: func(n string) string { return values[n] }, Query: url.Values{},
		Header: h, Body: raw, Address: addr, Device: b.device, At: w.clock.Now()})
	if err != nil {
		return fail(err)
	}
	out.Answer, out.Status, out.Raw = a, a.Status, string(a.Body)
	if out.Status == 0 {
		out.Status = route.Status
	}
	json.Unmarshal(a.Body, &out.JSON)
	if a.Session != nil {
		b.session = a.Session.Token
	}
	for _, c := range a.Cookies {
		if c.Name == identity.DeviceCookie {
			b.device = c.Value
		}
	}
	return out
}

func access(r plan.Route, who *types.Caller, now time.Time) error {
	switch {
	case r.Access.Public != "":
		return nil
	case who.Kind != types.Signed:
		return types.Refuse(types.Unauthenticated, "unauthenticated", "")
	case !r.Access.SignedIn && !who.Roles.Any(r.Access.Roles):
		return types.Refuse(types.Forbidden, "not_allowed", "")
	case r.Access.Fresh != 0 && (who.FreshAt.IsZero() || now.Sub(who.FreshAt) > r.Access.Fresh):
		return types.Refuse(types.Forbidden, "step_up_required", "")
	}
	return nil
}

func (w *town) route(method, path string) (plan.Route, map[string]string) {
	w.t.Helper()
	want := strings.Split(path, "/")
next:
	for _, literal := range []bool{true, false} {
	routes:
		for _, r := range w.Routes() {
			have := strings.Split(r.Path, "/")
			if r.Method != method || len(have) != len(want) || literal != (r.Path == path) {
				continue
			}
			values := map[string]string{}
			for i, part := range have {
				if strings.HasPrefix(part, "{") {
					values[strings.Trim(part, "{}")] = want[i]
				} else if part != want[i] {
					continue routes
				}
			}
			return r, values
		}
		continue next
	}
	w.t.Fatalf("no route %s %s", method, path)
	return plan.Route{}, nil
}

func (w *town) signIn(b *browser, email, password string) *reply {
	w.t.Helper()
	body := map[string]any{"email": email, "password": password}
	return w.do("POST", "/auth/sign-in", b, body)
}

// in signs a new browser in with the good password.
func (w *town) in(email string) *browser {
	w.t.Helper()
	b := &browser{}
	if r := w.signIn(b, email, goodPassword).want(200); r.text("status") != "signed_in" {
		w.t.Fatalf("sign-in of %s stands at %v", email, r.JSON)
	}
	return b
}

// alive reports whether the browser is still signed in.
func (w *town) alive(b *browser) bool {
	w.t.Helper()
	r := w.do("GET", "/auth/session", b, nil)
	if r.Status != 200 && r.Status != 401 {
		w.t.Fatalf("session: %d %v", r.Status, r.Err)
	}
	return r.Status == 200
}

func (w *town) rows(sql string, args ...types.Value) [][]string {
	w.t.Helper()
	return storetest.Rows(w.t, w.db, sql, args...)
}

// evidence counts entries of an event and outcome.
func (w *town) evidence(ev types.Event, o types.Outcome) int {
	w.t.Helper()
	if err := w.db.Write(w.ctx(), func(store.Tx) error { return nil }); err != nil { // what WriteSoon left joins this commit
		w.t.Fatal(err)
	}
	return len(w.rows("SELECT id FROM evidence WHERE event = ? AND outcome = ?", types.TextValue(string(ev)), types.IntValue(int64(o))))
}

// passwords is a fast stand-in for Argon2id that counts its work.
type passwords struct{ hash, verify, dummy atomic.Int64 }

// all counts hashes of every kind.
func (p *passwords) all() int64 { return p.hash.Load() + p.verify.Load() + p.dummy.Load() }

func (p *passwords) Hash(_ context.Context, pw types.Secret) (types.Secret, error) {
	p.hash.Add(1)
	sum := sha256.Sum256([]byte(pw.Reveal()))
	return types.NewSecret("$test$" + string(sum[:])), nil
}

func (p *passwords) Verify(_ context.Context, pw, phc types.Secret) (bool, bool, error) {
	p.verify.Add(1)
	sum := sha256.Sum256([]byte(pw.Reveal()))
	return phc.Reveal() == "$test$"+string(sum[:]), false, nil
}

func (p *passwords) Dummy(context.Context, types.Secret) error { p.dummy.Add(1); return nil }

type policy struct{}

func (policy) Check(pw types.Secret, mfa bool, _ []string) error {
	if n := len([]rune(pw.Reveal())); n < 15 && !(mfa && n >= 8) {
		return types.Refuse(types.Invalid, "invalid", "too short")
	}
	return nil
}

type profiles struct{}

func (profiles) Check(json.RawMessage) error { return nil }
func (profiles) Create(ctx context.Context, tx store.Tx, id types.ID, _ json.RawMessage) error {
	_, err := tx.Exec(ctx, newProfile, types.IDValue(id))
	return err
}
func (profiles) Set(context.Context, store.Tx, types.ID, json.RawMessage) error { return nil }

var newProfile = store.SQL("INSERT INTO accounts (id, name) VALUES (?, '')")

type outbox struct {
	mu   sync.Mutex
	sent []signup.Mail
}

func (o *outbox) Add(_ context.Context, _ store.Tx, m signup.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return nil
}

// letters counts what would leave the house.
func (o *outbox) letters() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, m := range o.sent {
		if m.Letter != signup.LetterNone {
			n++
		}
	}
	return n
}

// last returns the newest letter of the kind to the address.
func (o *outbox) last(t *testing.T, to string, l signup.Letter) signup.Mail {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(o.sent) - 1; i >= 0; i-- {
		if o.sent[i].To == to && o.sent[i].Letter == l {
			return o.sent[i]
		}
	}
	t.Fatalf("no letter %s to %s", l, to)
	return signup.Mail{}
}

// pin is a stand-in factor: enrolled as the account's counters say, its right response is "right", or any "code-…" once.
type pin struct {
	kind types.Factor
	name string
}

func (p *pin) Kind() types.Factor { return p.kind }
func (p *pin) Name() string       { return p.name }

var pinCounts = store.SQL("SELECT totp, codes, passkeys FROM fastness_account WHERE id = ?")

func (p *pin) Enrolled(ctx context.Context, r store.Reader, id types.ID) (bool, error) {
	rows, err := r.Query(ctx, pinCounts, types.IDValue(id))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	col := map[types.Factor]int{types.TOTP: 0, types.RecoveryCode: 1, types.Passkey: 2}[p.kind]
	return rows.Next() && rows.Int(col) > 0, rows.Err()
}

func (p *pin) Verify(ctx context.Context, tx store.Tx, id types.ID, _ []byte, response json.RawMessage) error {
	has, err := p.Enrolled(ctx, tx, id)
	if err != nil {
		return err
	}
	if !has || string(bytes.TrimSpace(response)) != `"right"` {
		return signin.ErrWrong
	}
	return nil
}

// rounds is how often a property is drawn: FASTNESS_ROUNDS, or what suits a quick run.
func rounds(quick int) int {
	if n, err := strconv.Atoi(os.Getenv("FASTNESS_ROUNDS")); err == nil && n > 0 {
		return max(n, quick)
	}
	return quick
}

// inWith signs a new browser in with the password and the named factor.
func (w *town) inWith(email, factor string) *browser {
	w.t.Helper()
	b := &browser{}
	r := w.signIn(b, email, goodPassword).want(200)
	if r.text("status") != "factor_required" || !b.session.Empty() {
		w.t.Fatalf("sign-in stands at %v, want factor_required", r.JSON)
	}
	w.do("POST", "/auth/sign-in/"+factor, b, map[string]any{"attempt": r.text("attempt"), "response": "right"}).want(200)
	return b
}
