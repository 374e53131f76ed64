package edge

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// serveOperations serves health and metrics on its own listener, which is meant for the host or the cluster and not for clients. Requests
// walk the steps that are theirs too: headers, host and path, and the end of a connection whose body is in doubt.
func (s *Server) serveOperations(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, s: s, r: r, begun: s.cfg.Clock.Now(), operations: true}
	x.id = types.NewID(x.begun)
	for _, step := range []func(*exchange) error{(*exchange).setHeaders, (*exchange).checkHost, (*exchange).health} {
		if err := step(x); err != nil {
			x.problem(err)
			return
		}
	}
}

// health answers for operations.
func (x *exchange) health() error {
	s, plain := x.s, "text/plain; charset=utf-8"
	switch path := x.r.URL.Path; {
	case path != "/healthz" && path != "/readyz" && path != "/metrics":
		return types.Refuse(types.NotFound, "not_found", "there is nothing here")
	case x.r.Method != http.MethodGet && x.r.Method != http.MethodHead:
		x.Header()["Allow"] = []string{"GET, HEAD"}
		return types.Refuse(types.NoSuchVerb, "method_not_allowed", "this path does not take "+safeMethod(x.r.Method))
	case path == "/healthz":
		x.send(http.StatusOK, plain, []byte("ok\n"))
	case path == "/readyz":
		ctx, cancel := context.WithTimeout(x.r.Context(), 2*time.Second)
		defer cancel()
		if s.draining.Load() || s.cfg.Ready != nil && s.cfg.Ready(ctx) != nil {
			x.send(http.StatusServiceUnavailable, plain, []byte("not ready\n"))
			return nil
		}
		x.send(http.StatusOK, plain, []byte("ready\n"))
	default:
		var out bytes.Buffer
		s.cfg.Meter.WriteTo(&out)
		x.send(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", out.Bytes())
	}
	return nil
}

// plain is the only listener without TLS: pages are sent to HTTPS, everything else is refused, because what was sent in the
// clear must be treated as read by others (ASVS 5.0 4.1.2).
func (s *Server) plain(w http.ResponseWriter, r *http.Request) {
	for _, h := range s.headers {
		w.Header()[h.name] = h.value
	}
	w.Header().Set("Connection", "close")
	page := r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/auth/") &&
		r.Header.Get("Authorization") == "" && strings.HasPrefix(r.URL.Path, "/") && !strings.HasPrefix(r.URL.Path, "//")
	if page && plainPath(r.URL.Path) {
		w.Header().Set("Location", s.own+r.URL.Path)
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusForbidden)
	w.Write([]byte(`{"type":"urn:fastness:problem:https_required","title":"Forbidden","status":403,"code":"https_required","detail":"use https; a credential sent here was sent in the clear: revoke it"}`))
}
