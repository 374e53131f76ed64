package main

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// scenario is one kind of request. Paths and bodies are parameters: the yardstick answers whatever matches pattern with the
// sample that the server under test gave.
type scenario struct {
	name    string
	method  string
	pattern string   // of net/http.ServeMux, with the method: what the yardstick answers
	paths   []string // asked in turn, with their queries
	body    string   // "{n}" becomes a number that no other request has; "" for none
	header  http.Header
	status  int
	budget  float64 // the most that it may cost, as a ratio to the yardstick; 0: none
	writes  bool    // runs are a fifth as long

	n atomic.Int64
}

// requests is how many requests one run of the scenario has.
func (s *scenario) requests(opt options) int {
	if s.writes {
		return max(opt.conns, opt.requests/5)
	}
	return opt.requests
}

// next is the path and the body of the next request. Paths are taken in no order that a cache could follow, and the same in each run.
func (s *scenario) next() (path, body string) {
	n := s.n.Add(1)
	if s.body != "" {
		body = strings.ReplaceAll(s.body, "{n}", strconv.FormatInt(n, 10))
	}
	return s.paths[uint64(n)*0x9E3779B97F4A7C15>>11%uint64(len(s.paths))], body
}

func (s *scenario) request(ctx context.Context, url string) (*http.Request, error) {
	path, text := s.next()
	var body io.Reader
	if s.body != "" {
		body = strings.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, s.method, url+path, body)
	if err != nil {
		return nil, err
	}
	for k, v := range s.header {
		req.Header[k] = v
	}
	return req, nil
}
