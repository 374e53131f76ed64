// Package edge is where requests arrive: the listener, TLS, and the pipeline that every request walks before a room sees it.
//
// Policy: the pipeline is one list (Steps); a request that a step refuses goes no further, and every answer, refusals and
// faults included, carries the security headers and one form of problem (RFC 9457) that tells nothing internal. What a room
// offers is a plan.Route; a route without access does not start.
//
// The map, in the order of a request: listener.go (with door), tls.go, files.go and authority.go, host.go, address.go, header.go, limit.go,
// route.go, origin.go, credential.go, access.go, body.go (with strict and flight), problem.go (the one map of errors), log.go,
// operations.go (health and metrics on a listener of their own), pipeline.go (the list).
package edge

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/fastness-dev/fastness/internal/edge/door"
	"github.com/fastness-dev/fastness/internal/edge/flight"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/meter"
)

// Authenticator says who presents a credential. An error of kind Unauthenticated means nobody; any other that it could not be
// told. A SessionChange is a new token that the answer must carry.
type Authenticator interface {
	Authenticate(ctx context.Context, token types.Secret, bearer bool, address netip.Addr, request types.ID) (*types.Caller, *plan.SessionChange, error)
}

// Config says what to serve. Plan, Routes, Who, Clock and Certificate are required.
type Config struct {
	Plan        *plan.Plan
	Routes      []plan.Route
	Who         Authenticator
	Clock       types.Clock
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// May says whether the caller's roles may use the verb of a collection at all; nil: not asked before the body is read.
	May func(ctx context.Context, c *types.Caller, collection string, a types.Action) error
	// Refused is told what each refused request is answered, by the name of its route; nil: nobody is told.
	Refused func(c *types.Caller, route string, status int, e *types.Error)
	Ready   func(ctx context.Context) error // what readiness means; nil: always ready
	// Addresses to listen on. HTTPS is required; HTTP and Operations may be "" (none).
	HTTPS, HTTP, Operations string
	Log                     *slog.Logger // nil: silence
	Access                  io.Writer    // access log, one JSON line per request; nil: none
	Meter                   *meter.Set   // nil: a set of its own
	Wait                    Wait
	// Connections is how many clients may be connected at once; 0 means what the limit on descriptors leaves, at most 20,000.
	Connections int
	// Bodies is how many bytes of bodies may be held at once; 0 means 32 MiB, or less where memory is limited.
	Bodies int64
	Drain  time.Duration // how long accepted requests may take after the end was asked for; 0 means 20 s
}

// Wait bounds how long a client may take. Zero means the value in brackets.
type Wait struct {
	Header time.Duration // to send the headers of a request (10 s)
	Body   time.Duration // to send all of it (30 s)
	Answer time.Duration // to take the answer (60 s)
	Idle   time.Duration // between two requests of a connection (2 min)
}

// Server is a listening edge.
type Server struct {
	cfg     Config
	hosts   map[string]bool
	origins map[string]bool
	own     string // our own origin
	proxies []netip.Prefix
	mux     *http.ServeMux
	cross   *http.CrossOriginProtection
	steps   []Step
	cookie  string
	limits  *limits
	access  *accessLog
	maxBody int64
	// maxAnonymous is the longest body of an anonymous caller.
	maxAnonymous int64
	flight       *flight.Flight
	headers      []header
	pages        []header
	https        *door.Door
	http         *door.Door
	ops          *door.Door
	draining     atomic.Bool
}

// New checks the configuration and opens the listeners, so that a port in use is an error before anything is promised.
func New(cfg Config) (*Server, error) {
	if cfg.Plan == nil || cfg.Who == nil || cfg.Clock == nil || cfg.Certificate == nil || cfg.HTTPS == "" {
		return nil, errors.New("edge: plan, authenticator, clock, certificate and an address are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Meter == nil {
		cfg.Meter = &meter.Set{}
	}
	if cfg.Drain == 0 {
		cfg.Drain = 20 * time.Second
	}
	w := &cfg.Wait
	w.Header, w.Body, w.Answer, w.Idle = cmp.Or(w.Header, 10*time.Second), cmp.Or(w.Body, 30*time.Second), cmp.Or(w.Answer, time.Minute), cmp.Or(w.Idle, 2*time.Minute)
	s := &Server{cfg: cfg, maxBody: cfg.Plan.Decl.Limits.Body, limits: newLimits(cfg.Plan.Decl.Limits)}
	if s.maxBody == 0 {
		s.maxBody = 1 << 20
	}
	s.maxAnonymous = min(cmp.Or(cfg.Plan.Decl.Limits.AnonymousBody, 64<<10), s.maxBody)
	s.flight = flight.New(cfg.Bodies, s.maxBody)
	s.cookie = CookieName(cfg.Plan)
	s.headers, s.pages = securityHeaders(cfg.Plan, false), securityHeaders(cfg.Plan, true)
	s.access = newAccessLog(cfg.Access, cfg.Meter)
	s.steps = s.pipeline()
	if err := s.mount(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		s.closeListeners()
		return nil, err
	}
	cfg.Meter.Gauge("fastness_connections", s.https.Open)
	cfg.Meter.Gauge("fastness_body_bytes", s.flight.Held)
	if err := s.names(); err != nil {
		s.closeListeners()
		return nil, err
	}
	return s, nil
}

// CookieName is the session cookie's name: development's carries the service, since all of localhost shares one jar.
func CookieName(p *plan.Plan) string {
	if p.Development() {
		return "__Host-fastness-" + label(p.Decl.Service.Name)
	}
	return "__Host-fastness"
}

// label makes a name fit for a cookie or a folder.
func label(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r >= 'A' && r <= 'Z':
			out = append(out, byte(r+'a'-'A'))
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_':
			out = append(out, byte(r))
		default:
			out = append(out, '-')
		}
	}
	return string(out)
}

// Addr is where HTTPS listens.
func (s *Server) Addr() string { return s.https.Addr().String() }

// OperationsAddr is where health and metrics listen, "" for nowhere.
func (s *Server) OperationsAddr() string {
	if s.ops == nil {
		return ""
	}
	return s.ops.Addr().String()
}

// noTable keeps HTTP/2 from remembering the headers of answers (RFC 7541 section 2.3.2): each has an id that no other has, and every answer
// would push an entry in and another out, for more CPU than all checks of the pipeline. A table of one byte holds no entry; zero would
// mean the default. It costs some 600 bytes of an answer, and what is not remembered cannot be guessed at by its length.
const noTable = 1

// Run serves until ctx ends, then finishes what it has accepted, at most for Config.Drain.
func (s *Server) Run(ctx context.Context) error {
	quiet := slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug)
	w := s.cfg.Wait
	main := &http.Server{Handler: s, TLSConfig: s.tlsConfig(), ReadHeaderTimeout: w.Header, ReadTimeout: w.Body,
		WriteTimeout: w.Answer, IdleTimeout: w.Idle, MaxHeaderBytes: 16 << 10, ErrorLog: quiet, ConnState: door.State,
		HTTP2: &http.HTTP2Config{MaxEncoderHeaderTableSize: noTable}}
	servers := []*http.Server{main}
	failed := make(chan error, 3)
	start := func(srv *http.Server, l net.Listener, secure bool) {
		go func() {
			err := error(nil)
			if secure {
				err = srv.ServeTLS(l, "", "")
			} else {
				err = srv.Serve(l)
			}
			if !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("edge: serve %s: %w", l.Addr(), err)
			}
		}()
	}
	start(main, s.https, true)
	for l, h := range map[*door.Door]http.Handler{s.http: http.HandlerFunc(s.plain), s.ops: http.HandlerFunc(s.serveOperations)} {
		if l == nil {
			continue
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10, ErrorLog: quiet, ConnState: door.State}
		servers = append(servers, srv)
		start(srv, l, false)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.draining.Store(true)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
	defer cancel()
	for _, srv := range servers {
		if e := srv.Shutdown(drain); e != nil {
			srv.Close()
			err = errors.Join(err, fmt.Errorf("edge: some requests did not finish in %v: %w", s.cfg.Drain, e))
		}
	}
	s.access.close()
	return err
}
