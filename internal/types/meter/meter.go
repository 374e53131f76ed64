// Package meter counts: a handful of named counters that rooms raise and edge renders for Prometheus.
package meter

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Set is a set of counters. The zero value is ready; safe for concurrent use.
type Set struct {
	mu       sync.RWMutex
	counters map[string]*atomic.Int64
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

// WriteTo writes the counters in Prometheus' text format, in order of name.
func (s *Set) WriteTo(w io.Writer) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var total int64
	for _, name := range slices.Sorted(maps.Keys(s.counters)) {
		n, err := fmt.Fprintf(w, "%s %d\n", name, s.counters[name].Load())
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
