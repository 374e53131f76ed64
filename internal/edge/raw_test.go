package edge_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// raw sends bytes over one HTTP/1.1 connection and returns all that comes back until the server closes or is silent.
func (g *gate) raw(text string) string {
	g.Helper()
	conn := g.dial("http/1.1")
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(1500 * time.Millisecond))
	if _, err := io.WriteString(conn, text); err != nil {
		g.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// TestNoDesync: however a request's length is told twice, or its body not read, a second request hidden in it is never served.
func TestNoDesync(t *testing.T) {
	g := open(t, nil)
	host := "Host: localhost:" + g.port() + "\r\n"
	hidden := "GET /open HTTP/1.1\r\n" + host + "\r\n"
	json := "Content-Type: application/json\r\n"
	for name, text := range map[string]string{
		"length and chunked":     "POST /post HTTP/1.1\r\n" + host + json + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunked, then more":     "POST /post HTTP/1.1\r\n" + host + json + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + hidden,
		"two lengths":            "POST /post HTTP/1.1\r\n" + host + json + "Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + hidden,
		"odd encoding":           "POST /post HTTP/1.1\r\n" + host + json + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"encoding with a space":  "POST /post HTTP/1.1\r\n" + host + json + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
		"bare line feeds":        "POST /post HTTP/1.1\n" + host + json + "Transfer-Encoding:\tchunked\n\n0\n\n" + hidden,
		"length with a sign":     "POST /post HTTP/1.1\r\n" + host + json + "Content-Length: +2\r\n\r\n{}" + hidden,
		"refused before reading": "POST /mine HTTP/1.1\r\n" + host + json + "Content-Length: 60\r\n\r\n" + hidden,
		"wrong type, not read":   "POST /post HTTP/1.1\r\n" + host + "Content-Type: text/plain\r\nContent-Length: 60\r\n\r\n" + hidden,
		"body on a read":         "GET /fault HTTP/1.1\r\n" + host + "Content-Length: 60\r\n\r\n" + hidden,
		"HTTP/1.0 with chunked":  "POST /post HTTP/1.0\r\n" + host + json + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
	} {
		answer := g.raw(text)
		if n := strings.Count(answer, "HTTP/1.1 200") + strings.Count(answer, "HTTP/1.0 200"); strings.Contains(answer, `{"ok":true}`) && (n > 1 || name != "chunked, then more") {
			t.Errorf("%s: the hidden request is served:\n%s", name, answer)
		}
		if !strings.Contains(answer, "Connection: close") && strings.HasPrefix(answer, "HTTP/1.1") {
			t.Errorf("%s: the connection stays open:\n%s", name, answer)
		}
		if strings.Count(answer, "HTTP/1.") != 1 {
			t.Errorf("%s: %d answers:\n%s", name, strings.Count(answer, "HTTP/1."), answer)
		}
	}
	if n := strings.Count(g.raw("POST /post HTTP/1.1\r\n"+host+json+"Content-Length: 2\r\n\r\n{}"+strings.Replace(hidden, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)), "HTTP/1.1 200"); n != 2 {
		t.Errorf("two honest requests on one connection gave %d answers", n)
	}
}

// TestMalformedRequests: what is not HTTP gets 400 and the end of the connection.
func TestMalformedRequests(t *testing.T) {
	g := open(t, nil)
	host := "Host: localhost:" + g.port() + "\r\n"
	for name, text := range map[string]string{
		"no host":         "GET /open HTTP/1.1\r\n\r\n",
		"two hosts":       "GET /open HTTP/1.1\r\n" + host + "Host: evil.example\r\n\r\n",
		"absolute form":   "GET https://evil.example/open HTTP/1.1\r\n" + host + "\r\n",
		"own absolute":    "GET https://localhost:" + g.port() + "/open HTTP/1.1\r\n" + host + "\r\n",
		"authority form":  "CONNECT localhost:1 HTTP/1.1\r\n" + host + "\r\n",
		"NUL in a header": "GET /open HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n",
		"another version": "GET /open HTTP/3.7\r\n" + host + "\r\n",
		"another coding":  "POST /post HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n",
		"huge header":     "GET /open HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"HTTP/2 preface":  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"nonsense":        "\x16\x03\x01 hello\r\n\r\n",
	} {
		answer := g.raw(text)
		if strings.Contains(answer, `{"ok":true}`) || answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 4") && !strings.HasPrefix(answer, "HTTP/1.1 50") {
			t.Errorf("%s: %q", name, answer)
		}
		if answer != "" && !strings.Contains(answer, "X-Request-Id: ") && !strings.Contains(answer, "\r\nConnection: close\r\n") { // the library's own answers, without our headers
			t.Errorf("%s: the connection stays open: %q", name, answer)
		}
	}
	plain, err := net.Dial("tcp", g.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	plain.SetDeadline(time.Now().Add(2 * time.Second))
	io.WriteString(plain, "GET /open HTTP/1.1\r\n"+host+"\r\n")
	if answer, _ := io.ReadAll(plain); strings.Contains(string(answer), " 200 ") {
		t.Errorf("plain HTTP on the TLS port: %q", answer)
	}
}
