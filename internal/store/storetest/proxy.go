package storetest

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/types"
)

// Fault is what a Proxy does to the next COMMIT. The two look alike to who waits for the answer.
type Fault int

// The faults.
const (
	None         Fault = iota
	NotPersisted       // the connection breaks before COMMIT arrives: nothing happened
	Persisted          // the connection breaks after COMMIT and before its answer: it happened
)

// Proxy stands between a program and PostgreSQL, so that a test can take the database away and give it back.
type Proxy struct {
	target string
	url    string
	mu     sync.Mutex
	l      net.Listener
	addr   string
	conns  map[net.Conn]bool
	fault  Fault
	silent bool
}

// NewProxy stands before the test server; it ends with the test. Without a server the test is skipped, as by Postgres.
func NewProxy(t testing.TB) *Proxy {
	t.Helper()
	u, err := url.Parse(server())
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: u.Host, conns: map[net.Conn]bool{}}
	probe, err := net.Dial("tcp", p.target) // #nosec G704 -- for tests alone, to the server that they are given
	if err != nil {
		absent(t, err)
	}
	probe.Close()
	if err := p.listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.addr = p.l.Addr().String()
	u.Host = p.addr
	plain := u.Query()
	plain.Set("sslmode", "disable") // the proxy reads along
	u.RawQuery = plain.Encode()
	p.url = u.String()
	t.Cleanup(p.Cut)
	return p
}

// URL is the database's as seen through the proxy.
func (p *Proxy) URL() types.Secret { return types.NewSecret(p.url) }

// Next arms a fault for the next COMMIT.
func (p *Proxy) Next(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Silence swallows what travels either way and keeps the connections, as a network does that was cut elsewhere; false ends it, and
// with it the connections, which have lost their thread.
func (p *Proxy) Silence(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent = on; on {
		return
	}
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) swallows() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.silent
}

// Cut takes the database away: connections break, new ones are refused.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.l.Close()
	for c := range p.conns {
		c.Close()
	}
}

// Restore gives the database back, at the same address.
func (p *Proxy) Restore(t testing.TB) {
	t.Helper()
	p.Cut()
	if err := p.listen(p.addr); err != nil {
		t.Fatal(err)
	}
}

func (p *Proxy) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.l = l
	p.mu.Unlock()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", p.target)
			if err != nil {
				client.Close()
				continue
			}
			go p.carry(client, server)
		}
	}()
	return nil
}

// carry copies both ways, message by message as far as one read gives them, and does what is armed.
func (p *Proxy) carry(client, server net.Conn) {
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	end := sync.OnceFunc(func() {
		client.Close()
		server.Close()
		p.mu.Lock()
		delete(p.conns, client)
		delete(p.conns, server)
		p.mu.Unlock()
	})
	go func() {
		defer end()
		p.pass(server, client, NotPersisted, []byte("commit\x00"))
	}()
	defer end()
	p.pass(client, server, Persisted, []byte("COMMIT\x00"))
}

// pass copies until the sign of an armed fault is in what would be passed on.
func (p *Proxy) pass(dst io.Writer, src io.Reader, f Fault, sign []byte) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if bytes.Contains(buf[:n], sign) && p.strike(f) {
			return
		}
		if p.swallows() && err == nil {
			continue
		}
		if _, e := dst.Write(buf[:n]); e != nil || err != nil {
			return
		}
	}
}

// strike uses up an armed fault.
func (p *Proxy) strike(f Fault) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != f {
		return false
	}
	p.fault = None
	return true
}
