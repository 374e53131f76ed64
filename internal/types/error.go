package types

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is the class of an error that may be told to a client. The set is closed and edge maps it to HTTP status codes in
// one place. An error without a Kind is Internal: it is logged and the client learns nothing but a request id.
type Kind uint8

// The kinds, with the status code each becomes.
const (
	Internal        Kind = iota // 500, mute
	Malformed                   // 400 not JSON, bad parameter, two credentials
	Unauthenticated             // 401 no or invalid credential
	Forbidden                   // 403 caller and plan alone decide, or a field outside the mask of a readable row
	NotFound                    // 404 absent or not readable, alike
	NoSuchVerb                  // 405 a verb without a rule
	Conflict                    // 409 unique, state, idempotency in progress
	Precondition                // 412 If-Match
	TooLarge                    // 413
	Unsupported                 // 415
	Invalid                     // 422 values, checks, idempotency mismatch
	TooMany                     // 429
	Unavailable                 // 503
	Full                        // 507 disk full
	HungUp                      // the caller hung up before the answer: no fault of anybody, never sent
)

// FieldError is one refused value of a request. Path is the JSON path of the value in dotted form ("lines.2.mg"); Code is
// a stable word ("too_long", "required", "unknown_field"); Limit is the bound that was passed, if there is one. The
// refused value itself is never echoed.
type FieldError struct {
	Path   string `json:"path"`
	Code   string `json:"code"`
	Limit  string `json:"limit,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// MaxFieldErrors is how many refused values an answer names. Who collects them stops when there are more: a request of a megabyte
// would else be answered with a hundred.
const MaxFieldErrors = 100

// Enough reports whether nothing is gained by looking for further errors.
func Enough(errs []FieldError) bool { return len(errs) > MaxFieldErrors }

// Error is an error that knows what a client may be told. Everything in it except Err reaches the client.
type Error struct {
	Kind       Kind
	Code       string        // stable lower_snake word: "not_found", "field_not_allowed"; "" means the kind's own default
	Detail     string        // one sentence that ends with what to do; no internals
	Fields     []FieldError  // only with Invalid and Forbidden
	RetryAfter time.Duration // only with TooMany, Unavailable and Conflict; rounded up to seconds
	Err        error         // the cause, for the log alone
}

// Error gives the text for logs and terminals.
func (e *Error) Error() string {
	s := e.Code
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	for _, f := range e.Fields {
		s += fmt.Sprintf("; %s: %s", f.Path, f.Code)
		if f.Detail != "" {
			s += " (" + f.Detail + ")"
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refuse returns an error of the kind with a code and a sentence for the client.
func Refuse(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// KindOf returns the kind of the first Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the first Error in err's chain, "" when there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Ended is why a caller waits no longer, nil while they wait: of the kind HungUp when they left, and Unavailable when the time that they
// gave is over.
func Ended(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Unavailable, Code: "too_slow", Detail: "this took too long; ask for less", RetryAfter: time.Second, Err: err}
	default:
		return &Error{Kind: HungUp, Code: "hung_up", Detail: "the caller hung up; ask again", Err: err}
	}
}

// Printable keeps a client's word short and plain, so that it can stand in a message.
func Printable(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
