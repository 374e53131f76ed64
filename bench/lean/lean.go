// Package lean speaks HTTP/1.1 over TLS at so little cost that a server never waits for the one who loads it.
package lean

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// Conn is a connection of HTTP/1.1 that costs the load little: the request is written as bytes, and of the answer only the status line,
// the length and the body are read. It dials when it is first used.
type Conn struct {
	Roots *x509.CertPool // that the server's certificate is checked against
	conn  net.Conn
	in    *bufio.Reader
	out   []byte
}

// Request is what is sent, and the status that the answer must have.
type Request struct {
	Method, Path string
	Header       http.Header // one value each
	Body         string      // "" for none
	Status       int
}

// Close ends the connection.
func (l *Conn) Close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

func (l *Conn) dial(ctx context.Context, host string) error {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return err
	}
	d := tls.Dialer{Config: &tls.Config{RootCAs: l.Roots, ServerName: name, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}}
	if l.conn, err = d.DialContext(ctx, "tcp", host); err != nil {
		l.conn = nil
		return err
	}
	l.in = bufio.NewReaderSize(l.conn, 64<<10)
	return nil
}

// Send sends one request to the server at base, https://HOST:PORT, and reads the answer to its end. It returns the bytes of the body.
func (l *Conn) Send(ctx context.Context, base string, r Request) (int64, error) {
	u, err := url.Parse(base)
	if err != nil {
		return 0, err
	}
	if l.conn == nil {
		if err := l.dial(ctx, u.Host); err != nil {
			return 0, err
		}
	}
	b := append(append(append(append(l.out[:0], r.Method...), ' '), r.Path...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, u.Host...), "\r\nUser-Agent: bench\r\nAccept-Encoding: identity\r\n"...)
	for k, v := range r.Header {
		b = append(append(append(append(b, k...), ": "...), v[0]...), "\r\n"...)
	}
	if r.Body != "" {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(r.Body)), 10), "\r\n"...)
	}
	l.out = append(append(b, "\r\n"...), r.Body...)
	if _, err := l.conn.Write(l.out); err != nil {
		return 0, err
	}
	status, length, err := l.head()
	if err != nil {
		return 0, err
	}
	if status != r.Status {
		text := make([]byte, max(0, min(length, 2000)))
		_, err := io.ReadFull(l.in, text)
		return 0, errors.Join(fmt.Errorf("%s %s: status %d, want %d: %s", r.Method, r.Path, status, r.Status, bytes.TrimSpace(text)), err)
	}
	if length < 0 {
		return l.chunks()
	}
	n, err := l.in.Discard(int(length))
	return int64(n), err
}

// chunks reads a body that comes in chunks, and the empty line after it.
func (l *Conn) chunks() (int64, error) {
	n, err := io.Copy(io.Discard, httputil.NewChunkedReader(l.in))
	if err != nil {
		return n, err
	}
	_, err = l.in.Discard(len("\r\n"))
	return n, err
}

// head reads the status and the length of an answer; -1 when it comes in chunks.
func (l *Conn) head() (status int, length int64, err error) {
	r := textproto.Reader{R: l.in}
	line, err := r.ReadLineBytes()
	if err != nil || len(line) < 12 {
		return 0, 0, errors.Join(fmt.Errorf("the answer begins with %q", line), err)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	for {
		if line, err = r.ReadLineBytes(); err != nil || len(line) == 0 {
			return status, length, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if strings.EqualFold(string(name), "Content-Length") {
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, 0, err
			}
		} else if strings.EqualFold(string(name), "Transfer-Encoding") {
			length = -1
		}
	}
}
