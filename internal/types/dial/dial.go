// Package dial is the one door through which this program reaches other machines: OpenID providers, mail servers, whatever a
// declaration names.
//
// Policy: only declared hosts, each with its port. A name is resolved first, every address is judged, and the address that was
// judged is the one that is dialled, so that a name which answers differently the second time (DNS rebinding) leads nowhere.
// Addresses that are not public (loopback, private, link-local, carriers', multicast, documentation, and those that embed IPv4
// addresses) are refused unless the declaration names their network: whoever can make this program fetch something must not
// reach what stands behind it. Redirects stay on the host that was asked. TLS is 1.2 or later with the system's roots, or the
// declared ones in their place. Time and size are bounded. Environment variables (HTTPS_PROXY) are not looked at.
//
// The map: dial.go (Door, Dial), address.go (which addresses are public), http.go (the client).
package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Config says what a door leads to. Hosts is required.
type Config struct {
	Hosts   []string       // "accounts.example" (port 443) or "mail.example:587": exact names or addresses, no patterns
	Private []netip.Prefix // networks that are not public and may be reached all the same; none: none
	Roots   *x509.CertPool // authorities in place of the system's; nil: the system's
	Timeout time.Duration  // of a connection, and of a whole exchange over HTTP; 0 means 10 s
	MaxBody int64          // bytes of an answer over HTTP; 0 means 1 MiB
	// Resolve turns a name into addresses; nil: the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Connect opens a connection to an address that was judged; nil: a net.Dialer.
	Connect func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error)
}

// Door reaches the hosts of its Config and nothing else. The zero Door reaches nothing. It is safe for concurrent use.
type Door struct {
	cfg   Config
	hosts map[string]bool // "host:port", lower case
}

// Errors of the door. Test with errors.Is.
var (
	ErrHost     = errors.New("dial: the host is not declared")
	ErrAddress  = errors.New("dial: the host has no address that may be reached; declare its network as private if it is yours")
	ErrRedirect = errors.New("dial: the answer leads to another host")
	ErrTooLarge = errors.New("dial: the answer is larger than it may be")
)

// New returns a door to the hosts. A host that is not a name or an address, with or without a port, is an error.
func New(cfg Config) (*Door, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 1 << 20
	}
	if cfg.Resolve == nil {
		cfg.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if cfg.Connect == nil {
		d := &net.Dialer{}
		cfg.Connect = func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
			return d.DialContext(ctx, network, to.String())
		}
	}
	out := &Door{cfg: cfg, hosts: map[string]bool{}}
	for _, h := range cfg.Hosts {
		name, err := Host(h)
		if err != nil {
			return nil, err
		}
		out.hosts[name] = true
	}
	return out, nil
}

// Host gives the one form of a declared host: lower case, with its port, which is 443 when none is named.
func Host(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), "443"
	}
	if _, err := netip.ParseAddr(host); err != nil && !plainName(host) || port == "" || strings.Trim(port, "0123456789") != "" {
		return "", fmt.Errorf("dial: %q is not a host; write a name like accounts.example, with :port unless it is 443", s)
	}
	return net.JoinHostPort(strings.ToLower(host), port), nil
}

func plainName(s string) bool {
	ok := s != "" && len(s) <= 253 && !strings.HasPrefix(s, ".") && !strings.HasPrefix(s, "-")
	for _, c := range strings.ToLower(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_')
	}
	return ok
}

// Roots reads authorities from a PEM file.
func Roots(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path) // #nosec G304 -- the declaration names it
	if err != nil {
		return nil, fmt.Errorf("dial: authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("dial: %s holds no certificate in PEM form; export the authority as PEM", path)
	}
	return pool, nil
}

// TLS is the configuration for connections to a declared host.
func (d *Door) TLS(host string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.cfg.Roots, ServerName: host}
}

// Dial connects to "host:port" over TCP. It is made to fit where libraries take a dial function. ErrHost and ErrAddress refuse.
func (d *Door) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, fmt.Errorf("dial: %s is not a network that this program speaks", network)
	}
	host, err := d.declared(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	all, err := d.addresses(ctx, host.name)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%w: %s", ErrAddress, host.name)
	for _, a := range all {
		if !d.may(a) {
			continue
		}
		var conn net.Conn
		if conn, err = d.cfg.Connect(ctx, network, netip.AddrPortFrom(a, host.port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

type target struct {
	name string
	port uint16
}

// declared reads an address and refuses what the declaration does not name.
func (d *Door) declared(address string) (target, error) {
	if d.hosts[strings.ToLower(address)] {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return target{}, err
		}
		n, err := net.LookupPort("tcp", port)
		return target{strings.ToLower(host), uint16(n)}, err // #nosec G115 -- a port fits
	}
	return target{}, fmt.Errorf("%w: %s", ErrHost, address)
}

func (d *Door) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	return d.cfg.Resolve(ctx, host)
}

// may judges one address: public, or in a network that was declared.
func (d *Door) may(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	for _, p := range d.cfg.Private {
		if p.Contains(a) {
			return true
		}
	}
	return Public(a)
}
