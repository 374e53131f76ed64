package edge

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestCaps: connections beyond the cap of an address are closed at once, and a place that is left can be taken again.
func TestCaps(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &capped{Listener: l, most: 100, mostPer: 3, per: map[netip.Addr]int{}}
	defer c.Close()
	accepted := make(chan net.Conn, 16)
	go func() {
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	refused := func(conn net.Conn) bool {
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, err := conn.Read(make([]byte, 1))
		ne, late := err.(net.Error)
		return err != nil && !(late && ne.Timeout())
	}
	for range 3 {
		dial()
	}
	held := <-accepted
	<-accepted
	<-accepted
	if !refused(dial()) {
		t.Fatal("a fourth connection of one address is accepted")
	}
	held.Close()
	held.Close() // leaving twice frees one place
	dial()
	select {
	case <-accepted:
	case <-time.After(5 * time.Second):
		t.Fatal("a place that was left cannot be taken")
	}
	if !refused(dial()) {
		t.Fatal("closing one connection twice freed two places")
	}
}
