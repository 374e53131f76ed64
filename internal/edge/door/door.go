// Package door bounds open connections, by network and in all, so that descriptors are left for the database and for operations.
//
// Policy: nobody is shut out by connections that do nothing. When the door is full a newcomer takes the place of a connection without a
// request, of the network that holds most: first of one that never sent one (an unfinished handshake, headers that trickle), then of one
// between two. A network at its own bound makes room among its own. Only where everything is at work a newcomer is refused, by closing at
// once: that costs no handshake.
package door

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Config says what is bounded. Network, Most and MostPer are required.
type Config struct {
	Network func(netip.Addr) netip.Prefix // what an address is counted with
	Most    int                           // connections in all
	MostPer int                           // connections of one network
	// Trusted reports addresses that are bounded in all only, because many clients come from there; nil: none.
	Trusted func(netip.Addr) bool
}

// Door is a listener with bounds. Its State must be told what a server does with its connections (http.Server.ConnState).
type Door struct {
	net.Listener
	cfg Config

	mu  sync.Mutex
	all int
	per map[netip.Prefix]*network
}

// network is what is open from one network.
type network struct {
	open  int
	fresh list.List // of *conn without a request so far, oldest first
	idle  list.List // of *conn between two requests, oldest first
}

// conn is a connection that has a place.
type conn struct {
	net.Conn
	door *Door
	from *network
	key  netip.Prefix
	in   *list.List // the list that it waits in; nil: it is at work, or has left
	at   *list.Element
	left bool
}

// New puts bounds before a listener.
func New(l net.Listener, cfg Config) *Door {
	return &Door{Listener: l, cfg: cfg, per: map[netip.Prefix]*network{}}
}

// Accept gives the next connection that has a place.
func (d *Door) Accept() (net.Conn, error) {
	for {
		raw, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, goes := d.enter(raw)
		if goes != nil {
			goes.Conn.Close()
		}
		if c != nil {
			return c, nil
		}
		raw.Close()
	}
}

// Open is how many connections are open now.
func (d *Door) Open() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(d.all)
}

// enter gives a connection a place, if need be that of another, which is to be closed.
func (d *Door) enter(raw net.Conn) (c, goes *conn) {
	at := Address(raw.RemoteAddr().String())
	key, most := d.cfg.Network(at), d.cfg.MostPer
	if d.cfg.Trusted != nil && d.cfg.Trusted(at) {
		most = d.cfg.Most
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.per[key]
	if n == nil {
		n = &network{}
		d.per[key] = n
	}
	switch {
	case n.open >= most:
		goes = n.waiting()
	case d.all >= d.cfg.Most:
		goes = d.heaviest(n).waiting()
	}
	if goes != nil {
		d.leave(goes)
	}
	if n.open >= most || d.all >= d.cfg.Most {
		if n.open == 0 {
			delete(d.per, key)
		}
		return nil, nil
	}
	d.per[key] = n // also where the one that left was its last
	c = &conn{Conn: raw, door: d, from: n, key: key}
	d.all++
	n.open++
	c.wait(&n.fresh)
	return c, goes
}

// manyNetworks is how many networks are looked at for the heaviest.
const manyNetworks = 1024

// heaviest is the network with most connections among those that have one waiting; n itself if none holds more than it would.
func (d *Door) heaviest(n *network) *network {
	most, seen := n, 0
	for _, other := range d.per {
		if other.open > most.open && other.fresh.Len()+other.idle.Len() > 0 {
			most = other
		}
		if seen++; seen == manyNetworks {
			break
		}
	}
	return most
}

// waiting is the connection of a network that is missed least; nil: all are at work.
func (n *network) waiting() *conn {
	for _, l := range []*list.List{&n.fresh, &n.idle} {
		if e := l.Front(); e != nil {
			return e.Value.(*conn)
		}
	}
	return nil
}

func (c *conn) wait(l *list.List) {
	c.work()
	c.in, c.at = l, l.PushBack(c)
}

func (c *conn) work() {
	if c.in != nil {
		c.in.Remove(c.at)
		c.in, c.at = nil, nil
	}
}

func (d *Door) leave(c *conn) {
	if c.left {
		return
	}
	c.left = true
	c.work()
	d.all--
	if c.from.open--; c.from.open == 0 {
		delete(d.per, c.key)
	}
}

// Close gives the place back, once.
func (c *conn) Close() error {
	c.door.mu.Lock()
	c.door.leave(c)
	c.door.mu.Unlock()
	return c.Conn.Close()
}

// State follows what a server does with a connection.
func State(raw net.Conn, state http.ConnState) {
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	c, ok := raw.(*conn)
	if !ok {
		return
	}
	c.door.mu.Lock()
	defer c.door.mu.Unlock()
	switch {
	case c.left:
	case state == http.StateIdle:
		c.wait(&c.from.idle)
	case state == http.StateActive:
		c.work()
	}
}

// Address reads "host:port"; what is none gives the zero Addr.
func Address(hostport string) netip.Addr {
	at, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// Places are the connections that the descriptors of a process leave: for clients over TLS, for the port without, and for operations.
type Places struct{ Secure, Plain, Operations int }

// mostSecure bounds the connections of clients whatever the descriptors allow.
const mostSecure = 20000

// Share divides a limit on descriptors. An eighth, 128 to 1,024, is kept for the database, files, letters, and operations.
func Share(descriptors uint64) Places {
	all := int(min(descriptors, 1<<20))
	left := max(all-min(max(all/8, 128), 1024), 16)
	plain := min(left/10, 1000)
	return Places{Secure: min(left-plain, mostSecure), Plain: max(plain, 2), Operations: 32}
}
