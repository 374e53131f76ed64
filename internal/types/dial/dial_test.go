package dial_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types/dial"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// server is a TLS server on loopback whose certificate is for example.com, and the host under which a door would know it.
func server(t *testing.T, change func(*tls.Config), h http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{}
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return s, "example.com:" + port
}

// door leads to the hosts; every name resolves to loopback.
func door(t *testing.T, s *httptest.Server, cfg dial.Config) *dial.Door {
	t.Helper()
	if cfg.Resolve == nil {
		cfg.Resolve = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
	}
	if cfg.Private == nil {
		cfg.Private = loopback
	}
	if s != nil && cfg.Roots == nil {
		cfg.Roots = x509.NewCertPool()
		cfg.Roots.AddCert(s.Certificate())
	}
	d, err := dial.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(c *http.Client, url string) (string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

func TestDeclaredHostsAnswer(t *testing.T) {
	s, host := server(t, nil, hello)
	if text, err := get(door(t, s, dial.Config{Hosts: []string{host}}).Client(), "https://"+host+"/"); err != nil || text != "hello" {
		t.Fatalf("%q, %v", text, err)
	}
}

func TestOnlyDeclaredHosts(t *testing.T) {
	s, host := server(t, nil, hello)
	d := door(t, s, dial.Config{Hosts: []string{host, "other.example"}})
	_, port, _ := net.SplitHostPort(host)
	for _, h := range []string{"www.example.com:" + port, "example.com:1", "127.0.0.1:" + port, "example.com.evil.example:" + port, "other.example:" + port} {
		if _, err := get(d.Client(), "https://"+h+"/"); !errors.Is(err, dial.ErrHost) {
			t.Errorf("%s: %v", h, err)
		}
	}
	if _, err := (&dial.Door{}).Dial(t.Context(), "tcp", host); !errors.Is(err, dial.ErrHost) {
		t.Errorf("a door that was never made: %v", err)
	}
}

// TestNamesThatLeadInside: a hostile resolver names what stands behind this program; nothing is even connected to.
func TestNamesThatLeadInside(t *testing.T) {
	for _, at := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
		"224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "2001:0:1::1", "2001:db8::1", "fec0::1", "::7f00:1"} {
		connected := false
		d := door(t, nil, dial.Config{Hosts: []string{"inside.example"}, Private: []netip.Prefix{}, Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr(at)}, nil
		}, Connect: func(context.Context, string, netip.AddrPort) (net.Conn, error) {
			connected = true
			return nil, io.EOF
		}})
		if _, err := d.Dial(t.Context(), "tcp", "inside.example:443"); !errors.Is(err, dial.ErrAddress) || connected {
			t.Errorf("%s: %v, connected %v", at, err, connected)
		}
	}
	for _, at := range []string{"1.1.1.1", "2606:4700:4700::1111", "9.255.255.255", "172.15.0.1", "172.32.0.1"} {
		if !dial.Public(netip.MustParseAddr(at)) {
			t.Errorf("%s is not taken for public", at)
		}
	}
}

// TestTheJudgedAddressIsDialled: the resolver answers well while it is asked to judge and points inside afterwards, and hides a bad
// address among good ones. Only what was judged is ever connected to, as an address.
func TestTheJudgedAddressIsDialled(t *testing.T) {
	asked := 0
	var dialled []string
	d := door(t, nil, dial.Config{Hosts: []string{"rebind.example"}, Private: []netip.Prefix{}, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		if asked++; asked > 1 {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("1.1.1.1")}, nil
	}, Connect: func(_ context.Context, _ string, to netip.AddrPort) (net.Conn, error) {
		dialled = append(dialled, to.String())
		return nil, io.EOF
	}})
	if _, err := d.Dial(t.Context(), "tcp", "rebind.example:443"); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if asked != 1 || len(dialled) != 1 || dialled[0] != "1.1.1.1:443" {
		t.Errorf("asked %d times, dialled %v", asked, dialled)
	}
}

// TestRedirectsStayOnTheHost: an answer points to another host that may be dialled too; what was meant for one is not sent to the other.
func TestRedirectsStayOnTheHost(t *testing.T) {
	reached := ""
	other, elsewhere := server(t, nil, func(_ http.ResponseWriter, r *http.Request) { reached = r.Host })
	s, host := server(t, nil, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "https://"+elsewhere+"/", http.StatusTemporaryRedirect)
		case "/plain":
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/near", "/form":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		default:
			hello(w, r)
		}
	})
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	roots.AddCert(other.Certificate())
	c := door(t, s, dial.Config{Hosts: []string{host, elsewhere}, Roots: roots}).Client()
	for _, path := range []string{"/away", "/plain", "/loop"} {
		if _, err := get(c, "https://"+host+path); !errors.Is(err, dial.ErrRedirect) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := c.Post("https://"+host+"/form", "application/x-www-form-urlencoded", strings.NewReader("code=x")); !errors.Is(err, dial.ErrRedirect) {
		t.Errorf("a form: %v", err)
	}
	if text, err := get(c, "https://"+host+"/near"); err != nil || text != "hello" {
		t.Errorf("on the same host: %q, %v", text, err)
	}
	if reached != "" {
		t.Errorf("%s was reached", reached)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	s, host := server(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/said" {
			w.Header().Set("Content-Length", "1001")
			w.Write(make([]byte, 1001))
			return
		}
		n := 1001
		if r.URL.Path == "/fits" {
			n = 1000
		}
		for range n {
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
		}
	})
	c := door(t, s, dial.Config{Hosts: []string{host}, MaxBody: 1000}).Client()
	for _, path := range []string{"/said", "/unsaid"} {
		if text, err := get(c, "https://"+host+path); !errors.Is(err, dial.ErrTooLarge) {
			t.Errorf("%s: %d bytes, %v", path, len(text), err)
		}
	}
	if text, err := get(c, "https://"+host+"/fits"); err != nil || len(text) != 1000 {
		t.Errorf("what fits: %d bytes, %v", len(text), err)
	}
}

// TestASlowHostIsLeft: a server that never answers does not hold its caller.
func TestASlowHostIsLeft(t *testing.T) {
	s, host := server(t, nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := door(t, s, dial.Config{Hosts: []string{host}, Timeout: 200 * time.Millisecond}).Client()
	if _, err := get(c, "https://"+host+"/"); err == nil {
		t.Error("it answered")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s, host := server(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, hello)
	if text, err := get(door(t, s, dial.Config{Hosts: []string{host}}).Client(), "https://"+host+"/"); err == nil {
		t.Errorf("TLS 1.1 answers %q", text)
	}
}

// TestForeignAuthorities: a certificate that the declared authorities did not sign, one for another name, and no TLS at all.
func TestForeignAuthorities(t *testing.T) {
	s, host := server(t, nil, hello)
	_, port, _ := net.SplitHostPort(host)
	if text, err := get(door(t, s, dial.Config{Hosts: []string{host}, Roots: x509.NewCertPool()}).Client(), "https://"+host+"/"); err == nil {
		t.Errorf("an unknown authority answers %q", text)
	}
	if text, err := get(door(t, s, dial.Config{Hosts: []string{"other.example:" + port}}).Client(), "https://other.example:"+port+"/"); err == nil {
		t.Errorf("a certificate for another name answers %q", text)
	}
	plain := httptest.NewServer(http.HandlerFunc(hello))
	defer plain.Close()
	at := strings.TrimPrefix(plain.URL, "http://")
	if text, err := get(door(t, nil, dial.Config{Hosts: []string{at}}).Client(), plain.URL); err == nil {
		t.Errorf("http answers %q", text)
	}
}

func TestHosts(t *testing.T) {
	for in, want := range map[string]string{"Accounts.Example": "accounts.example:443", "mail.example:587": "mail.example:587", "[2606:4700::1]:8443": "[2606:4700::1]:8443", "1.1.1.1": "1.1.1.1:443"} {
		if got, err := dial.Host(in); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "https://a.example", "a.example/x", "*.example", "a b", "a.example:https", ":443", "a@b"} {
		if got, err := dial.Host(in); err == nil {
			t.Errorf("%q is taken as %s", in, got)
		}
	}
	bad := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{bad, bad + ".missing"} {
		if _, err := dial.Roots(path); err == nil {
			t.Errorf("%s holds authorities", path)
		}
	}
}
