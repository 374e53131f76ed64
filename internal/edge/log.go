package edge

import (
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/meter"
)

// accessLog collects one JSON line per request in memory; one goroutine writes what has gathered, each second or when it is much, so that
// a request pays for the line and neither for a write nor for waking anybody. When the writer cannot keep up lines are dropped and
// counted: logging must not slow what it watches. The end of the server writes what is left; a crash loses the last second.
type accessLog struct {
	w     io.Writer
	meter *meter.Set
	much  chan struct{} // wakes the writer before its second is over
	stop  chan struct{}
	done  chan struct{}

	mu    sync.Mutex
	lines []byte
}

// Bounds of the lines that wait, in bytes.
const (
	muchLog = 32 << 10
	mostLog = 1 << 20
)

func newAccessLog(w io.Writer, m *meter.Set) *accessLog {
	l := &accessLog{w: w, meter: m, much: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	if w == nil {
		close(l.done)
		return l
	}
	go l.write()
	return l
}

// add takes a line, or drops it when too many wait.
func (l *accessLog) add(line []byte) {
	l.mu.Lock()
	n := len(l.lines)
	if n+len(line) > mostLog {
		l.mu.Unlock()
		l.meter.Add("fastness_access_log_dropped_total", 1)
		return
	}
	l.lines = append(l.lines, line...)
	l.mu.Unlock()
	if n < muchLog && n+len(line) >= muchLog {
		select {
		case l.much <- struct{}{}:
		default:
		}
	}
}

func (l *accessLog) write() {
	defer close(l.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var spare []byte
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-l.much:
		case <-l.stop:
			last = true
		}
		l.mu.Lock()
		out := l.lines
		l.lines = spare[:0]
		l.mu.Unlock()
		if len(out) > 0 {
			l.w.Write(out)
		}
		spare = out
	}
}

// close writes what waits. No request may be under way any more.
func (l *accessLog) close() {
	close(l.stop)
	<-l.done
}

var classes = [...]string{1: `fastness_requests_total{class="1xx"}`, 2: `fastness_requests_total{class="2xx"}`, 3: `fastness_requests_total{class="3xx"}`,
	4: `fastness_requests_total{class="4xx"}`, 5: `fastness_requests_total{class="5xx"}`}

// log writes the line: ids, classes and numbers, never a value, a query or a path that is not the plan's.
func (x *exchange) log() {
	if x.status == statusHungUp {
		x.s.cfg.Meter.Add(`fastness_requests_total{class="hung_up"}`, 1)
	} else if c := x.status / 100; c >= 1 && c <= 5 {
		x.s.cfg.Meter.Add(classes[c], 1)
	}
	if x.status == 401 || x.status == 403 || x.status == 404 {
		if x.caller == nil || x.caller.Kind == types.Anonymous {
			x.s.cfg.Meter.Add("fastness_anonymous_refusals_total", 1)
		}
	}
	if x.s.access.w == nil {
		return
	}
	var line [320]byte // on the stack: add copies it
	b := line[:0]
	b = append(b, `{"at":"`...)
	b = x.begun.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","request":"`...)
	b = append(b, x.id...)
	b = append(b, `","route":`...)
	b = strconv.AppendQuote(b, x.routeName()) // names are lower_snake: nothing in them needs another form in JSON
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(x.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, int64(x.size), 10)
	b = append(b, `,"us":`...)
	b = strconv.AppendInt(b, int64(x.s.cfg.Clock.Now().Sub(x.begun)/time.Microsecond), 10)
	if x.caller != nil && x.caller.Account != "" {
		b = append(append(append(b, `,"account":"`...), x.caller.Account...), '"')
	}
	b = append(b, "}\n"...)
	x.s.access.add(b)
}

// routeName is what logs and operators call the route; "none" before one was found.
func (x *exchange) routeName() string {
	if x.route == nil {
		return "none"
	}
	return x.route.Name
}
