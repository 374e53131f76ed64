package password

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// lower gives every thread of this process the lowest priority. It also sees to it that a crash leaves no file with passwords in it. What
// cannot be had is done without: a hash at a higher priority is still right.
func lower() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	threads(os.Getpid(), func(id int) { _ = unix.Setpriority(unix.PRIO_PROCESS, id, 19) })
}

// yield moves every thread of a worker to the idle class (sched(7)), in which a process may put its children and cannot get out again
// without a privilege: that is why it is done to a worker and not by it.
func yield(pid int) {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE, Nice: 19}
	threads(pid, func(id int) { _ = unix.SchedSetAttr(id, &attr, 0) })
}

// threads does something to each thread of a process: on Linux priority and class belong to a thread, and new ones inherit them from the
// thread that makes them, so a second round catches what was made during the first.
func threads(pid int, do func(id int)) {
	for range 2 {
		tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
		if err != nil {
			do(pid)
			return
		}
		for _, t := range tasks {
			if id, err := strconv.Atoi(t.Name()); err == nil {
				do(id)
			}
		}
	}
}

// apart keeps the terminal's interrupt from the worker: its parent drains first, and then closes the pipe.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
