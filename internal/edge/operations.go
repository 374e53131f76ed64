package edge

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// operations serves health and metrics on its own listener, which is meant for the host or the cluster and not for clients.
func (s *Server) operations(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	switch {
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.Path == "/healthz":
		w.Write([]byte("ok\n"))
	case r.URL.Path == "/readyz":
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if s.draining.Load() || s.cfg.Ready != nil && s.cfg.Ready(ctx) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write([]byte("not ready\n"))
			return
		}
		w.Write([]byte("ready\n"))
	case r.URL.Path == "/metrics":
		h.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.cfg.Meter.WriteTo(w)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
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
