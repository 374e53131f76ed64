package edge_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
)

// TestTicketsLiveADay: a session is resumed on the same day, and yesterday's ticket opens nothing: its key is gone.
func TestTicketsLiveADay(t *testing.T) {
	for name, version := range map[string]uint16{"1.3": tls.VersionTLS13, "1.2": tls.VersionTLS12} {
		g := open(t, nil)
		c := insecure()
		c.MaxVersion, c.ClientSessionCache = version, tls.NewLRUClientSessionCache(8)
		resumed := func() bool {
			conn, err := tls.Dial("tcp", g.addr(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte("GET /open HTTP/1.1\r\nHost: localhost:" + g.port() + "\r\nConnection: close\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			conn.Read(make([]byte, 1)) // the ticket comes before the answer
			return conn.ConnectionState().DidResume
		}
		if resumed() || !resumed() {
			t.Errorf("TLS %s: a session of today is not resumed", name)
		}
		g.clock.Advance(25 * time.Hour)
		if resumed() {
			t.Errorf("TLS %s: yesterday's ticket is taken", name)
		}
		if !resumed() {
			t.Errorf("TLS %s: today's ticket is not", name)
		}
	}
}

// pair writes a certificate for a host and its key, and returns its serial number.
func pair(t *testing.T, cert, key, host string, until time.Time) int64 {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: n, DNSNames: []string{host}, NotBefore: until.AddDate(-1, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return n.Int64()
}

// TestCertificateFiles: production serves what its files hold, follows a renewal without a restart, keeps the pair of before when the new
// one cannot be served, and does not start with one that no client could accept.
func TestCertificateFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	later := time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC)
	first := pair(t, cert, key, "gate.example", later)
	g := open(t, func(p *plan.Plan, cfg *edge.Config) {
		p.Environment = "production"
		serve, err := edge.Files(edge.FileConfig{Certificate: cert, Key: key, Host: "gate.example", Clock: cfg.Clock})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificate = serve
	})
	served := func() int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", g.addr(), insecure())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if served() != first {
		t.Error("another certificate is served than the files hold")
	}
	second := pair(t, cert, key, "gate.example", later.AddDate(0, 1, 0))
	g.clock.Advance(time.Minute)
	if served() != second {
		t.Error("a renewed certificate is not served")
	}
	for name, spoil := range map[string]func(){
		"half a key":      func() { os.WriteFile(key, []byte("-----BEGIN PRIVATE KEY-----\n"), 0o600) },
		"another's host":  func() { pair(t, cert, key, "evil.example", later) },
		"expired":         func() { pair(t, cert, key, "gate.example", later.AddDate(-1, 0, 0)) },
		"a key for all":   func() { pair(t, cert, key, "gate.example", later); os.Chmod(key, 0o644) },
		"nothing at all":  func() { os.Remove(cert) },
		"somebody else's": func() { pair(t, cert, filepath.Join(dir, "other"), "gate.example", later) },
	} {
		os.Remove(cert)
		os.Remove(key)
		pair(t, cert, key, "gate.example", later)
		spoil()
		g.clock.Advance(time.Minute)
		if served() != second {
			t.Errorf("%s: it replaces what was good", name)
		}
		if _, err := edge.Files(edge.FileConfig{Certificate: cert, Key: key, Host: "gate.example", Clock: g.clock}); err == nil || !strings.HasPrefix(err.Error(), "edge: ") {
			t.Errorf("%s: a server starts with it: %v", name, err)
		}
	}
}
