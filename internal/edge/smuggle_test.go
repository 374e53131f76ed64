package edge_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestMoreDesync: further shapes in which two readers see different lengths. None may let the hidden request be served, and after each the
// connection is over.
func TestMoreDesync(t *testing.T) {
	g := open(t, nil)
	host := "Host: localhost:" + g.port() + "\r\n"
	hidden := "GET /open HTTP/1.1\r\n" + host + "\r\n"
	post := "POST /post HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n"
	for name, text := range map[string]string{
		"two encodings":               post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"a list of encodings":         post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"identity":                    post + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n{}",
		"vertical tab in an encoding": post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
		"a list of lengths":           post + "Content-Length: 2, 60\r\n\r\n{}",
		"a length of hexadecimals":    post + "Content-Length: 0x2\r\n\r\n{}",
		"a length below zero":         post + "Content-Length: -2\r\n\r\n{}",
		"a length beyond all bounds":  post + "Content-Length: 18446744073709551618\r\n\r\n{}",
		"a length with a space":       post + "Content-Length : 2\r\n\r\n{}",
		"a length without a number":   post + "Content-Length: \r\n\r\n{}",
		"a chunk beyond all bounds":   post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
		"a chunk below zero":          post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
		"a chunk with a prefix":       post + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
		"a chunk ended by a feed":     post + "Transfer-Encoding: chunked\r\n\r\n2;\n{}\r\n0\r\n\r\n",
		"a chunk that is longer":      post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
		"a trailer of lengths":        post + "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 60\r\n\r\n",
		"NUL in a name":               post + "Transfer-\x00Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
		"a bare return":               post + "X: a\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
		"a body that is waited for":   post + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"an upgrade":                  "GET /open HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 60\r\n\r\n",
	} {
		answer := g.raw(text + hidden)
		if n := strings.Count(strings.ReplaceAll(answer, "HTTP/1.1 100 Continue\r\n\r\n", ""), "HTTP/1."); n > 1 {
			t.Errorf("%s: %d answers:\n%s", name, n, answer)
		}
		if strings.HasPrefix(answer, "HTTP/1.1") && !strings.Contains(answer, "Connection: close") {
			t.Errorf("%s: the connection stays open:\n%s", name, answer)
		}
	}
	for _, body := range g.seen.bodies {
		if body != "" && body != "{}" {
			t.Errorf("a handler saw %q", body)
		}
	}
}

// h2 sends one request over HTTP/2, frame by frame, and returns its status ("" when the stream or the connection was refused).
func (g *gate) h2(headers [][2]string, data string) string {
	g.Helper()
	conn := g.dial("h2")
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	f.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, h := range headers {
		enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: data == ""})
	if data != "" {
		f.WriteData(1, true, []byte(data))
	}
	dec := hpack.NewDecoder(4096, nil)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return ""
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return ""
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			fields, err := dec.DecodeFull(frame.HeaderBlockFragment())
			if err != nil {
				g.Fatal(err)
			}
			return fields[0].Value
		}
	}
}

// TestDesyncOverHTTP2: lengths that lie, headers that mean something to HTTP/1 only, and values that would break out of their line when they are
// passed on, end the stream; the host is the one that the request is routed by.
func TestDesyncOverHTTP2(t *testing.T) {
	g := open(t, nil)
	own := "localhost:" + g.port()
	request := func(more ...[2]string) [][2]string {
		return append([][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", own}, {":path", "/post"}, {"content-type", "application/json"}}, more...)
	}
	if got := g.h2(request(), "{}"); got != "200" {
		t.Fatalf("an honest request: %q", got)
	}
	with := func(name, value string) [][2]string {
		out := request()
		for i := range out {
			if out[i][0] == name {
				out[i][1] = value
			}
		}
		return out
	}
	for name, headers := range map[string][][2]string{
		"a length that is too long":  request([2]string{"content-length", "60"}),
		"a length that is too short": request([2]string{"content-length", "1"}),
		"two lengths":                request([2]string{"content-length", "2"}, [2]string{"content-length", "60"}),
		"an encoding":                request([2]string{"transfer-encoding", "chunked"}),
		"a connection":               request([2]string{"connection", "keep-alive"}),
		"a line in a value":          request([2]string{"x-a", "b\r\ntransfer-encoding: chunked"}),
		"a line in a name":           request([2]string{"x-a: b\r\nhost", "c"}),
		"capitals":                   request([2]string{"X-A", "b"}),
		"a line in the path":         with(":path", "/post HTTP/1.1\r\nhost: evil.example\r\n\r\nGET /open"),
		"no slash in the path":       with(":path", "post"),
		"a foreign authority":        append(with(":authority", "evil.example"), [2]string{"host", own}),
		"an authority with a user":   with(":authority", "user@"+own),
		"a method with a space":      with(":method", "POST /open"),
		"two paths":                  append([][2]string{{":path", "/open"}}, request()...),
		"a late pseudo-header":       request([2]string{":path", "/open"}),
	} {
		if got := g.h2(headers, "{}"); got == "200" {
			t.Errorf("%s: served", name)
		} else if got != "" && !strings.HasPrefix(got, "4") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := fmt.Sprint(g.seen.bodies); got != "[{}]" {
		t.Errorf("handlers saw %s", got)
	}
	if got := g.h2(request([2]string{"host", "evil.example"}), "{}"); got == "200" {
		t.Error("a host that differs from the authority: served; what stands before us may have routed by it")
	}
}
