package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// statuses is the one map from kinds of errors to the wire.
var statuses = [...]int{
	types.Internal: 500, types.Malformed: 400, types.Unauthenticated: 401, types.Forbidden: 403, types.NotFound: 404, types.NoSuchVerb: 405,
	types.Conflict: 409, types.Precondition: 412, types.TooLarge: 413, types.Unsupported: 415, types.Invalid: 422, types.TooMany: 429,
	types.Unavailable: 503, types.Full: 507,
}

// problemBody is RFC 9457 with our members. Its title is the status' own phrase; type is a URN of the code.
type problemBody struct {
	Type      string             `json:"type"`
	Title     string             `json:"title"`
	Status    int                `json:"status"`
	Code      string             `json:"code"`
	Detail    string             `json:"detail,omitempty"`
	Fields    []types.FieldError `json:"fields,omitempty"`
	More      bool               `json:"more_fields,omitempty"` // there are more errors than Fields tells
	RequestID string             `json:"request_id"`
}

// statusHungUp stands in the log where no answer was sent, because nobody waited for one. It is nginx' number and no status of HTTP.
const statusHungUp = 499

// hungUp reports whether the request ended because its client hung up. That is no fault: whoever connects could else ring an operator's
// bell. A fault that comes to light meanwhile stays one.
func (x *exchange) hungUp(err error) bool {
	if x.r.Context().Err() == nil || types.KindOf(err) != types.HungUp && !errors.Is(err, context.Canceled) {
		return false
	}
	x.status = statusHungUp
	return true
}

// context is what a room works under. A client who hangs up ends what only reads rows; anything else, a guess too, is carried out to its
// end, so that nothing is half done or uncounted.
func (x *exchange) context() context.Context {
	ctx := x.r.Context()
	if x.route != nil && x.route.Access.Rule != "" && safeVerb(x.r.Method) {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// problem answers an error. What is not a types.Error is a fault: it is logged, and the client learns its request id only.
func (x *exchange) problem(err error) {
	if x.hungUp(err) {
		return
	}
	var e *types.Error
	if !errors.As(err, &e) || e.Kind == types.Internal && e != errPreflight {
		x.s.cfg.Log.Error("fault", "request", string(x.id), "error", fmt.Sprint(err))
		e = &types.Error{Kind: types.Internal, Code: "internal", Detail: "something went wrong here; quote the request id"}
	}
	if e == errPreflight {
		x.read = true
		x.send(http.StatusNoContent, "", nil)
		return
	}
	if e.Kind == types.Unavailable || e.Kind == types.Full {
		x.s.cfg.Log.Warn("unavailable", "request", string(x.id), "error", err.Error())
	}
	status := statuses[e.Kind]
	x.s.cfg.Meter.Add(`fastness_refusals_total{code="`+e.Code+`"}`, 1)
	if x.s.cfg.Refused != nil {
		x.s.cfg.Refused(x.who(), x.routeName(), status, e)
	}
	h := x.Header()
	if e.RetryAfter > 0 {
		h["Retry-After"] = []string{itoa(int((e.RetryAfter + time.Second - 1) / time.Second))}
	}
	if e.Kind == types.Unauthenticated {
		h["Www-Authenticate"] = []string{`Bearer realm="fastness"`}
		if !x.token.Empty() && !x.bearer {
			x.setCookie(x.s.cookie, types.Secret{}, 0, http.SameSiteLaxMode)
		}
	}
	if x.route != nil && x.route.Problem != nil && strings.Contains(x.r.Header.Get("Accept"), "text/html") {
		x.give(x.route.Problem(x.request(), status, e), status)
		return
	}
	fields := e.Fields[:min(len(e.Fields), types.MaxFieldErrors)]
	body, merr := json.Marshal(problemBody{"urn:fastness:problem:" + e.Code, http.StatusText(status), status, e.Code, e.Detail, fields,
		len(e.Fields) > len(fields), string(x.id)})
	if merr != nil {
		body = []byte(`{"type":"about:blank","status":500,"code":"internal"}`)
	}
	x.send(status, "application/problem+json", body)
}
