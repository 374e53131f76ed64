package edge

import (
	"net/http"

	"github.com/fastness-dev/fastness/internal/types"
)

var errOrigin = types.Refuse(types.Forbidden, "cross_origin", "this request comes from another site; send it from our own pages, or with a bearer token from a declared origin")

func safeVerb(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// checkOrigin refuses unsafe requests that a browser sent for another site (Fetch Metadata, Origin), and answers CORS for the
// declared origins only, exactly, and never with credentials.
func (x *exchange) checkOrigin() error {
	origin := x.r.Header.Get("Origin")
	if origin != "" {
		x.Header()["Vary"] = []string{"Origin"}
	}
	if origin != "" && x.s.origins[origin] {
		h := x.Header()
		h["Access-Control-Allow-Origin"] = []string{origin}
		h["Access-Control-Expose-Headers"] = []string{"ETag, Location, Retry-After, X-Request-Id"}
		h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
		if x.r.Method == http.MethodOptions && x.r.Header.Get("Access-Control-Request-Method") != "" && x.methods != nil {
			h["Access-Control-Allow-Methods"] = []string{x.allow()}
			h["Access-Control-Allow-Headers"] = []string{"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key"}
			h["Access-Control-Max-Age"] = []string{"600"}
			return errPreflight
		}
	}
	if err := x.s.cross.Check(x.r); err != nil {
		return errOrigin
	}
	return nil
}

// errPreflight ends the walk with an empty answer.
var errPreflight = types.Refuse(0, "preflight", "")

// sameOrigin is the stricter demand on requests that a cookie authenticates: they must say where they come from. A client that
// says nothing is no browser of ours.
func (x *exchange) sameOrigin() bool {
	if safeVerb(x.r.Method) {
		return true
	}
	if site := x.r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	return x.r.Header.Get("Origin") == x.s.own
}
