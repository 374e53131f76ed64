package control

import (
	"io/fs"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peer is the user at the other end: who connected, or who listens.
func peer(conn net.Conn) (uid int, ok bool) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if ok = err == nil; ok {
			uid = int(cred.Uid)
		}
	})
	return uid, ok && err == nil
}

// owner is who owns a file; -1: nobody knows.
func owner(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
