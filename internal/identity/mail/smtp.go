package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/fastness-dev/fastness/internal/store/job"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/dial"
)

// Server is where letters are handed over. The zero Server is none.
type Server struct {
	host     string
	port     int
	implicit bool // TLS from the first byte (smtps)
	bare     bool // no TLS at all: a server on this host
	user     string
	password types.Secret
	door     *dial.Door
}

// private are the networks, besides the public internet, in which a mail server may stand: the operator names it.
var private = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7")}

// ParseServer reads smtp://user:password@host:587 (STARTTLS, which must succeed) or smtps://user:password@host:465 (TLS from
// the first byte). Without a port they are 587 and 465. A server on this host (localhost, 127.0.0.0/8, ::1) is spoken to by
// smtp:// without TLS. roots are the authorities to trust; nil means the system's. Errors never repeat the URL: it holds a
// password.
func ParseServer(reference types.Secret, roots *x509.CertPool) (Server, error) {
	bad := func(what string) (Server, error) {
		return Server{}, fmt.Errorf("mail: the URL of the server %s; write smtp://user:password@host:587 or smtps://user:password@host:465", what)
	}
	u, err := url.Parse(reference.Reveal())
	if err != nil {
		return bad("cannot be read (percent-encode what is special in the password)")
	}
	s := Server{host: strings.ToLower(u.Hostname()), implicit: u.Scheme == "smtps", user: u.User.Username()}
	if p, ok := u.User.Password(); ok {
		s.password = types.NewSecret(p)
	}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return bad("has another scheme")
	case s.host == "":
		return bad("names no host")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return bad("has more than user, password, host and port")
	case (s.user == "") != s.password.Empty():
		return bad("has a user without a password, or a password without a user")
	}
	s.port = 587
	if s.implicit {
		s.port = 465
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return bad("has no port between 1 and 65535")
		}
	}
	s.bare = !s.implicit && loopback(s.host)
	if s.door, err = dial.New(dial.Config{Hosts: []string{net.JoinHostPort(s.host, strconv.Itoa(s.port))}, Private: private, Roots: roots, Timeout: timeout}); err != nil {
		return bad("names no host")
	}
	return s, nil
}

// loopback reports whether a name or address means this host.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// timeout bounds each step of a conversation.
const timeout = 20 * time.Second

var errNotHere = errors.New("mail: the server is not on this host, and without TLS only such a one is spoken to")

// dial connects. Without TLS it makes sure that the other side really is this host, whatever its name resolves to.
func (s Server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := s.door.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if s.bare {
		if a, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
			conn.Close()
			return nil, errNotHere
		}
	}
	if !s.implicit {
		return conn, nil
	}
	secure := tls.Client(conn, s.door.TLS(s.host))
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// send hands one letter over. The error is a *job.Failure: final when the server refuses this very letter for good, otherwise
// to be tried again.
func (s Server) send(ctx context.Context, m *gomail.Msg, helo string) error {
	talk, hangUp := context.WithCancel(ctx)
	defer hangUp()
	opts := []gomail.Option{gomail.WithPort(s.port), gomail.WithTimeout(timeout), gomail.WithHELO(helo), gomail.WithoutNoop(),
		gomail.WithTLSConfig(s.door.TLS(s.host)), gomail.WithTLSPolicy(gomail.TLSMandatory),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.dial(ctx, network, address)
			if err == nil { // go-mail looks at ctx only until here, and leaves a connection open whose greeting failed
				context.AfterFunc(talk, func() { conn.Close() })
			}
			return conn, err
		})}
	if s.implicit || s.bare { // TLS was made by dial, or is not needed
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.user != "" {
		opts = append(opts, gomail.WithUsername(s.user), gomail.WithPassword(s.password.Reveal()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	client, err := gomail.NewClient(s.host, opts...)
	if err != nil {
		return &job.Failure{Code: "server_settings", Err: err}
	}
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return &job.Failure{Code: dialCode(err), Err: err}
	}
	err = client.SendWithSMTPClient(server, m)
	if m.IsDelivered() { // what fails after the server took the letter would only send it twice
		_ = client.CloseWithSMTPClient(server)
		return nil
	}
	return sendFailure(err)
}

// dialCode names what kept a conversation from beginning.
func dialCode(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var netErr net.Error
	switch text := err.Error(); {
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &verify):
		return "certificate_refused"
	case strings.Contains(text, "STARTTLS"):
		return "tls_missing"
	case strings.Contains(text, "AUTH"):
		return "sign_in_refused"
	case errors.Is(err, errNotHere):
		return "server_elsewhere"
	case errors.As(err, &netErr), errors.Is(err, dial.ErrAddress):
		return "server_away"
	}
	return "server_refused"
}

// sendFailure judges a refusal. What the server said is not kept: it repeats addresses.
func sendFailure(err error) error {
	var e *gomail.SendError
	if !errors.As(err, &e) {
		return &job.Failure{Code: "server_away", Err: err}
	}
	if e.ErrorCode() == 0 {
		return &job.Failure{Code: "server_away", Err: err}
	}
	about := e.Reason == gomail.ErrSMTPRcptTo || e.Reason == gomail.ErrSMTPData || e.Reason == gomail.ErrSMTPDataClose
	return &job.Failure{Code: fmt.Sprintf("smtp_%d", e.ErrorCode()), Final: about && e.ErrorCode() >= 500, Err: err}
}

// compose makes the message. Every address is one that was parsed, every header is made of single lines.
func compose(from netmail.Address, to, id, language string, at time.Time, r rendered) *gomail.Msg {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP), gomail.WithCharset(gomail.CharsetUTF8))
	m.FromMailAddress(&from)
	m.ToMailAddress(&netmail.Address{Address: to})
	m.Subject(r.subject)
	m.SetMessageIDWithValue(id)
	m.SetDateWithValue(at.UTC())
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notices in return
	m.SetGenHeader("Content-Language", language)
	m.SetBodyString(gomail.TypeTextPlain, r.text)
	m.AddAlternativeString(gomail.TypeTextHTML, r.html)
	return m
}
