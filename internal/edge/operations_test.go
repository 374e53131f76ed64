package edge_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
)

// TestOperations: health, readiness and numbers have a listener of their own; readiness follows the database; every line of the numbers is
// of Prometheus' format, and nothing that a client chose is in them.
func TestOperations(t *testing.T) {
	var away atomic.Bool
	g := open(t, func(_ *plan.Plan, c *edge.Config) {
		c.Operations = "127.0.0.1:0"
		c.Ready = func(context.Context) error {
			if away.Load() {
				return errors.New("away")
			}
			return nil
		}
	})
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + g.server.OperationsAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	g.want(200, "", "GET", "/open", "")
	g.ask("GET", "/hunter2", "", "User-Agent: hunter2")
	g.want(415, "unsupported_type", "POST", "/post", "{}", "Content-Type: hunter2/x")
	if code, _ := get("/readyz"); code != 200 {
		t.Errorf("ready: %d", code)
	}
	away.Store(true)
	if code, text := get("/readyz"); code != 503 || text != "not ready\n" {
		t.Errorf("without a database: %d %q", code, text)
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("alive without a database: %d", code)
	}
	if code, _ := get("/open"); code != 404 {
		t.Errorf("data on the listener of operations: %d", code)
	}
	_, text := get("/metrics")
	line := regexp.MustCompile(`^(# TYPE [a-z_]+ (counter|gauge)|[a-z_]+(\{[a-z]+="[a-z0-9_]*"\})? -?[0-9]+)$`)
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if !line.MatchString(l) {
			t.Errorf("not of the format: %q", l)
		}
	}
	for _, want := range []string{`fastness_requests_total{class="2xx"} 1`, `fastness_requests_total{class="4xx"} 2`, `fastness_refusals_total{code="unsupported_type"} 1`,
		`fastness_refusals_total{code="sign_in_required"} 1`, "# TYPE fastness_connections gauge", "# TYPE fastness_requests_total counter"} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a client's words are in\n%s", text)
	}
}
