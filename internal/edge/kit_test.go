package edge_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types"
)

// gate is a listening edge over a few routes, with clients.
type gate struct {
	*testing.T
	server *edge.Server
	clock  *types.ManualClock
	client *http.Client
	seen   *record
	access *lines
	log    *lines
}

// record is what handlers were given.
type record struct {
	sync.Mutex
	addresses []netip.Addr
	bodies    []string
	callers   []types.ID
}

// lines is a log that may be read while it is written.
type lines struct {
	sync.Mutex
	b bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.Lock()
	defer l.Unlock()
	return l.b.String()
}

// who knows two tokens: ann's holds role 1, bob's none; "stale" was valid once.
type who struct{ clock types.Clock }

func (w who) Authenticate(_ context.Context, token types.Secret, _ bool, address netip.Addr, request types.ID) (*types.Caller, *plan.SessionChange, error) {
	c := &types.Caller{Kind: types.Signed, Address: address, RequestID: request, Session: "s", FreshAt: w.clock.Now().Add(-time.Hour)}
	switch token.Reveal() {
	case "ann":
		c.Account, c.Roles = "ann", 1
	case "bob":
		c.Account = "bob"
	case "away":
		return nil, nil, errors.New("store: the database at 10.0.0.7 is away")
	default:
		return nil, nil, types.Refuse(types.Unauthenticated, "credential_invalid", "sign in again")
	}
	return c, nil, nil
}

func (r *record) keep(req *plan.Request) {
	r.Lock()
	defer r.Unlock()
	r.addresses = append(r.addresses, req.Address)
	r.bodies = append(r.bodies, string(req.Body))
	r.callers = append(r.callers, req.Caller.Account)
}

// routes are one of each kind.
func (r *record) routes() []plan.Route {
	ok := func(_ context.Context, req *plan.Request) (*plan.Answer, error) {
		r.keep(req)
		return &plan.Answer{Body: []byte(`{"ok":true}`)}, nil
	}
	in := &plan.Schema{Type: "object", Closed: true, Properties: map[string]*plan.Schema{"name": {Type: "string", MaxLength: 1000}, "n": {Type: "integer"}}}
	open := plan.Access{Public: "for tests"}
	return []plan.Route{
		{Name: "open", Method: "GET", Path: "/open", Access: open, Status: 200, Handle: ok},
		{Name: "post", Method: "POST", Path: "/post", Access: open, Status: 200, In: in, Handle: ok},
		{Name: "sign_in", Method: "POST", Path: "/sign-in", Access: plan.Access{Public: "for tests", Ignore: true}, Status: 200, In: in, Handle: ok},
		{Name: "mine", Method: "POST", Path: "/mine", Access: plan.Access{SignedIn: true}, Status: 200, In: in, Handle: ok},
		{Name: "role", Method: "POST", Path: "/role", Access: plan.Access{Roles: 1}, Status: 200, In: in, Handle: ok},
		{Name: "fresh", Method: "GET", Path: "/fresh", Access: plan.Access{SignedIn: true, Fresh: 5 * time.Minute}, Status: 200, Handle: ok},
		{Name: "page", Method: "GET", Path: "/page", Access: open, Status: 200, Page: true, Handle: ok},
		{Name: "boom", Method: "GET", Path: "/boom", Access: open, Status: 200, Handle: func(context.Context, *plan.Request) (*plan.Answer, error) { panic("hunter2") }},
		{Name: "fault", Method: "GET", Path: "/fault", Access: open, Status: 200, Handle: func(context.Context, *plan.Request) (*plan.Answer, error) {
			return nil, errors.New("SELECT hunter2 FROM accounts: no such column")
		}},
	}
}

// open starts a gate; change may alter its declaration, environment and configuration.
func open(t *testing.T, change func(*plan.Plan, *edge.Config)) *gate {
	t.Helper()
	g := &gate{T: t, clock: types.NewManualClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), seen: &record{}, access: &lines{}, log: &lines{}}
	p := &plan.Plan{Environment: "development", Decl: &decl.File{Service: decl.Service{Name: "gate", Host: "gate.example"}}}
	authority, err := edge.OpenAuthority(t.TempDir(), "gate", types.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := edge.Config{Plan: p, Routes: g.seen.routes(), Who: who{g.clock}, Clock: g.clock, Certificate: authority.Certificate, HTTPS: "127.0.0.1:0",
		Access: g.access, Drain: 5 * time.Second}
	if change != nil {
		change(p, &cfg)
	}
	if g.server, err = edge.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the edge ended with %v", err)
		}
	})
	transport := &http.Transport{TLSClientConfig: insecure(), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	g.client = &http.Client{Timeout: 10 * time.Second, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return g
}

// insecure trusts any certificate: what certificates say is the authority's test.
func insecure() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
}

// dial opens a connection for a protocol, as bare bytes.
func (g *gate) dial(protocol string) *tls.Conn {
	g.Helper()
	c := insecure()
	c.NextProtos = []string{protocol}
	conn, err := tls.Dial("tcp", g.addr(), c)
	if err != nil {
		g.Fatal(err)
	}
	return conn
}

// reply is an answer, read whole.
type reply struct {
	*http.Response
	text string
	code string
}

// ask sends one request; headers are given as "Name: value".
func (g *gate) ask(method, path, body string, headers ...string) *reply {
	g.Helper()
	req, err := http.NewRequest(method, "https://localhost:"+g.port()+path, strings.NewReader(body))
	if err != nil {
		g.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		if name == "Content-Type" {
			req.Header.Set(name, value)
			continue
		}
		req.Header.Add(name, value)
	}
	resp, err := g.client.Do(req)
	if err != nil {
		g.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.Fatalf("%s %s: %v", method, path, err)
	}
	r := &reply{Response: resp, text: string(text)}
	var problem struct{ Code string }
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") && json.Unmarshal(text, &problem) == nil {
		r.code = problem.Code
	}
	return r
}

func (g *gate) port() string { return g.addr()[strings.LastIndexByte(g.addr(), ':')+1:] }

// want is ask with the status and code that must come back.
func (g *gate) want(status int, code, method, path, body string, headers ...string) *reply {
	g.Helper()
	r := g.ask(method, path, body, headers...)
	if r.StatusCode != status || r.code != code {
		g.Errorf("%s %s %v: %d %s, want %d %s: %s", method, path, headers, r.StatusCode, r.code, status, code, r.text)
	}
	return r
}

func (g *gate) addr() string { return g.server.Addr() }
