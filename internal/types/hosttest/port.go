// Package hosttest is what tests ask of the machine that they run on: free ports, and the programs of others.
//
// Map: port.go (Port), tool.go (Tool, Has, File, Missing, Fewer), race.go, norace.go (Race).
package hosttest

import (
	"crypto/rand"
	"errors"
	"math/big"
	"net"
)

// The range lies below what Linux (32768) and macOS (49152) give to outgoing connections and to listeners on port 0: between the
// moment when a port is found and the moment when the server opens it, the system hands it to nobody.
const (
	first = 20000
	last  = 31999
)

// Port returns the number of a port that nobody listens on at 127.0.0.1, in decimal, for a server that takes its port from a
// configuration. Whoever can listen on port 0 and ask which one came should do that instead.
func Port() (string, error) {
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(last-first+1))
		if err != nil {
			return "", err
		}
		port := n.Add(n, big.NewInt(first)).String()
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return "", errors.New("hosttest: 100 ports from 20000 to 31999 are all in use")
}
