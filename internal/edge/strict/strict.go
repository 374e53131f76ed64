// Package strict reads JSON bodies so that no two readers can understand them differently, and judges them by a route's schema.
package strict

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/types"
)

// maxDepth is how deep a JSON body may nest.
const maxDepth = 32

// JSON accepts exactly one JSON value: no duplicate keys, bad UTF-8, lone surrogates, NUL, deep nesting, or anything behind it (RFC 8259,
// RFC 7493).
func JSON(body []byte) error {
	if plainJSON(body) {
		return nil
	}
	return strictJSON(body)
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
