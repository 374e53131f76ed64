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

func (s *scenario) request(ctx context.Context, url string) (*http.Request, error) {
	n := s.n.Add(1)
	var body io.Reader
	if s.body != "" {
		body = strings.NewReader(strings.ReplaceAll(s.body, "{n}", strconv.FormatInt(n, 10)))
	}
	req, err := http.NewRequestWithContext(ctx, s.method, url+s.paths[int(n)%len(s.paths)], body)
	if err != nil {
		return nil, err
	}
	for k, v := range s.header {
		req.Header[k] = v
	}
	return req, nil
}
