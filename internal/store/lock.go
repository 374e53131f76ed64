package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// LockDir makes a data directory and takes its lock, which the kernel drops when the file is closed or the process ends, however it
// ends. ErrBusy when another process holds it: two servers, replicas of one database included, never share a directory. A directory into
// which others may put files is refused, and so is one that holds a symbolic link: what lies there would be theirs to choose.
func LockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: data directory: %w; give a folder that this user may write", err)
	}
	if err := trusted(dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: data directory: %w; give a folder that this user may write", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s; stop the other one, or let commands go through it", ErrBusy, dir)
	}
	return f, nil
}

// trusted refuses a data directory that is another user's, that others may write, or that holds symbolic links.
func trusted(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("store: data directory: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() && stat.Uid != 0 {
		return fmt.Errorf("store: the data directory %s belongs to user %d, who could change what lies there; run this as that user, or give the folder to user %d: chown -R %d %s",
			dir, stat.Uid, os.Geteuid(), os.Geteuid(), dir)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("store: others may write the data directory %s (mode %04o); run: chmod go-w %s", dir, mode, dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("store: data directory: %w", err)
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			return fmt.Errorf("store: %s is a symbolic link; put the file itself into the data directory, or declare the folder that it lies in: data: PATH", filepath.Join(dir, e.Name()))
		}
	}
	return nil
}
