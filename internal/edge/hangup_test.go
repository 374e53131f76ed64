package edge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/meter"
)

// TestHangingUp: a client that hangs up, over HTTP/1.1 and HTTP/2, is a class of its own: no fault in the log, no refusal and no 5xx in the
// numbers. What only reads rows ends; everything else is carried out.
func TestHangingUp(t *testing.T) {
	begun, ended := make(chan bool, 1), make(chan error, 1)
	handle := func(ctx context.Context, _ *plan.Request) (*plan.Answer, error) {
		begun <- true
		var err error
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(300 * time.Millisecond): // longer than the news of a closed connection takes
		}
		ended <- err
		if err != nil {
			err = fmt.Errorf("keep: %w", &types.Error{Kind: types.Unavailable, Code: "too_slow", Err: err})
		}
		return &plan.Answer{}, err
	}
	numbers := &meter.Set{}
	open1 := plan.Access{Public: "for tests"}
	rows := plan.Access{Public: "for tests", Rule: "notes", Action: types.Read}
	g := open(t, func(_ *plan.Plan, c *edge.Config) {
		c.Meter = numbers
		c.Log = slog.New(slog.NewTextHandler(c.Access, nil))
		c.Routes = append(c.Routes, plan.Route{Name: "list", Method: "GET", Path: "/list", Access: rows, Status: 200, Handle: handle},
			plan.Route{Name: "guess", Method: "POST", Path: "/guess", Access: open1, Status: 200, In: &plan.Schema{Type: "object"}, Handle: handle},
			plan.Route{Name: "callback", Method: "GET", Path: "/callback", Access: open1, Status: 200, Handle: handle},
			plan.Route{Name: "write", Method: "POST", Path: "/write", Access: rows, Status: 200, In: &plan.Schema{Type: "object"}, Handle: handle})
	})
	one := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure(), TLSNextProto: nil, DisableKeepAlives: true, Protocols: http1()}}
	for _, c := range []struct {
		method, path string
		stops        bool
	}{{"GET", "/list", true}, {"POST", "/guess", false}, {"GET", "/callback", false}, {"POST", "/write", false}} {
		for version, client := range map[string]*http.Client{"HTTP/1.1": one, "HTTP/2": g.client} {
			ctx, hangUp := context.WithCancel(t.Context())
			body := ""
			if c.method == "POST" {
				body = "{}"
			}
			req, err := http.NewRequestWithContext(ctx, c.method, "https://localhost:"+g.port()+c.path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			go func() {
				if resp, err := client.Do(req); err == nil {
					resp.Body.Close()
				}
			}()
			<-begun
			hangUp()
			if err := <-ended; errors.Is(err, context.Canceled) != c.stops {
				t.Errorf("%s %s over %s: the room was told %v", c.method, c.path, version, err)
			}
		}
	}
	for end := time.Now().Add(5 * time.Second); strings.Count(g.access.String(), `"status":`) < 8 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // the log is written once a second
	}
	if n := strings.Count(g.access.String(), `"status":499`); n != 2 {
		t.Errorf("%d of two are logged as hung up", n)
	}
	var text strings.Builder
	numbers.WriteTo(&text)
	if !strings.Contains(text.String(), `fastness_requests_total{class="hung_up"} 2`) || strings.Contains(text.String(), "5xx") ||
		strings.Contains(text.String(), "refusals") {
		t.Errorf("the numbers are\n%s", text.String())
	}
	if log := g.access.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
		t.Errorf("the log is\n%s", log)
	}
}

func http1() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(true)
	return p
}
