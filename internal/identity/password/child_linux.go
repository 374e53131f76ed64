package password

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// lower gives every thread of this process the lowest priority: on Linux a priority belongs to a thread, and new ones inherit
// it from the thread that makes them, so a second round catches what was made during the first. It also sees to it that a
// crash leaves no file with passwords in it. What cannot be had is done without: a hash at a higher priority is still right.
func lower() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	for range 2 {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19)
			return
		}
		for _, t := range tasks {
			if id, err := strconv.Atoi(t.Name()); err == nil {
				_ = unix.Setpriority(unix.PRIO_PROCESS, id, 19)
			}
		}
	}
}

// apart keeps the terminal's interrupt from the worker: its parent drains first, and then closes the pipe.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
