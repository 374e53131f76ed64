package edge_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/edge/strict"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

// hold sends the first n bytes of a body of 200,000 and holds the request open. The clock of the server stands, and 127.0.0.0/8 is a proxy.
func (g *gate) hold(n int, from string) (finish func() string) {
	g.Helper()
	conn := g.dial("http/1.1")
	g.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	body := `{"name":"` + strings.Repeat("x", 200000-11) + `"}`
	fmt.Fprintf(conn, "POST /mine HTTP/1.1\r\nHost: localhost:%s\r\nAuthorization: Bearer ann\r\nX-Forwarded-For: %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		g.port(), from, len(body), body[:n])
	return func() string {
		io.WriteString(conn, body[n:])
		text, _ := io.ReadAll(conn)
		return string(text)
	}
}

// TestBodiesInFlight: what all bodies hold at once is bounded, one network has a quarter of it, what was declared and not sent holds nothing,
// and what was answered is given back.
func TestBodiesInFlight(t *testing.T) {
	g := open(t, func(p *plan.Plan, c *edge.Config) {
		c.Bodies = 1 << 20
		p.Decl.Proxies = []decl.Text{{Value: "127.0.0.0/8"}}
	})
	post := func(from string) int {
		return g.ask("POST", "/mine", `{"name":"x"}`, "Authorization: Bearer ann", "X-Forwarded-For: "+from).StatusCode
	}
	first := g.hold(190000, "192.0.2.1")
	second := g.hold(190000, "192.0.2.2") // the same network: together they are over its quarter
	if answer := second(); !strings.HasPrefix(answer, "HTTP/1.1 503") || !strings.Contains(answer, "too_many_bodies") || !strings.Contains(answer, "Retry-After: ") {
		t.Errorf("a network over its share: %.300s", answer)
	}
	if got := post("198.51.100.1"); got != 200 {
		t.Errorf("another network: %d", got)
	}
	for range 30 {
		g.hold(10, "192.0.2.3") // a little each, whatever it declares
	}
	if answer := first(); !strings.HasPrefix(answer, "HTTP/1.1 422") { // the name is too long
		t.Errorf("the first body: %.300s", answer)
	}
	var finish []func() string
	for i := range 8 {
		finish = append(finish, g.hold(190000, fmt.Sprintf("203.0.%d.1", i)))
	}
	refused := 0
	for _, end := range finish {
		if strings.HasPrefix(end(), "HTTP/1.1 503") {
			refused++
		}
	}
	if refused == 0 || refused == len(finish) {
		t.Errorf("%d of %d networks are refused when together they are over the whole", refused, len(finish))
	}
	for end := time.Now().Add(5 * time.Second); post("192.0.2.1") != 200; {
		if time.Now().After(end) {
			t.Fatal("what was answered is not given back")
		}
	}
}

// TestAnonymousBodies: bodies of callers who are not signed in have a cap of their own, which the declaration may move.
func TestAnonymousBodies(t *testing.T) {
	body := `{"name":"` + strings.Repeat("x", 100000) + `"}`
	g := open(t, nil)
	g.want(413, "too_large", "POST", "/post", body)
	g.want(413, "too_large", "POST", "/sign-in", body, "Authorization: Bearer ann")
	g.want(422, "invalid", "POST", "/post", body, "Authorization: Bearer ann")
	wide := open(t, func(p *plan.Plan, _ *edge.Config) { p.Decl.Limits.AnonymousBody = 200000 })
	wide.want(422, "invalid", "POST", "/post", body)
}

// TestErrorsStop: an answer names a hundred errors at most, and says that there are more.
func TestErrorsStop(t *testing.T) {
	g := open(t, nil)
	for n, want := range map[int]int{5: 5, 100: 100, 101: 100, 5000: 100} {
		r := g.want(422, "invalid", "POST", "/post", "{"+manyKeys(n)+"}", "Authorization: Bearer ann")
		var problem struct {
			Fields     []any `json:"fields"`
			MoreFields bool  `json:"more_fields"`
		}
		if err := json.Unmarshal([]byte(r.text), &problem); err != nil || len(problem.Fields) != want || problem.MoreFields != (n > want) {
			t.Errorf("%d unknown fields: %d are named, more: %v", n, len(problem.Fields), problem.MoreFields)
		}
	}
}

// TestErrorsCostLittle: a body of nothing but errors is not read to its end to find them all.
func TestErrorsCostLittle(t *testing.T) {
	in := &plan.Schema{Type: "object", Closed: true}
	list := &plan.Schema{Type: "array", Items: &plan.Schema{Type: "string", MaxLength: 10}}
	for name, c := range map[string]struct {
		schema *plan.Schema
		body   string
	}{"keys": {in, "{" + manyKeys(50000) + "}"}, "items": {list, "[" + strings.TrimSuffix(strings.Repeat("1,", 200000), ",") + "]"}} {
		if n := len(strict.Validate(c.schema, []byte(c.body))); n < 100 || n > 101 {
			t.Errorf("%s: %d errors were collected", name, n)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	return b.String()[1:]
}
