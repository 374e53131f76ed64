package edge_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestClientsBehindAProxyStayApart: however a proxy writes an address into X-Forwarded-For, with a port, brackets, blanks or behind what the
// client wrote itself, as many clients arrive as there are.
func TestClientsBehindAProxyStayApart(t *testing.T) {
	g := open(t, func(p *plan.Plan, _ *edge.Config) { p.Decl.Proxies = []decl.Text{{Value: "127.0.0.0/8"}} })
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		var raw [16]byte
		for j := range raw {
			raw[j] = byte(random.Uint32())
		}
		raw[0] = 0x20
		want := netip.AddrFrom16(raw)
		if i%2 == 0 {
			want = netip.AddrFrom4([4]byte{198, byte(i), raw[2], raw[3]})
		}
		bracket := "[" + want.String() + "]"
		forms := []string{want.String(), netip.AddrPortFrom(want, uint16(1+random.IntN(65535))).String(), " " + want.String() + " ", `"` + bracket + `:443"`, bracket,
			"10.9.8.7, " + want.String(), "unknown, " + bracket}
		if want.Is4() {
			forms = append(forms, "::ffff:"+want.String(), "[::ffff:"+want.String()+"]:80")
		}
		form := forms[random.IntN(len(forms))]
		g.want(200, "", "GET", "/open", "", "X-Forwarded-For: "+form)
		if got := g.seen.addresses[len(g.seen.addresses)-1]; got != want {
			t.Fatalf("%q is taken for %v, want %v", form, got, want)
		}
	}
}

// TestOriginOfTheWorld: what the declaration says that the world sees is what links begin with, which hosts are answered, in whatever case,
// and which Origin is our own.
func TestOriginOfTheWorld(t *testing.T) {
	for origin, c := range map[string]struct {
		own     string
		hosts   []string
		refused []string
	}{
		"":                          {"https://gate.example", []string{"gate.example", "gate.example:443", "GATE.example", "Gate.Example:443"}, []string{"gate.example:8443", "gate.example."}},
		"https://gate.example:8443": {"https://gate.example:8443", []string{"gate.example:8443", "GATE.EXAMPLE:8443", "gate.example"}, []string{"gate.example:443", "gate.example:9"}},
	} {
		g := open(t, func(p *plan.Plan, _ *edge.Config) { p.Environment, p.Decl.Service.Origin = "production", origin })
		if got := g.server.Own(); got != c.own {
			t.Errorf("origin %q: links begin with %s, want %s", origin, got, c.own)
		}
		for _, host := range c.hosts {
			g.want(200, "", "GET", "/open", "", "Host: "+host)
			g.want(200, "", "POST", "/mine", `{"n":1}`, "Host: "+host, "Origin: "+c.own, "Cookie: __Host-fastness=ann")
			g.want(403, "cross_origin", "POST", "/mine", `{"n":1}`, "Host: "+host, "Origin: "+c.own+"1", "Cookie: __Host-fastness=ann")
		}
		for _, host := range c.refused {
			g.want(400, "unknown_host", "GET", "/open", "", "Host: "+host)
		}
	}
}

// TestPreflightsTellTheVerbs: a preflight offers what the path takes, PUT too; a dev server's origin is as good as another.
func TestPreflightsTellTheVerbs(t *testing.T) {
	g := open(t, func(p *plan.Plan, c *edge.Config) {
		p.Decl.Origins = []decl.Text{{Value: "http://localhost:3000"}}
		put := c.Routes[1]
		put.Name, put.Method, put.Path = "put", "PUT", "/open"
		c.Routes = append(c.Routes, put)
	})
	r := g.want(204, "", "OPTIONS", "/open", "", "Origin: http://localhost:3000", "Access-Control-Request-Method: PUT")
	if got := r.Header.Get("Access-Control-Allow-Methods"); got != "GET, PUT" {
		t.Errorf("the preflight offers %q", got)
	}
	g.want(200, "", "PUT", "/open", `{"n":1}`, "Origin: http://localhost:3000", "Sec-Fetch-Site: cross-site", "Authorization: Bearer ann")
	g.want(403, "cross_origin", "PUT", "/open", `{"n":1}`, "Origin: http://localhost:3001", "Sec-Fetch-Site: cross-site", "Authorization: Bearer ann")
}

// TestOperationsHost: the listener of operations answers to addresses, localhost and declared names, never to a name that somebody else
// resolves to it; a connection whose body is in doubt ends; its answers carry the headers of all.
func TestOperationsHost(t *testing.T) {
	g := open(t, func(_ *plan.Plan, c *edge.Config) { c.Operations = "127.0.0.1:0" })
	ask := func(text string) string {
		conn, err := net.Dial("tcp", g.server.OperationsAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(types.SystemClock{}.Now().Add(time.Second))
		io.WriteString(conn, text)
		answer, _ := io.ReadAll(conn)
		return string(answer)
	}
	for host, want := range map[string]string{"127.0.0.1": "200", "127.0.0.1:9090": "200", "[::1]:9090": "200", "10.1.2.3:9090": "200", "localhost": "200", "LOCALHOST:1": "200",
		"gate.example:9090": "200", "evil.example": "400", "evil.example:9090": "400", "127.0.0.1.evil.example": "400", "localhost.evil.example:1": "400"} {
		answer := ask(fmt.Sprintf("GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host))
		if !strings.HasPrefix(answer, "HTTP/1.1 "+want) || strings.Contains(answer, "fastness_") != (want == "200") || !strings.Contains(answer, "X-Content-Type-Options: nosniff") ||
			!strings.Contains(answer, "Content-Security-Policy: ") || !strings.Contains(answer, "X-Request-Id: ") {
			t.Errorf("Host %s: %.400s, want %s", host, answer, want)
		}
	}
	hidden := "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
	answer := ask(fmt.Sprintf("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden))
	if strings.Count(answer, "HTTP/1.1 ") != 1 || !strings.Contains(answer, "Connection: close") {
		t.Errorf("a connection whose body is in doubt goes on: %s", answer)
	}
}
