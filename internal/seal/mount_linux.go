package seal

import (
	"os"

	"golang.org/x/sys/unix"
)

// secretMount reports whether the file lies on a read-only or memory file system.
func secretMount(f *os.File) bool {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return false
	}
	return s.Type == unix.RAMFS_MAGIC || s.Type == unix.TMPFS_MAGIC && s.Flags&unix.ST_RDONLY != 0 || s.Flags&unix.ST_RDONLY != 0
}
