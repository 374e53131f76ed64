// Package mailtest is a real SMTP server for tests: on loopback, with TLS under an authority of its own, with sign-in, and with
// whatever bad manners a test asks for. What it took can be read back with the standard library's parsers.
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Config says how the server behaves. The zero Config offers STARTTLS, wants no sign-in, takes everything.
type Config struct {
	Name     string // in its certificate; "" means localhost
	Address  string // to listen on; "" means 127.0.0.1 and any port
	Implicit bool   // TLS from the first byte
	Bare     bool   // no TLS at all
	User     string // with Password: who may send; "": anybody
	Password string
	Rcpt     func(to string) error // nil: everybody is taken
	Data     func(nth int) error   // judges the nth letter after it was read; nil: taken
	// Cut is called with the raw connection when the nth letter begins; what it returns true for is cut in the middle.
	Cut func(nth int) bool
}

// Letter is one that the server took, or read before it refused it.
type Letter struct {
	From, To string // of the envelope
	User     string // who had signed in
	TLS      bool
	Raw      []byte
}

// Server is a running server.
type Server struct {
	Addr  string // host and port
	Port  string
	Roots *x509.CertPool
	PEM   []byte // of the authority

	cfg   Config
	srv   *smtp.Server
	stop  func()
	mu    sync.Mutex
	taken []Letter
	begun int
	tries int
}

// Start runs a server until the test ends.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "localhost"
	}
	if cfg.Address == "" {
		cfg.Address = "127.0.0.1:0"
	}
	s := &Server{cfg: cfg}
	secure := s.certificate(t)
	l, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = l.Addr().String()
	_, s.Port, _ = net.SplitHostPort(s.Addr)
	s.srv = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }))
	s.srv.Domain, s.srv.MaxRecipients, s.srv.MaxMessageBytes, s.srv.EnableSMTPUTF8 = cfg.Name, 10, 1<<20, true
	s.srv.ReadTimeout, s.srv.WriteTimeout, s.srv.ErrorLog = time.Minute, time.Minute, quiet{}
	switch {
	case cfg.Implicit:
		l = tls.NewListener(l, secure)
	case cfg.Bare:
		s.srv.AllowInsecureAuth = true
	default:
		s.srv.TLSConfig = secure
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.srv.Serve(l) }()
	s.stop = func() { s.srv.Close(); l.Close(); <-done } // the first may come before Serve knows of l
	t.Cleanup(s.stop)
	return s
}

// Stop ends the server before the test does.
func (s *Server) Stop() { s.stop() }

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// certificate makes an authority and a certificate under it.
func (s *Server) certificate(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mailtest"}, NotBefore: time.Unix(0, 0),
		NotAfter: time.Unix(1<<33, 0), DNSNames: []string{s.cfg.Name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(s.PEM)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// Letters are those that the server took, in order.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.taken...)
}

// SignIns is how often somebody tried to sign in.
func (s *Server) SignIns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// session is one conversation.
type session struct {
	s        *Server
	conn     *smtp.Conn
	user     string
	from, to string
}

// AuthMechanisms offers PLAIN where a user is known.
func (c *session) AuthMechanisms() []string {
	if c.s.cfg.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth checks the user.
func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		c.s.mu.Lock()
		c.s.tries++
		c.s.mu.Unlock()
		if user != c.s.cfg.User || password != c.s.cfg.Password {
			return smtp.ErrAuthFailed
		}
		c.user = user
		return nil
	}), nil
}

// Mail begins a letter.
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.s.cfg.User != "" && c.user == "" {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return nil
}

// Rcpt takes or refuses a recipient. More than one are written side by side.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if c.s.cfg.Rcpt != nil {
		if err := c.s.cfg.Rcpt(to); err != nil {
			return err
		}
	}
	if c.to != "" {
		to = c.to + "," + to
	}
	c.to = to
	return nil
}

// Data reads a letter.
func (c *session) Data(r io.Reader) error {
	c.s.mu.Lock()
	c.s.begun++
	n := c.s.begun
	c.s.mu.Unlock()
	if c.s.cfg.Cut != nil && c.s.cfg.Cut(n) {
		_, _ = io.ReadFull(r, make([]byte, 64))
		_ = c.conn.Conn().Close()
		return errors.New("cut")
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if c.s.cfg.Data != nil {
		if err := c.s.cfg.Data(n); err != nil {
			return err
		}
	}
	_, secure := c.conn.TLSConnectionState()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.taken = append(c.s.taken, Letter{From: c.from, To: c.to, User: c.user, TLS: secure, Raw: raw})
	return nil
}

// Reset forgets a letter that was begun.
func (c *session) Reset() { c.from, c.to = "", "" }

// Logout ends the conversation.
func (c *session) Logout() error { return nil }

// Refuse is an answer of an SMTP server: a code and a sentence that, as they do, repeats the address.
func Refuse(code int, to string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "<" + to + ">: no"}
}

// Parsed is a letter as a mail program reads it.
type Parsed struct {
	Header     netmail.Header
	Subject    string // decoded
	Text, HTML string
}

// Parse reads the letter by the standard library alone.
func (l Letter) Parse(t testing.TB) Parsed {
	t.Helper()
	msg, err := netmail.ReadMessage(bytes.NewReader(l.Raw))
	if err != nil {
		t.Fatal(err)
	}
	p := Parsed{Header: msg.Header}
	if p.Subject, err = (&mime.WordDecoder{}).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the letter is %s: %v", kind, err)
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); {
		case kind == "text/plain" && p.HTML == "":
			p.Text = text
		case kind == "text/html" && p.Text != "":
			p.HTML = text
		default:
			t.Fatalf("a part of kind %s in this place", kind)
		}
	}
}
