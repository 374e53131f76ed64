package edge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
)

// Caps on open connections: per address and in all.
const (
	maxConnections = 20000
	maxPerAddress  = 1024
)

// listen opens the listeners of the configuration.
func (s *Server) listen() error {
	for _, l := range []struct {
		dst     *net.Listener
		address string
		word    string
	}{{&s.https, s.cfg.HTTPS, "https"}, {&s.http, s.cfg.HTTP, "http"}, {&s.ops, s.cfg.Operations, "operations"}} {
		if l.address == "" {
			continue
		}
		opened, err := net.Listen("tcp", l.address)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("edge: the port of %s is in use by another program; stop it or change listen: {%s: …}", l.address, l.word)
		}
		if err != nil {
			return fmt.Errorf("edge: listen on %s: %w; change listen: {%s: …}", l.address, err, l.word)
		}
		*l.dst = &capped{Listener: opened, most: maxConnections, mostPer: maxPerAddress, per: map[netip.Addr]int{}}
	}
	return nil
}

func (s *Server) closeListeners() {
	for _, l := range []net.Listener{s.https, s.http, s.ops} {
		if l != nil {
			l.Close()
		}
	}
}

// capped refuses connections beyond the caps by closing them at once: a refused client costs no handshake.
type capped struct {
	net.Listener
	most, mostPer int // in all, and per address
	mu            sync.Mutex
	all           int
	per           map[netip.Addr]int
}

func (c *capped) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at := addressOf(conn.RemoteAddr().String())
		if c.enter(at) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { c.leave(at) })}, nil
		}
		conn.Close()
	}
}

// open is how many connections are open now.
func (c *capped) open() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(c.all)
}

func (c *capped) enter(at netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.most || c.per[at] >= c.mostPer {
		return false
	}
	c.all++
	c.per[at]++
	return true
}

func (c *capped) leave(at netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.per[at]--; c.per[at] <= 0 {
		delete(c.per, at)
	}
}

type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// addressOf reads "host:port"; invalid addresses give the zero Addr.
func addressOf(hostport string) netip.Addr {
	at, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// portOf is the port of a listener's address.
func portOf(address string) string {
	return address[strings.LastIndexByte(address, ':')+1:]
}
