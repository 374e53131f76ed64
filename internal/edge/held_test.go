package edge_test

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// fickle is who, until ann's session ends or her role is withdrawn.
type fickle struct {
	who
	ended, withdrawn *atomic.Bool
	asked            *atomic.Int64
}

func (f fickle) Authenticate(ctx context.Context, token types.Secret, bearer bool, at netip.Addr, id types.ID) (*types.Caller, *plan.SessionChange, error) {
	f.asked.Add(1)
	if f.ended.Load() {
		token = types.NewSecret("nobody's")
	}
	c, change, err := f.who.Authenticate(ctx, token, bearer, at, id)
	if err == nil && f.withdrawn.Load() {
		c.Roles = 0
	}
	return c, change, err
}

// TestHeldBody: whoever is let in and holds his body back is judged by what he is when it is there: nobody, after his session ended, and
// without the role that was withdrawn. A body that comes with its headers costs one look.
func TestHeldBody(t *testing.T) {
	f := fickle{ended: &atomic.Bool{}, withdrawn: &atomic.Bool{}, asked: &atomic.Int64{}}
	g := open(t, func(_ *plan.Plan, c *edge.Config) {
		f.clock = c.Clock
		c.Who = f
		c.Routes = append(c.Routes, plan.Route{Name: "bare", Method: "DELETE", Path: "/bare", Access: plan.Access{SignedIn: true}, Status: 204,
			Handle: func(context.Context, *plan.Request) (*plan.Answer, error) { return &plan.Answer{Status: 204}, nil }})
	})
	path, length, rest := "POST /role", "Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"name\"", `:"ann"}`
	hold := func(meanwhile func()) string {
		t.Helper()
		conn := g.dial("http/1.1")
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		before := f.asked.Load()
		io.WriteString(conn, path+" HTTP/1.1\r\nHost: localhost:"+g.port()+"\r\nAuthorization: Bearer ann\r\nConnection: close\r\n"+length)
		for f.asked.Load() == before {
			time.Sleep(time.Millisecond)
		}
		meanwhile()
		g.clock.Advance(time.Second)
		io.WriteString(conn, rest)
		text, _ := io.ReadAll(conn)
		return strings.SplitN(string(text), "\r\n", 2)[0]
	}
	if got := hold(func() {}); got != "HTTP/1.1 200 OK" {
		t.Errorf("a slow body of somebody who may: %s", got)
	}
	if got := hold(func() { f.withdrawn.Store(true) }); got != "HTTP/1.1 403 Forbidden" {
		t.Errorf("the role was withdrawn while the body was held: %s", got)
	}
	f.withdrawn.Store(false)
	if got := hold(func() { f.ended.Store(true) }); got != "HTTP/1.1 401 Unauthorized" {
		t.Errorf("the session ended while the body was held: %s", got)
	}
	f.ended.Store(false)
	path, length, rest = "DELETE /bare", "Transfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n" // a body of which one waits to see that there is none
	if got := hold(func() { f.ended.Store(true) }); got != "HTTP/1.1 401 Unauthorized" {
		t.Errorf("the session ended while the end of no body was held: %s", got)
	}
	f.ended.Store(false)
	before := f.asked.Load()
	g.want(200, "", "POST", "/role", `{"name":"ann"}`, "Authorization: Bearer ann")
	if n := f.asked.Load() - before; n != 1 {
		t.Errorf("%d looks at a credential whose body came at once, want 1", n)
	}
}
