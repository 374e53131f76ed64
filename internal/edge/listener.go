package edge

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/fastness-dev/fastness/internal/edge/door"
	"github.com/fastness-dev/fastness/internal/types"
)

// mostPerNetwork bounds the connections of one network.
const mostPerNetwork = 1024

// listen opens the listeners of the configuration.
func (s *Server) listen() error {
	places := door.Share(descriptors())
	if s.cfg.Connections > 0 {
		places.Secure = s.cfg.Connections
	}
	for _, l := range []struct {
		dst     **door.Door
		address string
		word    string
		most    int
	}{{&s.https, s.cfg.HTTPS, "https", places.Secure}, {&s.http, s.cfg.HTTP, "http", places.Plain}, {&s.ops, s.cfg.Operations, "operations", places.Operations}} {
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
		*l.dst = door.New(opened, door.Config{Network: types.Network, Most: l.most, MostPer: min(mostPerNetwork, max(l.most/4, 8)), Trusted: s.proxy})
	}
	return nil
}

func (s *Server) closeListeners() {
	for _, l := range []*door.Door{s.https, s.http, s.ops} {
		if l != nil {
			l.Close()
		}
	}
}

// portOf is the port of a listener's address.
func portOf(address string) string {
	return address[strings.LastIndexByte(address, ':')+1:]
}
