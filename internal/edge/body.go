package edge

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/fastness-dev/fastness/internal/edge/strict"
	"github.com/fastness-dev/fastness/internal/types"
)

// firstRead is the room that a body gets at once, if it does not say that it is shorter.
const firstRead = 16 << 10

// readBody takes the body of the declared type, whole and within its cap, and refuses JSON that two readers could understand
// differently: duplicate keys, bad UTF-8, lone surrogates, NUL, deep nesting, anything behind the value (RFC 8259, RFC 7493).
func (x *exchange) readBody() error {
	r := x.r
	if x.route.In == nil && !x.route.Page || safeVerb(r.Method) {
		if r.ContentLength == 0 || r.Body == http.NoBody {
			x.read = true
			return nil
		}
		if n, err := io.Copy(io.Discard, io.LimitReader(r.Body, 1)); err != nil || n > 0 {
			return types.Refuse(types.Malformed, "no_body_expected", "this request takes no body")
		}
		x.read = true
		return x.identifyAgain()
	}
	if r.Header.Get("Content-Encoding") != "" {
		return types.Refuse(types.Unsupported, "unsupported_encoding", "send the body without Content-Encoding")
	}
	form, ok := x.bodyType(r.Header.Get("Content-Type"))
	if !ok {
		return types.Refuse(types.Unsupported, "unsupported_type", "send Content-Type: application/json")
	}
	limit := x.bodyCap()
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	body, err := x.readAll(http.MaxBytesReader(x.ResponseWriter, r.Body, limit), r.ContentLength)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge(limit)
	}
	if ended := types.Ended(r.Context()); err != nil && ended != nil {
		return ended
	}
	if types.KindOf(err) == types.Unavailable {
		return err
	}
	if err != nil {
		return &types.Error{Kind: types.Malformed, Code: "body_incomplete", Detail: "the body ended early", Err: err}
	}
	x.body, x.read = body, true
	if err := x.s.flight.Wait(&x.share, len(body)); err != nil {
		return err
	}
	if err := x.identifyAgain(); err != nil {
		return err
	}
	if err := x.limitLength(); err != nil {
		return err
	}
	if form {
		return nil
	}
	if err := strict.JSON(body); err != nil {
		return err
	}
	if x.route.In == nil || x.route.Access.Rule != "" {
		return nil // rows are judged by keep, which knows more than the schema
	}
	if errs := strict.Validate(x.route.In, body); len(errs) > 0 {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values were not accepted; see fields", Fields: errs}
	}
	return nil
}

// bodyCap is the longest body that the caller may send to the route.
func (x *exchange) bodyCap() int64 {
	limit := cmp.Or(x.route.MaxBody, x.s.maxBody)
	if x.caller.Kind == types.Anonymous {
		limit = min(limit, x.s.maxAnonymous)
	}
	return limit
}

// bodyType reads a Content-Type: JSON, a merge patch of PATCH, or the form of a page; ok is false for any other.
func (x *exchange) bodyType(header string) (form, ok bool) {
	if header == "application/json" {
		return false, true
	}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return false, false
	}
	form = x.route.Page && kind == "application/x-www-form-urlencoded"
	patch := x.r.Method == http.MethodPatch && kind == "application/merge-patch+json"
	return form, form || patch || kind == "application/json"
}

// readAll reads to the end. Room is made, and taken from what all bodies share, for what has come and not for what was declared: who
// declares much and sends little holds little. The spare byte lets the last read see the end.
func (x *exchange) readAll(r io.Reader, declared int64) ([]byte, error) {
	x.share.Network, x.share.Anonymous = x.network, x.caller.Kind == types.Anonymous
	size := int64(firstRead)
	if declared >= 0 {
		size = min(size, declared+1)
	}
	if err := x.s.flight.Take(&x.share, size); err != nil {
		return nil, err
	}
	b := make([]byte, 0, size)
	for {
		if len(b) == cap(b) {
			more := int64(cap(b))
			if declared > 0 {
				more = min(more, max(declared+1-more, bytes.MinRead))
			}
			if err := x.s.flight.Take(&x.share, more); err != nil {
				return nil, err
			}
			b = append(make([]byte, 0, int64(cap(b))+more), b...)
		}
		n, err := r.Read(b[len(b):cap(b)])
		if b = b[:len(b)+n]; errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

func tooLarge(limit int64) error {
	return types.Refuse(types.TooLarge, "too_large", "a body has at most "+itoa(int(limit))+" bytes")
}
