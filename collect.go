package fastness

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// gcPercent lets the heap grow to four times what is in use before the garbage collector runs. A server holds some 8 MiB of plan, rules and
// statements for good; with Go's own 100 they are walked every 8 MiB, which costs more than all checks of the requests in between.
// What is in use grows with bodies that are worked on, and three times that may not lie about: gcSlack bounds what does.
const (
	gcPercent = 300
	gcLeast   = 50
	gcSlack   = 48 << 20
)

// memoryShare is how much of a limit of the cgroup is Go's: the rest is for password workers, SQLite's pages and the system.
const memoryShare = 0.7

// TuneCollector sets the garbage collector for a process that serves and does nothing else. GOGC and GOMEMLIMIT in the environment override
// it; without the second, the limit on memory of the process' cgroup bounds it. It belongs to the process and not to an App: a program that
// imports this module decides itself.
func TuneCollector() {
	if os.Getenv("GOMEMLIMIT") == "" {
		limitMemory("/")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		followCollector()
	}
}

// limitMemory bounds the process by the limit of its cgroup, found below a root folder, if there is one.
func limitMemory(root string) {
	if limit := cgroupMemory(root); limit < math.MaxInt64 {
		debug.SetMemoryLimit(int64(float64(limit) * memoryShare))
	}
}

// followCollector adjusts the collector after each of its runs, by what was in use: an object that nobody holds is collected with each.
func followCollector() {
	runtime.AddCleanup(new(*int), func(int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		debug.SetGCPercent(percentFor(live[0].Value.Uint64()))
		followCollector()
	}, 0)
}

// percentFor is how much more than what is in use may be allocated before the next run.
func percentFor(live uint64) int {
	return int(max(gcLeast, min(gcPercent, 100*gcSlack/max(live, 1))))
}

// cgroupMemory is the lowest limit on memory of the process' cgroup and those around it, version 2 or 1, below a root folder;
// math.MaxInt64 for none.
func cgroupMemory(root string) int64 {
	least := int64(math.MaxInt64)
	text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		switch {
		case part[0] == "0" && part[1] == "":
		case strings.Contains(","+part[1]+",", ",memory,"):
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for at := filepath.Clean("/" + part[2]); ; at = filepath.Dir(at) { // in a container the path may lie outside; then the mount itself counts
			text, err := os.ReadFile(filepath.Join(root, mount, at, file))
			if n, e := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && e == nil && n > 0 && n < 1<<60 {
				least = min(least, n)
			}
			if at == "/" {
				break
			}
		}
	}
	return least
}
