package edge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestPagePolicy: a page may load from its own origin and nothing else, run nothing inline, build no markup from strings, be framed by
// nobody and send forms nowhere else.
func TestPagePolicy(t *testing.T) {
	g := open(t, nil)
	policy := map[string]string{}
	for _, d := range strings.Split(g.ask("GET", "/page", "").Header.Get("Content-Security-Policy"), "; ") {
		name, value, _ := strings.Cut(d, " ")
		policy[name] = value
	}
	for name, want := range map[string]string{"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'", "form-action": "'self'",
		"frame-ancestors": "'none'", "base-uri": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'"} {
		if policy[name] != want {
			t.Errorf("%s is %q, want %q", name, policy[name], want)
		}
	}
}

// TestPagesTellRefusals: a page's own way of telling is asked for people only, after what may not be told was taken out, and with the
// status, the headers and the cookies of any refusal.
func TestPagesTellRefusals(t *testing.T) {
	var told []*types.Error
	g := open(t, func(_ *plan.Plan, c *edge.Config) {
		for i := range c.Routes {
			if slices.Contains([]string{"fault", "mine"}, c.Routes[i].Name) {
				c.Routes[i].Page = true
				c.Routes[i].Problem = func(r *plan.Request, status int, e *types.Error) *plan.Answer {
					told = append(told, e)
					if r.Caller == nil || r.URL == "" {
						t.Error("the page is not told who asks, or for what")
					}
					return &plan.Answer{Status: status, ContentType: "text/html", Body: []byte("<h1>" + e.Code + "</h1>")}
				}
			}
		}
	})
	fault := g.ask("GET", "/fault", "", "Accept: text/html")
	if fault.StatusCode != 500 || fault.text != "<h1>internal</h1>" || len(told) != 1 || told[0].Err != nil {
		t.Errorf("a fault: %d %s %v", fault.StatusCode, fault.text, told)
	}
	if r := g.ask("GET", "/fault", ""); r.StatusCode != 500 || !strings.Contains(r.text, `"code":"internal"`) {
		t.Errorf("a program is told %s", r.text)
	}
}
