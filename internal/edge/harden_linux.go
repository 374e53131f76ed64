package edge

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// descriptors is how many files and connections this process may have open.
func descriptors() uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 1024
	}
	return l.Cur
}

// Harden makes sure that a crash leaves no copy of memory behind: no core file, not dumpable, not traceable by others; that no file which
// this program makes is for other users; and that a limit on the size of files is an error of the write and not the end of the process.
func Harden() {
	signal.Ignore(unix.SIGXFSZ)
	unix.Umask(0o077)
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
