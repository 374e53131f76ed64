package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Waiting answers on the address of operations while a start takes long: /healthz is well, /readyz is 503 with the percentage that
// done gives. It names nothing of the declaration, since nobody was asked who they are. stop ends it.
func Waiting(address string, done func() int) (stop func(), err error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("edge: operations: %w", err)
	}
	mux := http.NewServeMux()
	answer := func(status int, text func() string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "text/plain; charset=utf-8")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cache-Control", "no-store")
			h.Set("Connection", "close")
			w.WriteHeader(status)
			fmt.Fprintln(w, text())
		}
	}
	mux.HandleFunc("GET /healthz", answer(http.StatusOK, func() string { return "ok" }))
	mux.HandleFunc("GET /readyz", answer(http.StatusServiceUnavailable, func() string {
		return fmt.Sprintf("not ready: stored values are converted, %d %% are", done())
	}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			srv.Close()
		}
		<-ended
	}, nil
}
