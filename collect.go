package fastness

import (
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow to four times what is in use before the garbage collector runs. A server holds some 8 MiB of plan, rules and
// statements for good; with Go's own 100 they are walked every 8 MiB, which costs more than all checks of the requests in between.
const gcPercent = 300

// TuneCollector sets the garbage collector for a process that serves and does nothing else. GOGC in the environment overrides it, and
// GOMEMLIMIT bounds it where memory is short. It belongs to the process and not to an App: a program that imports this module decides itself.
func TuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
