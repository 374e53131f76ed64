package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastness-dev/fastness/bench/lean"
	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// connection sends one request at a time and reads the answer to its end.
type connection interface {
	once(ctx context.Context, s *scenario, url string) (int64, error)
	close()
}

// client holds one connection per worker, so that 32 workers are 32 connections under h2 too.
type client struct {
	conns []connection
}

// newClient makes the connections. Those of HTTP/1.1 are lean: net/http's client costs more than the bare server, which would then wait for
// it, and a server that waits is woken for each request by itself and looks dearer than it is.
func newClient(roots *x509.CertPool, protocol string, n int) *client {
	c := &client{}
	for range n {
		if protocol == "http/1.1" {
			c.conns = append(c.conns, lines{&lean.Conn{Roots: roots}})
			continue
		}
		t := &http.Transport{
			TLSClientConfig:    &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
			MaxConnsPerHost:    1,
			MaxIdleConns:       1,
			IdleConnTimeout:    time.Minute,
			DisableCompression: true,
			Protocols:          new(http.Protocols),
		}
		t.Protocols.SetHTTP2(true)
		c.conns = append(c.conns, transport{t})
	}
	return c
}

func (c *client) close() {
	for _, t := range c.conns {
		t.close()
	}
}

// transport is a connection of net/http.
type transport struct{ *http.Transport }

func (t transport) close() { t.CloseIdleConnections() }

// lines is a connection of HTTP/1.1 that is lean.
type lines struct{ *lean.Conn }

func (l lines) close() { l.Close() }

func (l lines) once(ctx context.Context, s *scenario, url string) (int64, error) {
	path, body := s.next()
	return l.Send(ctx, url, lean.Request{Method: s.method, Path: path, Header: s.header, Body: body, Status: s.status})
}

// outcome is what one run cost.
type outcome struct {
	cpu      time.Duration // of the server, per request
	wall     time.Duration // of the whole run
	busy     float64       // how much of the run the server worked: 1 is one core's whole time
	p50, p99 time.Duration // of one request, as the client sees it
	bytes    int64         // of one answer's body
}

// load sends n requests of a scenario over all connections, each worker one at a time, and returns what they cost the server. An answer
// with another status than the scenario expects ends the run: a server that refuses is fast.
func (c *client) load(ctx context.Context, t yard.Target, s *scenario, n int) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var next atomic.Int64
	var size atomic.Int64
	lat := make([][]time.Duration, len(c.conns))
	var wg sync.WaitGroup
	errs := make(chan error, len(c.conns))
	before, err := proc.CPUTime(t.PID)
	if err != nil {
		return outcome{}, err
	}
	begun := time.Now()
	for w, conn := range c.conns {
		wg.Go(func() {
			for int(next.Add(1)) <= n {
				at := time.Now()
				got, err := conn.once(ctx, s, t.URL)
				if err != nil {
					errs <- err
					cancel()
					return
				}
				lat[w] = append(lat[w], time.Since(at))
				size.Store(got)
			}
		})
	}
	wg.Wait()
	wall := time.Since(begun)
	after, err := proc.CPUTime(t.PID)
	if err != nil {
		return outcome{}, err
	}
	select {
	case err := <-errs:
		return outcome{}, fmt.Errorf("%s: %w", s.name, err)
	default:
	}
	all := slices.Concat(lat...)
	slices.Sort(all)
	return outcome{cpu: (after - before) / time.Duration(n), wall: wall, busy: float64(after-before) / float64(wall), p50: all[len(all)/2], p99: all[len(all)*99/100], bytes: size.Load()}, nil
}

func (t transport) once(ctx context.Context, s *scenario, url string) (int64, error) {
	req, err := s.request(ctx, url)
	if err != nil {
		return 0, err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != s.status {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		return 0, fmt.Errorf("%s %s: status %d, want %d: %s", req.Method, req.URL.Path, resp.StatusCode, s.status, bytes.TrimSpace(text))
	}
	return io.Copy(io.Discard, resp.Body)
}

// sample sends one request and returns the whole answer, for the yardstick to repeat.
func (s *scenario) sample(ctx context.Context, t yard.Target) (yard.Answer, error) {
	c := newClient(t.Roots, "h2", 1)
	defer c.close()
	req, err := s.request(ctx, t.URL)
	if err != nil {
		return yard.Answer{}, err
	}
	resp, err := c.conns[0].(transport).RoundTrip(req)
	if err != nil {
		return yard.Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return yard.Answer{}, err
	}
	if resp.StatusCode != s.status {
		return yard.Answer{}, fmt.Errorf("%s %s %s: status %d, want %d: %s", s.name, req.Method, req.URL, resp.StatusCode, s.status, strings.TrimSpace(string(body)))
	}
	return yard.Answer{Pattern: s.pattern, Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}
