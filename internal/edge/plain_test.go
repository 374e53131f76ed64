package edge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// TestPlainPort: the port without TLS serves no data and takes no credential; a page is sent to our own name, whatever Host says, and only
// by a path that is plain.
func TestPlainPort(t *testing.T) {
	port, err := hosttest.Port()
	if err != nil {
		t.Fatal(err)
	}
	at := "127.0.0.1:" + port
	g := open(t, func(_ *plan.Plan, c *edge.Config) { c.HTTP = at })
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		method, path, host, token string
		status                    int
	}{
		{"GET", "/page", "", "", 308}, {"GET", "/page", "evil.example", "", 308}, {"GET", "/open", "", "ann", 403}, {"POST", "/post", "", "", 403},
		{"GET", "/api/v1/notes", "", "", 403}, {"GET", "/auth/session", "", "", 403}, {"GET", "//evil.example/x", "", "", 403}, {"GET", "/%0d%0aSet-Cookie:x", "", "", 403},
		{"GET", "/page?token=hunter2", "", "", 308},
	} {
		req, err := http.NewRequest(c.method, "http://"+at+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.host != "" {
			req.Host = c.host
		}
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		to := resp.Header.Get("Location")
		if resp.StatusCode != c.status || strings.Contains(string(text), `{"ok":true}`) || c.status == 308 && to != "https://localhost:"+g.port()+"/page" || c.status != 308 && to != "" {
			t.Errorf("%s %s for %q: %d to %q: %s", c.method, c.path, c.host, resp.StatusCode, to, text)
		}
	}
	if len(g.seen.bodies) != 0 {
		t.Errorf("handlers saw %q", g.seen.bodies)
	}
}
