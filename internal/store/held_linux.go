package store

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockedByte is the byte of a database file that stands for the whole: far beyond what SQLite locks (at 1 GiB) and what a file reaches.
const lockedByte = 1 << 61

// LockFile locks a database file itself, which it makes when there is none: another name of the same file (a hard link, another mount)
// shares the lock, and no file beside it that somebody removes takes it away. The kernel drops it when the file is closed or the process
// ends. ErrBusy when another process holds it. It is a lock of the open file (F_OFD_SETLK), so that SQLite's own locks neither meet nor end it.
func LockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: database file: %w; give a folder that this user may write", err)
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: lockedByte, Len: 1}); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s, perhaps under another name; stop the other one, or let commands go through it", ErrBusy, path)
	}
	return f, nil
}
