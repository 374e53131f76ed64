package door

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// by24 counts addresses of IPv4 as the edge does.
func by24(at netip.Addr) netip.Prefix { p, _ := at.Prefix(24); return p }

// bench is a door with clients from any address of 127.0.0.0/8.
type bench struct {
	*testing.T
	door     *Door
	accepted chan net.Conn
}

func open(t *testing.T, cfg Config) *bench {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, door: New(l, cfg), accepted: make(chan net.Conn, 64)}
	t.Cleanup(func() { b.door.Close() })
	go func() {
		for {
			c, err := b.door.Accept()
			if err != nil {
				return
			}
			b.accepted <- c
		}
	}()
	return b
}

// dial opens a connection from an address, and says whether it has a place.
func (b *bench) dial(from string) (client, server net.Conn) {
	b.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client, err := d.Dial("tcp", b.door.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close() })
	select {
	case server = <-b.accepted:
		return client, server
	case <-time.After(300 * time.Millisecond):
		return client, nil
	}
}

func closed(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return err == io.EOF || err != nil && !err.(net.Error).Timeout()
}

// TestCaps: connections beyond the bound of a network, whatever its addresses, are closed at once when all of it is at work, and a place that
// is left, once, can be taken again.
func TestCaps(t *testing.T) {
	b := open(t, Config{Network: by24, Most: 100, MostPer: 3})
	var held []net.Conn
	for _, from := range []string{"127.0.1.1", "127.0.1.2", "127.0.1.3"} {
		_, s := b.dial(from)
		State(s, http.StateActive)
		held = append(held, s)
	}
	if c, s := b.dial("127.0.1.4"); s != nil || !closed(c) {
		t.Error("a fourth connection of one network is accepted")
	}
	if _, s := b.dial("127.0.2.1"); s == nil {
		t.Error("another network is refused")
	}
	held[0].Close()
	held[0].Close() // leaving twice frees one place
	_, s := b.dial("127.0.1.4")
	if s == nil {
		t.Fatal("a place that was left cannot be taken")
	}
	State(s, http.StateActive)
	if c, s := b.dial("127.0.1.5"); s != nil || !closed(c) {
		t.Error("closing one connection twice freed two places")
	}
}

// TestBareConnections: connections without a request shut nobody out: when all places are taken a newcomer from elsewhere gets one of the
// heaviest network's, the oldest that never sent a request first, and what is at work stays.
func TestBareConnections(t *testing.T) {
	b := open(t, Config{Network: by24, Most: 12, MostPer: 5})
	var bare, servers []net.Conn
	for _, from := range []string{"127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4", "127.0.2.1", "127.0.2.2", "127.0.2.3", "127.0.3.1", "127.0.3.2", "127.0.3.3", "127.0.3.4", "127.0.3.5"} {
		c, s := b.dial(from)
		bare, servers = append(bare, c), append(servers, s)
	}
	State(servers[7], http.StateActive) // of the heaviest: it works
	State(servers[8], http.StateActive)
	State(servers[8], http.StateIdle)  // it had a request
	for i, goes := range []int{9, 0} { // the heaviest network first; then two are alike, and either may go
		c, s := b.dial("127.0.9.1")
		if s == nil {
			t.Fatalf("newcomer %d is shut out by connections that do nothing", i+1)
		}
		State(s, http.StateActive)
		if i == 0 && !closed(bare[goes]) {
			t.Errorf("connection %d stays", goes)
		}
		if closed(c) {
			t.Error("the newcomer's own is closed")
		}
	}
	if closed(bare[7]) {
		t.Error("a connection at work was closed")
	}
	if n := b.door.Open(); n != 12 {
		t.Errorf("%d connections are counted, want 12", n)
	}
	// A network at its bound makes room among its own.
	full := open(t, Config{Network: by24, Most: 100, MostPer: 2})
	first, _ := full.dial("127.0.1.1")
	full.dial("127.0.1.2")
	if _, s := full.dial("127.0.1.3"); s == nil || !closed(first) {
		t.Error("an unfinished handshake keeps its place from a newcomer of its network")
	}
	// Everything at work: a newcomer is refused.
	busy := open(t, Config{Network: by24, Most: 1, MostPer: 1})
	_, s := busy.dial("127.0.1.1")
	State(s, http.StateActive)
	if c, s := busy.dial("127.0.2.1"); s != nil || !closed(c) {
		t.Error("a connection beyond all is accepted")
	}
	// Of a trusted proxy, whose clients are many, only the whole is bounded.
	proxy := open(t, Config{Network: by24, Most: 3, MostPer: 1, Trusted: func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.1.1") }})
	var got []bool
	for range 3 {
		_, s := proxy.dial("127.0.1.1")
		State(s, http.StateActive)
		got = append(got, s != nil)
	}
	if !slices.Equal(got, []bool{true, true, true}) {
		t.Errorf("connections of a proxy: %v", got)
	}
}

// TestShare: whatever the limit on descriptors, connections leave some for everything else.
func TestShare(t *testing.T) {
	for _, n := range []uint64{256, 1024, 4096, 20000, 65536, 1 << 30} {
		p := Share(n)
		if total := p.Secure + p.Plain + p.Operations; uint64(total)+64 > n || p.Secure < 100 || p.Secure > 20000 {
			t.Errorf("%d descriptors: %+v", n, p)
		}
	}
}
