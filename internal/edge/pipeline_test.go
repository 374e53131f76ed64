package edge_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// One attack on each step of the pipeline; each has a saboteur.

// TestOldTLS: TLS 1.1, suites without forward secrecy or AEAD, and at level 3 everything before 1.3 are refused.
func TestOldTLS(t *testing.T) {
	dial := func(g *gate, change func(*tls.Config)) (*tls.ConnectionState, error) {
		c := insecure()
		change(c)
		conn, err := tls.Dial("tcp", g.addr(), c)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		s := conn.ConnectionState()
		return &s, nil
	}
	g := open(t, nil)
	if _, err := dial(g, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
	if _, err := dial(g, func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	}); err == nil {
		t.Error("a suite without AEAD or forward secrecy is accepted")
	}
	if s, err := dial(g, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err != nil || s.Version != tls.VersionTLS12 {
		t.Errorf("TLS 1.2 with AEAD is refused: %v", err)
	}
	if s, err := dial(g, func(*tls.Config) {}); err != nil || s.Version != tls.VersionTLS13 || s.CurveID != tls.X25519MLKEM768 {
		t.Errorf("the first choice is not TLS 1.3 with the hybrid key exchange: %+v %v", s, err)
	}
	strict := open(t, func(p *plan.Plan, _ *edge.Config) { p.Decl.Service.Level = 3 })
	if _, err := dial(strict, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err == nil {
		t.Error("level 3 accepts TLS 1.2")
	}
}

// TestHeadersOnEveryAnswer: refusals, faults and pages carry the security headers and the request's id; HSTS is production's alone.
func TestHeadersOnEveryAnswer(t *testing.T) {
	g := open(t, nil)
	for _, r := range []*reply{g.ask("GET", "/open", ""), g.ask("GET", "/none", ""), g.ask("GET", "/boom", ""), g.ask("GET", "/fault", ""),
		g.ask("GET", "/open", "", "Host: evil.example"), g.ask("GET", "/a//b", ""), g.ask("PUT", "/open", ""), g.ask("POST", "/post", "{"),
		g.ask("POST", "/mine", "{}", "Authorization: Bearer nobody"), g.ask("GET", "/page", "")} {
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s %d: %s is %q", r.Request.URL.Path, r.StatusCode, name, got)
			}
		}
		csp := r.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s %d: policy %q", r.Request.URL.Path, r.StatusCode, csp)
		}
		if len(r.Header.Get("X-Request-Id")) != 26 || r.Header.Get("Server") != "" || r.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s %d: %v", r.Request.URL.Path, r.StatusCode, r.Header)
		}
	}
	production := open(t, func(p *plan.Plan, _ *edge.Config) { p.Environment = "production" })
	if r := production.ask("GET", "/open", "", "Host: gate.example"); !strings.Contains(r.Header.Get("Strict-Transport-Security"), "max-age=31536000") {
		t.Errorf("production sends %q", r.Header.Get("Strict-Transport-Security"))
	}
}

// TestForwardedFor: a client cannot choose its address; a declared proxy can tell it, and only its own right-hand entries count.
func TestForwardedFor(t *testing.T) {
	last := func(g *gate) netip.Addr { return g.seen.addresses[len(g.seen.addresses)-1] }
	direct := open(t, nil)
	direct.want(200, "", "GET", "/open", "", "X-Forwarded-For: 198.51.100.1", "X-Real-Ip: 198.51.100.1", "Forwarded: for=198.51.100.1")
	if at := last(direct); !at.IsLoopback() {
		t.Errorf("a client chose the address %v", at)
	}
	behind := open(t, func(p *plan.Plan, _ *edge.Config) {
		p.Decl.Proxies = []decl.Text{{Value: "127.0.0.0/8"}, {Value: "10.0.0.0/8"}}
	})
	for header, want := range map[string]string{"198.51.100.1": "198.51.100.1", "1.1.1.1, 198.51.100.1": "198.51.100.1",
		"198.51.100.1, 10.1.2.3": "198.51.100.1", "nonsense": "127.0.0.1"} {
		behind.want(200, "", "GET", "/open", "", "X-Forwarded-For: "+header)
		if at := last(behind); at != netip.MustParseAddr(want) {
			t.Errorf("%q is taken for %v, want %s", header, at, want)
		}
	}
}

// TestForgedHost: a host that is not ours, and any path that is not in its one form, get 400 and never reach a handler.
func TestForgedHost(t *testing.T) {
	g := open(t, nil)
	for _, host := range []string{"evil.example", "localhost", "localhost:1", "localhost." + ":" + g.port(), "gate.example"} {
		g.want(400, "unknown_host", "GET", "/open", "", "Host: "+host)
	}
	for _, path := range []string{"//open", "/./open", "/x/../open", "/%6fpen", "/open%00", "/x%2f..%2fopen", "/op%C3%A9n", "/open;x=1", `/x\open`} {
		if r := g.ask("GET", path, ""); r.StatusCode != 400 || r.code != "bad_path" {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.code)
		}
	}
	g.want(400, "bad_query", "GET", "/open?a=%zz", "")
	g.want(400, "bad_query", "GET", "/open?a="+strings.Repeat("x", 5000), "")
	if len(g.seen.bodies) != 0 {
		t.Errorf("%d requests reached a handler", len(g.seen.bodies))
	}
}

// TestLimits: too many requests of one network, and of one account from any network, are 429 and say when to come again.
func TestLimits(t *testing.T) {
	few := decl.Rate{Count: 40, Per: time.Hour}
	for name, c := range map[string]struct {
		limit decl.Limits
		token string
	}{"network": {decl.Limits{PerAddress: few}, ""}, "account": {decl.Limits{PerAccount: few}, "ann"}} {
		t.Run(name, func(t *testing.T) {
			g := open(t, func(p *plan.Plan, _ *edge.Config) { p.Decl.Limits = c.limit })
			var headers []string
			if c.token != "" {
				headers = append(headers, "Authorization: Bearer "+c.token)
			}
			for range 10 {
				g.want(200, "", "GET", "/open", "", headers...)
			}
			r := g.want(429, "too_many_requests", "GET", "/open", "", headers...)
			wait, err := strconv.Atoi(r.Header.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 3600 {
				t.Fatalf("Retry-After is %q", r.Header.Get("Retry-After"))
			}
			if name == "account" {
				g.want(200, "", "GET", "/open", "", "Authorization: Bearer bob")
			}
			g.clock.Advance(time.Duration(wait) * time.Second)
			g.want(200, "", "GET", "/open", "", headers...)
		})
	}
}

// TestLongBodiesCostMore: a long body counts as further requests, of the account or of the network, and as half of what can be saved up at the most.
func TestLongBodiesCostMore(t *testing.T) {
	few := decl.Rate{Count: 40, Per: time.Hour}
	long := func(n int) string { return `{"name":` + strings.Repeat(" ", n) + `"x"}` }
	for path, headers := range map[string][]string{"/mine": {"Authorization: Bearer ann"}, "/post": nil} {
		g := open(t, func(p *plan.Plan, _ *edge.Config) { p.Decl.Limits = decl.Limits{PerAddress: few, PerAccount: few} })
		ask := func(status int, code string, n int) {
			t.Helper()
			g.want(status, code, "POST", path, long(n), append(headers, "Content-Type: application/json")...)
		}
		ask(200, "", 60<<10)
		ask(200, "", 60<<10)
		ask(429, "too_many_requests", 60<<10)
		ask(200, "", 15<<10)
		if g.clock.Advance(time.Hour); path == "/mine" { // strangers send less
			ask(200, "", 500<<10)
		}
	}
}

// TestNoOtherDoors: a path or verb that the plan does not have is not served, whatever the method is called; who has not said who he is
// learns nothing about paths.
func TestNoOtherDoors(t *testing.T) {
	g := open(t, nil)
	g.want(401, "sign_in_required", "GET", "/none", "")
	g.want(404, "not_found", "GET", "/none", "", "Authorization: Bearer bob")
	g.want(404, "not_found", "GET", "/open/", "", "Authorization: Bearer bob")
	for _, method := range []string{"PUT", "DELETE", "PATCH", "POST", "TRACE", "PROPFIND", "get"} {
		r := g.want(405, "method_not_allowed", method, "/open", "")
		if r.Header.Get("Allow") != "GET" {
			t.Errorf("%s: Allow is %q", method, r.Header.Get("Allow"))
		}
	}
	g.want(405, "method_not_allowed", "POST", "/open", "", "X-Http-Method-Override: GET")
	if r := g.ask("HEAD", "/open", ""); r.StatusCode != 200 || r.text != "" {
		t.Errorf("HEAD: %d %q", r.StatusCode, r.text)
	}
}

// TestOtherSites: a page of another site cannot send an unsafe request, and cannot read an answer unless its origin is declared; no
// credentials are ever allowed across.
func TestOtherSites(t *testing.T) {
	g := open(t, func(p *plan.Plan, _ *edge.Config) { p.Decl.Origins = []decl.Text{{Value: "https://app.example"}} })
	g.want(403, "cross_origin", "POST", "/post", "{}", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
	g.want(403, "cross_origin", "POST", "/post", "{}", "Origin: https://evil.example")
	g.want(403, "cross_origin", "POST", "/post", "{}", "Origin: null")
	g.want(403, "cross_origin", "POST", "/post", "{}", "Origin: https://app.example.evil.example")
	g.want(200, "", "POST", "/post", "{}", "Origin: https://app.example")
	g.want(200, "", "POST", "/post", "{}") // curl
	for origin, allowed := range map[string]string{"https://evil.example": "", "https://app.example": "https://app.example", "null": "", "https://APP.example": ""} {
		r := g.ask("GET", "/open", "", "Origin: "+origin)
		if got := r.Header.Get("Access-Control-Allow-Origin"); got != allowed || r.Header.Get("Access-Control-Allow-Credentials") != "" || r.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: %v", origin, r.Header)
		}
	}
	if r := g.ask("OPTIONS", "/post", "", "Origin: https://app.example", "Access-Control-Request-Method: POST"); r.StatusCode != 204 {
		t.Errorf("preflight: %d", r.StatusCode)
	}
	if r := g.ask("OPTIONS", "/post", "", "Origin: https://evil.example", "Access-Control-Request-Method: POST"); r.StatusCode < 400 || r.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("preflight from elsewhere: %d %v", r.StatusCode, r.Header)
	}
}

// TestCredentials: what is presented and not valid is refused, never taken for nobody; two at once are an ambiguity; a cookie needs a
// request that says it comes from our own pages.
func TestCredentials(t *testing.T) {
	g := open(t, nil)
	cookie, same := "Cookie: __Host-fastness-gate=", "Sec-Fetch-Site: same-origin"
	r := g.want(401, "credential_invalid", "GET", "/open", "", cookie+"stale")
	if c := r.Header.Get("Set-Cookie"); !strings.Contains(c, "__Host-fastness-gate=;") || !strings.Contains(c, "Max-Age=0") {
		t.Errorf("the cookie is not cleared: %q", c)
	}
	g.want(401, "credential_invalid", "GET", "/open", "", "Authorization: Bearer stale")
	g.want(401, "credential_invalid", "GET", "/open", "", "Authorization: Basic YW5uOmFubg==")
	g.want(400, "two_credentials", "GET", "/open", "", cookie+"ann", "Authorization: Bearer ann")
	g.want(400, "two_credentials", "GET", "/open", "", cookie+"ann; __Host-fastness-gate=bob")
	g.want(400, "two_credentials", "GET", "/open", "", "Authorization: Bearer ann", "Authorization: Bearer bob")
	g.want(403, "cross_origin", "POST", "/mine", "{}", cookie+"ann")
	g.want(403, "cross_origin", "POST", "/mine", "{}", cookie+"ann", "Sec-Fetch-Site: same-site")
	g.want(403, "cross_origin", "POST", "/mine", "{}", cookie+"ann", "Sec-Fetch-Site: none")
	g.want(200, "", "POST", "/mine", "{}", cookie+"ann", same)
	g.want(200, "", "POST", "/mine", "{}", cookie+"ann", "Origin: https://localhost:"+g.port())
	g.want(200, "", "POST", "/mine", "{}", "Authorization: bearer ann")
	g.want(200, "", "POST", "/sign-in", "{}", cookie+"stale", same) // sign-in replaces what is presented
	g.want(500, "internal", "GET", "/open", "", "Authorization: Bearer away")
	for _, account := range g.seen.callers[:3] {
		if account != "ann" {
			t.Errorf("handlers were given %v", g.seen.callers)
		}
	}
}

// TestAccessComesBeforeTheBody: who may not use a route is told so without a byte of his body being read.
func TestAccessComesBeforeTheBody(t *testing.T) {
	g := open(t, nil)
	g.want(401, "sign_in_required", "POST", "/role", "not json")
	g.want(403, "not_allowed", "POST", "/role", "not json", "Authorization: Bearer bob")
	g.want(400, "bad_json", "POST", "/role", "not json", "Authorization: Bearer ann")
	g.want(200, "", "POST", "/role", "{}", "Authorization: Bearer ann")
	g.want(403, "step_up_required", "GET", "/fresh", "", "Authorization: Bearer ann")
	g.want(401, "sign_in_required", "GET", "/fresh", "")
	raw := g.raw("POST /role HTTP/1.1\r\nHost: localhost:" + g.port() + "\r\nAuthorization: Bearer bob\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
	if !strings.HasPrefix(raw, "HTTP/1.1 403") || !strings.Contains(raw, "Connection: close") {
		t.Errorf("a caller without the role waits for his body to be read: %q", raw)
	}
}

// TestStrictJSON: JSON that two readers could understand differently never reaches a handler.
func TestStrictJSON(t *testing.T) {
	g := open(t, nil)
	for name, body := range map[string]string{"duplicate key": `{"name":"a","name":"b"}`, "nested duplicate": `{"name":"a","x":{"a":1,"a":2}}`, "bad UTF-8": "{\"name\":\"\xff\"}",
		"lone surrogate": `{"name":"\ud800"}`, "NUL": `{"name":"a\u0000"}`, "trailing": `{"name":"a"}{}`, "trailing comma": `{"name":"a",}`, "comment": `{/**/"name":"a"}`,
		"single quotes": `{'name':'a'}`, "NaN": `{"n":NaN}`, "leading zero": `{"n":01}`, "half": `{"name":"a"`, "byte order mark": "\ufeff{}",
		"deep": strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000), "blank": " "} {
		if r := g.ask("POST", "/post", body); r.StatusCode != 400 || r.code != "bad_json" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.code)
		}
	}
	for name, body := range map[string]string{"unknown key": `{"nam":"a"}`, "case variant": `{"NAME":"a"}`, "wrong type": `{"name":1}`, "not an object": `["name"]`,
		"too long": `{"name":"` + strings.Repeat("x", 1001) + `"}`, "fraction": `{"n":1.5}`, "beyond 2^53": `{"n":9007199254740993}`} {
		if r := g.ask("POST", "/post", body); r.StatusCode != 422 || r.code != "invalid" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.code)
		}
	}
	g.want(415, "unsupported_type", "POST", "/post", "{}", "Content-Type: text/plain")
	g.want(415, "unsupported_type", "POST", "/post", "{}", "Content-Type: application/json; charset=utf-16")
	g.want(415, "unsupported_encoding", "POST", "/post", "{}", "Content-Encoding: gzip")
	g.want(413, "too_large", "POST", "/post", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`)
	if len(g.seen.bodies) != 0 {
		t.Errorf("%d of these reached a handler", len(g.seen.bodies))
	}
	g.want(200, "", "POST", "/post", `{"name":"ok","n":9007199254740991}`)
}

// TestFaultsAreMute: a panic and an error that is not ours tell the client a request id and nothing else, and are logged under it.
func TestFaultsAreMute(t *testing.T) {
	g := open(t, nil)
	for _, path := range []string{"/boom", "/fault"} {
		r := g.want(500, "internal", "GET", path, "")
		for _, secret := range []string{"hunter2", "SELECT", "panic", ".go", "goroutine"} {
			if strings.Contains(r.text, secret) || strings.Contains(fmt.Sprint(r.Header), secret) {
				t.Errorf("%s tells %q", path, r.text)
			}
		}
		var problem struct {
			RequestID string `json:"request_id"`
		}
		if json.Unmarshal([]byte(r.text), &problem) != nil || problem.RequestID != r.Header.Get("X-Request-Id") {
			t.Errorf("%s: %s does not name the request", path, r.text)
		}
	}
}

// TestLogHoldsNoValues: the access log has one line per request with ids, classes and numbers; paths that are not the plan's, queries,
// tokens, bodies and header values are not in it.
func TestLogHoldsNoValues(t *testing.T) {
	g := open(t, nil)
	r := g.ask("POST", "/post?name=hunter2", `{"name":"hunter2"}`, "Authorization: Bearer ann", "User-Agent: hunter2")
	g.ask("GET", "/hunter2", "")
	g.ask("GET", "/open", "", "Authorization: Bearer hunter2")
	for range 500 { // lines are written each second
		if strings.Count(g.access.String(), "\n") == 3 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	log := g.access.String()
	if strings.Count(log, "\n") != 3 || strings.Contains(log, "hunter2") || !strings.Contains(log, r.Header.Get("X-Request-Id")) || !strings.Contains(log, `"account":"ann"`) {
		t.Errorf("the access log says\n%s", log)
	}
}
