package edge

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// mounted is a route in the router.
type mounted struct {
	plan.Route
	allow string // the methods of its path, for 405
}

// paths maps the methods of one path to their routes. It is the handler that the router finds.
type paths map[string]*mounted

// ServeHTTP hands what was found to the exchange that is being routed.
func (p paths) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if len(p) > 0 {
		w.(*exchange).methods = p
	}
}

// mount builds the router. A route without access, without handler or twice the same does not start.
func (s *Server) mount() error {
	s.mux = http.NewServeMux()
	s.cross = http.NewCrossOriginProtection()
	byPath := map[string]paths{}
	for _, r := range s.cfg.Routes {
		a := r.Access
		if a.Public == "" && !a.SignedIn && a.Roles == 0 && a.Rule == "" {
			return fmt.Errorf("edge: route %s %s says nobody may use it; give it an access", r.Method, r.Path)
		}
		if r.Handle == nil {
			return fmt.Errorf("edge: route %s %s has no handler", r.Method, r.Path)
		}
		if byPath[r.Path] == nil {
			byPath[r.Path] = paths{}
		}
		if byPath[r.Path][r.Method] != nil {
			return fmt.Errorf("edge: route %s %s stands twice", r.Method, r.Path)
		}
		byPath[r.Path][r.Method] = &mounted{Route: r}
	}
	// What no route matches ends at "/" and not in the router's own answer, so that one look is enough.
	if byPath["/"] == nil {
		byPath["/"] = paths{}
	}
	for path, methods := range byPath {
		allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		for _, m := range methods {
			m.allow = allow
		}
		s.mux.Handle(path, methods)
	}
	return nil
}

// findRoute matches the path. What is unknown is said only after it is known who asks (RULING: 401 before 404).
func (x *exchange) findRoute() error {
	x.s.mux.ServeHTTP(x, x.r)
	method := x.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	x.route = x.methods[method]
	if x.route != nil && x.route.Page {
		x.pageHeaders()
	}
	return nil
}

// missing answers for a path or a verb that does not exist.
func (x *exchange) missing() error {
	if x.methods == nil {
		return types.Refuse(types.NotFound, "not_found", "there is nothing here")
	}
	x.Header()["Allow"] = []string{x.allow()}
	return types.Refuse(types.NoSuchVerb, "method_not_allowed", "this path does not take "+safeMethod(x.r.Method))
}

// allow lists the methods of the path.
func (x *exchange) allow() string {
	for _, m := range x.methods {
		return m.allow
	}
	return ""
}

func safeMethod(m string) string {
	if len(m) > 10 || strings.ContainsFunc(m, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return "that method"
	}
	return m
}
