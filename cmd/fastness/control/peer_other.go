//go:build !linux

package control

import (
	"io/fs"
	"net"
	"os"
)

// peer trusts the mode of the socket, which only its owner may open.
func peer(net.Conn) (uid int, ok bool) { return os.Getuid(), true }

func owner(fs.FileInfo) int { return -1 }
