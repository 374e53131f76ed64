package mail

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"strconv"

	"github.com/fastness-dev/fastness/internal/types/dial"
)

// Reroute makes a server's name resolve to loopback, so that a test can play a server elsewhere. connected may change the
// connection; nil: it stays as it is.
func Reroute(s Server, roots *x509.CertPool, connected func(net.Conn) net.Conn) Server {
	cfg := dial.Config{Hosts: []string{net.JoinHostPort(s.host, strconv.Itoa(s.port))}, Private: private, Roots: roots,
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}}
	if connected != nil {
		cfg.Connect = func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, to.String())
			if err != nil {
				return nil, err
			}
			return connected(conn), nil
		}
	}
	door, err := dial.New(cfg)
	if err != nil {
		panic(err)
	}
	s.door = door
	return s
}

// Choose, Line and Span are the words of letters.
var (
	Choose = choose
	Line   = line
	Span   = span
)
