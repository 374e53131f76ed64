package dial

import (
	"fmt"
	"io"
	"net/http"
)

// maxRedirects is how often an answer may point to another place on the same host.
const maxRedirects = 3

// Client is an HTTP client through the door: https only, bounded in time and size, without proxies from the environment and
// without cookies. A redirect is followed for GET and HEAD on the same host and scheme, at most three times; anything else is
// ErrRedirect, since a form that was meant for one host is not repeated to another.
func (d *Door) Client() *http.Client {
	t := &http.Transport{DialContext: d.Dial, TLSClientConfig: d.TLS(""), TLSHandshakeTimeout: d.cfg.Timeout, ResponseHeaderTimeout: d.cfg.Timeout,
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConns: 4, IdleConnTimeout: d.cfg.Timeout, ForceAttemptHTTP2: true, DisableCompression: true}
	return &http.Client{Transport: bounded{t, d.cfg.MaxBody}, Timeout: d.cfg.Timeout, CheckRedirect: sameHost}
}

func sameHost(next *http.Request, via []*http.Request) error {
	first := via[0]
	if next.URL.Scheme != "https" || next.URL.Host != first.URL.Host || len(via) > maxRedirects || first.Method != http.MethodGet && first.Method != http.MethodHead {
		return fmt.Errorf("%w: %s", ErrRedirect, next.URL.Host)
	}
	return nil
}

// bounded refuses what is not https and cuts answers that are too large.
type bounded struct {
	next http.RoundTripper
	max  int64
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("%w: %s is not https", ErrHost, r.URL.Scheme)
	}
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > b.max {
		resp.Body.Close()
		return nil, ErrTooLarge
	}
	resp.Body = &capped{resp.Body, b.max}
	return resp, nil
}

// capped reads at most left bytes, and says so instead of ending early: half an answer must not pass for a whole one.
type capped struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
