// Package meter counts: a handful of named counters that rooms raise, and gauges that are read when they are asked for; edge renders both for
// Prometheus. A name that ends in _total is a counter. Labels come from closed sets, never from a request.
package meter

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Set is a set of counters. The zero value is ready; safe for concurrent use.
type Set struct {
	mu       sync.RWMutex
	counters map[string]*atomic.Int64
	gauges   map[string]func() int64
}

// Gauge names a value that is read at each rendering: fastness_store_queue. A name that was given before is replaced.
func (s *Set) Gauge(name string, read func() int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gauges == nil {
		s.gauges = map[string]func() int64{}
	}
	s.gauges[name] = read
}

// Add raises a counter. The name is a whole Prometheus series: fastness_requests_total{class="2xx"}.
func (s *Set) Add(name string, n int64) { s.counter(name).Add(n) }

// Get returns a counter's value.
func (s *Set) Get(name string) int64 { return s.counter(name).Load() }

func (s *Set) counter(name string) *atomic.Int64 {
	s.mu.RLock()
	c := s.counters[name]
	s.mu.RUnlock()
	if c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counters == nil {
		s.counters = map[string]*atomic.Int64{}
	}
	if c = s.counters[name]; c == nil {
		c = &atomic.Int64{}
		s.counters[name] = c
	}
	return c
}

// WriteTo writes counters and gauges in Prometheus' text format, in order of name, each family with its type.
func (s *Set) WriteTo(w io.Writer) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	values := map[string]int64{}
	for name, c := range s.counters {
		values[name] = c.Load()
	}
	for name, read := range s.gauges {
		values[name] = read()
	}
	var total int64
	last := ""
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if family, _, _ := strings.Cut(name, "{"); family != last {
			last = family
			kind := "gauge"
			if strings.HasSuffix(family, "_total") {
				kind = "counter"
			}
			n, err := fmt.Fprintf(w, "# TYPE %s %s\n", family, kind)
			total += int64(n)
			if err != nil {
				return total, err
			}
		}
		n, err := fmt.Fprintf(w, "%s %d\n", name, values[name])
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
