package edge_test

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestResetComesLate: over HTTP/2 a body that is too large is answered while the client still sends, and the stream is not reset behind the answer
// at once: a client that is told of the reset while it sends may throw the answer away.
func TestResetComesLate(t *testing.T) {
	g := open(t, nil)
	conn := g.dial("h2")
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	f.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "localhost:" + g.port()}, {":path", "/post"},
		{"content-type", "application/json"}, {"content-length", "2000000"}} {
		enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	f.WriteData(1, false, make([]byte, 1000))
	answered := false
	for {
		frame, err := f.ReadFrame()
		switch {
		case answered && os.IsTimeout(err):
			return
		case err != nil:
			t.Fatalf("answered: %v, then %v", answered, err)
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			t.Fatalf("reset (%v), answered: %v", frame.ErrCode, answered)
		case *http2.DataFrame:
			if !answered {
				answered = true
				conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			}
		}
	}
}
