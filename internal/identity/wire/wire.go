// Package wire is the bodies of this room's endpoints: their schemas, reading them and answering.
package wire

import (
	"encoding/json"
	"net/http"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/exact"
	"github.com/fastness-dev/fastness/internal/types"
)

// Object is a closed object.
func Object(required []string, p map[string]*plan.Schema) *plan.Schema {
	return &plan.Schema{Type: "object", Closed: true, Required: required, Properties: p}
}

// Text is a string of at most limit code points.
func Text(limit int, summary string) *plan.Schema {
	return &plan.Schema{Type: "string", MaxLength: limit, Summary: summary}
}

// List is an array of at most most items.
func List(of *plan.Schema, most int) *plan.Schema {
	return &plan.Schema{Type: "array", Items: of, MaxItems: most}
}

// Decode reads a body that edge has already checked against the schema. It is strict on its own account, so that a route that is called
// past edge is no way around: Malformed for anything else than the one object that into stands for.
func Decode(r *plan.Request, into any) error {
	if exact.Closed(r.Body, into) != nil {
		return types.Refuse(types.Malformed, "malformed", "the body is not the JSON that this endpoint takes; see /openapi.json")
	}
	return nil
}

// Answer answers with v as JSON.
func Answer(status int, v any) (*plan.Answer, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return &plan.Answer{Status: status, Body: b}, nil
}

// Said answers with one word for what happened: {"status": word}.
func Said(status int, word string) (*plan.Answer, error) {
	return Answer(status, map[string]string{"status": word})
}

// NoContent answers 204.
func NoContent() (*plan.Answer, error) { return &plan.Answer{Status: http.StatusNoContent}, nil }
