package edge

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/meter"
)

// accessLog writes one JSON line per request off the request's own path. When the writer cannot keep up lines are dropped and
// counted: logging must not slow what it watches.
type accessLog struct {
	lines chan []byte
	done  chan struct{}
	meter *meter.Set
}

func newAccessLog(w io.Writer, m *meter.Set) *accessLog {
	l := &accessLog{meter: m}
	if w == nil {
		return l
	}
	l.lines, l.done = make(chan []byte, 4096), make(chan struct{})
	go func() {
		defer close(l.done)
		buf := make([]byte, 0, 64<<10)
		for line := range l.lines {
			buf = append(buf[:0], line...)
			for more := true; more && len(buf) < 60<<10; {
				select {
				case next, ok := <-l.lines:
					buf, more = append(buf, next...), ok
				default:
					more = false
				}
			}
			w.Write(buf)
		}
	}()
	return l
}

func (l *accessLog) close() {
	if l.lines != nil {
		close(l.lines)
		<-l.done
	}
}

var classes = [...]string{1: `fastness_requests_total{class="1xx"}`, 2: `fastness_requests_total{class="2xx"}`, 3: `fastness_requests_total{class="3xx"}`,
	4: `fastness_requests_total{class="4xx"}`, 5: `fastness_requests_total{class="5xx"}`}

// log writes the line: ids, classes and numbers, never a value, a query or a path that is not the plan's.
func (x *exchange) log() {
	if c := x.status / 100; c >= 1 && c <= 5 {
		x.s.cfg.Meter.Add(classes[c], 1)
	}
	if x.status == 401 || x.status == 403 || x.status == 404 {
		if x.caller == nil || x.caller.Kind == types.Anonymous {
			x.s.cfg.Meter.Add("fastness_anonymous_refusals_total", 1)
		}
	}
	if x.s.access.lines == nil {
		return
	}
	b := make([]byte, 0, 256)
	b = append(b, `{"at":"`...)
	b = x.begun.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","request":"`...)
	b = append(b, x.id...)
	b = append(b, `","route":`...)
	route := "none"
	if x.route != nil {
		route = x.route.Name
	}
	quoted, _ := json.Marshal(route)
	b = append(append(b, quoted...), `,"status":`...)
	b = strconv.AppendInt(b, int64(x.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, int64(x.size), 10)
	b = append(b, `,"us":`...)
	b = strconv.AppendInt(b, int64(x.s.cfg.Clock.Now().Sub(x.begun)/time.Microsecond), 10)
	if x.caller != nil && x.caller.Account != "" {
		b = append(append(append(b, `,"account":"`...), x.caller.Account...), '"')
	}
	b = append(b, "}\n"...)
	select {
	case x.s.access.lines <- b:
	default:
		x.s.cfg.Meter.Add("fastness_access_log_dropped_total", 1)
	}
}
