package edge_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
)

// impatient waits a fifth of a second for everything.
func impatient(_ *plan.Plan, c *edge.Config) {
	short := 200 * time.Millisecond
	c.Wait = edge.Wait{Header: short, Body: short, Answer: short, Idle: short}
	c.Routes = append(c.Routes, plan.Route{Name: "big", Method: "GET", Path: "/big", Access: plan.Access{Public: "for tests"}, Status: 200,
		Handle: func(context.Context, *plan.Request) (*plan.Answer, error) {
			return &plan.Answer{Body: []byte(strings.Repeat("x", 64<<20))}, nil
		}})
}

// drip sends a beginning and then a byte now and then, until the other side has had enough; it returns what came back. A server that waits
// for ever ends the test by the deadline.
func drip(t *testing.T, g *gate, begin, drop string) (answer string, ended bool) {
	t.Helper()
	conn := g.dial("http/1.1")
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	got := make(chan string, 1)
	go func() {
		text, err := io.ReadAll(conn)
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			got <- "still open"
			return
		}
		got <- string(text)
	}()
	io.WriteString(conn, begin)
	for {
		select {
		case text := <-got:
			return text, text != "still open"
		case <-time.After(50 * time.Millisecond):
			io.WriteString(conn, drop)
		}
	}
}

// TestSlowClients: whoever sends his headers or his body a byte at a time, or does not take his answer, loses his connection; others are served
// meanwhile.
func TestSlowClients(t *testing.T) {
	g := open(t, impatient)
	head := "POST /post HTTP/1.1\r\nHost: localhost:" + g.port() + "\r\n"
	if _, ended := drip(t, g, head, "X-A: b\r\n"); !ended {
		t.Error("headers may trickle for ever")
	}
	answer, ended := drip(t, g, head+"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", " ")
	if !ended || strings.Contains(answer, " 200 ") {
		t.Errorf("a body may trickle for ever: %q", answer)
	}
	if _, ended := drip(t, g, "", ""); !ended {
		t.Error("a connection may be silent for ever")
	}
	g.want(200, "", "GET", "/open", "")

	conn := g.dial("http/1.1")
	defer conn.Close()
	io.WriteString(conn, "GET /big HTTP/1.1\r\nHost: localhost:"+g.port()+"\r\n\r\n")
	time.Sleep(1500 * time.Millisecond) // takes nothing, five times as long as the server waits
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := io.Copy(io.Discard, conn); n > 64<<20 || err == nil && n == 64<<20 {
		t.Errorf("an answer that nobody takes is kept for ever: %d bytes, %v", n, err)
	}

	body, feed := io.Pipe() // HTTP/2: the stream is given up, not the connection
	defer feed.Close()
	go func() { feed.Write([]byte(`{"name":"`)) }()
	req, err := http.NewRequest("POST", "https://localhost:"+g.port()+"/post", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.client.Do(req)
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("half a body over HTTP/2 is answered with %d", resp.StatusCode)
		}
	} else if strings.Contains(err.Error(), "Client.Timeout") {
		t.Error("a body over HTTP/2 may trickle for ever")
	}
	g.want(200, "", "GET", "/open", "")
	if len(g.seen.bodies) != 2 {
		t.Errorf("handlers saw %q", g.seen.bodies)
	}
}

// TestHundredMegabytes: a body far beyond its cap is refused when its length says so, and read no further than the cap when it does not.
func TestHundredMegabytes(t *testing.T) {
	g := open(t, nil)
	head := "POST /post HTTP/1.1\r\nHost: localhost:" + g.port() + "\r\nContent-Type: application/json\r\n"
	if answer := g.raw(head + "Content-Length: 104857600\r\n\r\n{"); !strings.HasPrefix(answer, "HTTP/1.1 413") || !strings.Contains(answer, "Connection: close") {
		t.Errorf("100 MB by their length: %q", answer)
	}
	conn := g.dial("http/1.1")
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n")
	chunk, sent := "10000\r\n"+strings.Repeat(" ", 0x10000)+"\r\n", 0
	for range 1600 {
		n, err := io.WriteString(conn, chunk)
		if sent += n; err != nil {
			break
		}
	}
	if sent > 32<<20 {
		t.Errorf("%d bytes of an endless body are taken", sent)
	}
	g.want(200, "", "GET", "/open", "")
	if len(g.seen.bodies) != 1 {
		t.Errorf("a handler saw a body of 100 MB")
	}
}
