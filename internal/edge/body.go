package edge

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/types"
)

// maxDepth is how deep a JSON body may nest.
const maxDepth = 32

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
	if err := x.s.flight.wait(&x.share, len(body)); err != nil {
		return err
	}
	if err := x.identifyAgain(); err != nil {
		return err
	}
	if form {
		return nil
	}
	if !plainJSON(body) {
		if err := strictJSON(body); err != nil {
			return err
		}
	}
	if x.route.In == nil || x.route.Access.Rule != "" {
		return nil // rows are judged by keep, which knows more than the schema
	}
	if errs := validate(x.route.In, "", body, nil); len(errs) > 0 {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values were not accepted; see fields", Fields: errs}
	}
	return nil
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
	x.share.network, x.share.anonymous = x.network, x.caller.Kind == types.Anonymous
	size := int64(firstRead)
	if declared >= 0 {
		size = min(size, declared+1)
	}
	if err := x.s.flight.take(&x.share, size); err != nil {
		return nil, err
	}
	b := make([]byte, 0, size)
	for {
		if len(b) == cap(b) {
			more := int64(cap(b))
			if declared > 0 {
				more = min(more, max(declared+1-more, bytes.MinRead))
			}
			if err := x.s.flight.take(&x.share, more); err != nil {
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

// plainJSON accepts most of what strictJSON accepts, in one look for the usual body: what has too few brackets to nest too deep, and no
// escape that could be a NUL, needs no look at its tokens. No is not a refusal: strictJSON decides, and says why.
func plainJSON(body []byte) bool {
	return bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) <= maxDepth && !bytes.Contains(body, []byte(`\u0000`)) &&
		jsontext.Value(body).IsValid()
}

// strictJSON accepts exactly one JSON value.
func strictJSON(body []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	refuse := func(detail string) error { return types.Refuse(types.Malformed, "bad_json", detail) }
	for {
		t, err := dec.ReadToken()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return refuse("the body is empty; send JSON")
			}
			return refuse("the body is not strict JSON: no duplicate keys, no bad UTF-8, nothing left out")
		}
		if t.Kind() == '"' && strings.ContainsRune(t.String(), 0) {
			return refuse("text cannot hold NUL")
		}
		if dec.StackDepth() > maxDepth {
			return refuse("the body nests deeper than 32 levels")
		}
		if dec.StackDepth() == 0 {
			break
		}
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return refuse("send one JSON value and nothing behind it")
	}
	return nil
}
