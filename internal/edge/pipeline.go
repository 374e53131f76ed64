package edge

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/fastness-dev/fastness/internal/edge/flight"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Step is one step of the pipeline: what it is called, what it does, and the function that does it. Steps without a function
// are performed by the listener or by the room that owns the route; they stand in the list so that the list is whole.
type Step struct {
	Number int
	Name   string
	Text   string
	run    func(*exchange) error
}

// pipeline is the one list. A request walks it from top to bottom; the first refusal ends the walk.
func (s *Server) pipeline() []Step {
	return []Step{
		{1, "accept", "caps on connections, per network and in all", nil},
		{2, "tls", "TLS 1.3, or 1.2 with ephemeral keys and AEAD", nil},
		{5, "headers", "security headers, set before anything can fail", (*exchange).setHeaders},
		{4, "address", "the client's true address, from declared proxies only", (*exchange).setAddress},
		{3, "host", "exact host, canonical path", (*exchange).checkHost},
		{6, "prefix_limit", "requests per network", (*exchange).limitPrefix},
		{7, "route", "the plan's routes and no others", (*exchange).findRoute},
		{8, "origin", "cross-origin requests, exact CORS", (*exchange).checkOrigin},
		{9, "credential", "who is it: exactly one credential, valid or refused", (*exchange).identify},
		{10, "account_limit", "requests per account", (*exchange).limitAccount},
		{11, "access", "may this caller use this route at all", (*exchange).checkAccess},
		{12, "body", "declared type, size, strict JSON, the route's schema", (*exchange).readBody},
		{13, "values", "typed values and checks", nil},
		{14, "slow_work", "idempotency, If-Match, hashing and sealing, outside any transaction", nil},
		{15, "transaction", "the rule and the data in one transaction, evidence with it", nil},
		{16, "open", "open only the sealed fields the mask allows", nil},
		{17, "answer", "one write of the answer", (*exchange).answer},
		{18, "log", "one access-log line: ids and classes, never values", nil},
	}
}

// Steps returns the pipeline for printing and for the tests that look for each step's saboteur.
func Steps() []Step { return (&Server{}).pipeline() }

// exchange is one request on its way. It is the http.ResponseWriter of the router, so that a match costs no copy.
type exchange struct {
	http.ResponseWriter
	s          *Server
	r          *http.Request
	begun      time.Time
	id         types.ID
	address    netip.Addr
	route      *mounted
	methods    map[string]*mounted // of the matched path; nil: no such path
	token      types.Secret
	bearer     bool
	caller     *types.Caller
	renewed    *plan.SessionChange
	query      url.Values // of checkHost; nil: none
	body       []byte
	operations bool // it came to the listener of operations
	read       bool // the body was read to its end
	network    netip.Prefix
	share      flight.Share // of all bodies that are held
	status     int
	size       int

	// What the answer needs once lies in the exchange, so that it is one allocation: the values of its own headers, and what
	// the room is asked.
	idValue, kind, length [1]string
	asked                 plan.Request
}

// ServeHTTP walks the pipeline.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, s: s, r: r, begun: s.cfg.Clock.Now()}
	x.id = types.NewID(x.begun)
	defer x.finish()
	defer s.flight.Give(&x.share)
	for i := range s.steps {
		if run := s.steps[i].run; run != nil {
			if err := run(x); err != nil {
				x.problem(err)
				return
			}
		}
	}
}

// finish contains panics and writes the log line. A panic after the answer began cuts the connection.
func (x *exchange) finish() {
	if p := recover(); p != nil {
		x.s.cfg.Log.Error("panic", "request", string(x.id), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if x.status != 0 {
			x.log()
			panic(http.ErrAbortHandler)
		}
		x.problem(fmt.Errorf("edge: panic: %v", p))
	}
	x.log()
}

// answer lets the route's room answer and writes what it gave, once.
func (x *exchange) answer() error {
	a, err := x.route.Handle(x.context(), x.request())
	if err != nil {
		return err
	}
	x.give(a, x.route.Status)
	return nil
}

// request is what the route's room is told of the request. A refusal may ask for it before anybody knows who calls.
func (x *exchange) request() *plan.Request {
	x.asked = plan.Request{Caller: x.who(), Token: x.presented(), Path: x.r.PathValue, Query: x.query, Header: x.r.Header, URL: x.r.URL.RequestURI(),
		Body: x.body, Address: x.address, Device: x.cookie("device"), Cookie: x.cookieText, At: x.begun}
	return &x.asked
}

// who calls, as far as it is known.
func (x *exchange) who() *types.Caller {
	if x.caller == nil {
		return &types.Caller{Address: x.address, RequestID: x.id}
	}
	return x.caller
}

// give writes an answer; otherwise is its status when it does not say one.
func (x *exchange) give(a *plan.Answer, otherwise int) {
	if a.Release != nil {
		defer a.Release()
	}
	h := x.Header()
	for name, values := range a.Header {
		h[name] = values
	}
	x.setCookies(a)
	status := a.Status
	if status == 0 {
		status = otherwise
	}
	kind := a.ContentType
	if kind == "" {
		kind = "application/json"
	}
	x.send(status, kind, a.Body)
}

// send writes the whole answer in one go, with its length.
func (x *exchange) send(status int, kind string, body []byte) {
	h := x.Header()
	x.status, x.size = status, len(body)
	if status == http.StatusNoContent || status == http.StatusNotModified {
		body = nil
	} else {
		x.kind[0], x.length[0] = kind, itoa(len(body))
		h["Content-Type"], h["Content-Length"] = x.kind[:], x.length[:]
	}
	// An HTTP/1 request whose body is in doubt must not be followed by another on the connection (request smuggling).
	if x.r.ProtoMajor == 1 && (len(x.r.TransferEncoding) > 0 || x.r.ContentLength != 0 && !x.read) {
		h["Connection"] = []string{"close"}
	}
	x.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		x.Write(body)
	}
	if x.r.ProtoMajor == 2 && x.r.ContentLength != 0 && !x.read {
		x.drain()
	}
}

// Bounds of what is read and thrown away behind an answer over HTTP/2.
const (
	drainBytes = 1 << 20
	drainTime  = time.Second
)

// drain sends the answer and then reads what the client still sends, for a while. The end of a stream whose body was not read is a reset,
// and a client that is still sending when the reset comes may throw away the answer that came with it.
func (x *exchange) drain() {
	c := http.NewResponseController(x.ResponseWriter)
	c.Flush()
	c.SetReadDeadline(types.SystemClock{}.Now().Add(drainTime)) // the socket's own clock
	io.CopyN(io.Discard, x.r.Body, drainBytes)
}
