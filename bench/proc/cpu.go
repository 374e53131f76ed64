// Package proc reads what processes cost, CPU time and memory, and binds them to cores: the client's core is 1, the servers' 0.
package proc

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the CPU time that a process has used so far, user and system, of all its threads, those that ended included. It reads
// the process's own CPU clock (clock_getcpuclockid(3)), which counts nanoseconds; /proc/PID/stat counts ticks of 10 ms.
func CPUTime(pid int) (time.Duration, error) {
	var ts unix.Timespec
	const schedClock = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// pin binds a process with all its threads to one core, when there are two or more.
func pin(pid, core int) {
	if runtime.NumCPU() < 2 {
		return
	}
	var set unix.CPUSet
	set.Set(core)
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.SchedSetaffinity(tid, &set) // a thread that has just ended is no loss
		}
	}
}

// PinSelf binds this process to one core.
func PinSelf(core int) { pin(os.Getpid(), core) }

// StartPinned starts a child on core 0 from its first instruction on: affinity is inherited, so this thread moves there, starts
// it and moves back. How many threads run Go code is the child's own affair: the built server takes what its users get.
func StartPinned(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if runtime.NumCPU() >= 2 {
		var before, zero unix.CPUSet
		if err := unix.SchedGetaffinity(0, &before); err != nil {
			return err
		}
		zero.Set(0)
		if err := unix.SchedSetaffinity(0, &zero); err != nil {
			return err
		}
		defer func() { _ = unix.SchedSetaffinity(0, &before) }()
	}
	return cmd.Start()
}

// ResidentMiB is the resident memory of a process in MiB.
func ResidentMiB(pid int) (float64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS for process %d", pid)
}

// Micros is a duration in microseconds.
func Micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
