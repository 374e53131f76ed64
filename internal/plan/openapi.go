package plan

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

var pathParam = regexp.MustCompile(`\{([a-z_]+)\}`)

// OpenAPI describes the routes as an OpenAPI 3.1 document.
func (p *Plan) OpenAPI(routes []Route) ([]byte, error) {
	paths := map[string]map[string]any{}
	for _, r := range routes {
		if r.Page {
			continue
		}
		if paths[r.Path] == nil {
			paths[r.Path] = map[string]any{}
		}
		paths[r.Path][strings.ToLower(r.Method)] = operation(r)
	}
	origin := p.Decl.Service.Seen()
	if p.Decl.Service.Host == "" || p.Development() {
		origin = "https://localhost:8443"
	}
	return json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": p.Decl.Service.Name, "version": "1", "summary": "What this service offers, made from its declaration.",
			"license": map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers": []any{map[string]any{"url": origin}},
		"tags":    []any{map[string]any{"name": "records", "description": "Rows of collections"}, map[string]any{"name": "accounts", "description": "Accounts and sessions"}},
		"paths":   paths,
		"components": map[string]any{
			"schemas": map[string]any{"Problem": problemSchema()},
			"securitySchemes": map[string]any{
				"session": map[string]any{"type": "apiKey", "in": "cookie", "name": "__Host-fastness"},
				"bearer":  map[string]any{"type": "http", "scheme": "bearer"}}},
		"security": []any{map[string]any{"session": []any{}}, map[string]any{"bearer": []any{}}},
	}, "", " ")
}

func operation(r Route) map[string]any {
	tag := "records"
	if strings.HasPrefix(r.Path, "/auth/") {
		tag = "accounts"
	}
	problem := func(text string) map[string]any {
		return map[string]any{"description": text, "content": map[string]any{"application/problem+json": map[string]any{
			"schema": map[string]any{"$ref": "#/components/schemas/Problem"}}}}
	}
	status := r.Status
	if status == 0 {
		status = 200
	}
	success := map[string]any{"description": r.Summary}
	if r.Out != nil && status != 204 {
		success["content"] = map[string]any{"application/json": map[string]any{"schema": r.Out.JSON()}}
	}
	op := map[string]any{"operationId": r.Name, "summary": r.Summary, "tags": []string{tag},
		"responses": map[string]any{strconv.Itoa(status): success, "4XX": problem("Refused; code is one of " + strings.Join(append([]string{"sign_in_required"}, r.Errors...), ", ")),
			"5XX": problem("Not available")}}
	if r.Access.Public != "" || r.Access.Ignore {
		op["security"] = []any{map[string]any{}, map[string]any{"session": []any{}}, map[string]any{"bearer": []any{}}}
	}
	var params []any
	for _, m := range pathParam.FindAllStringSubmatch(r.Path, -1) {
		params = append(params, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string", "maxLength": 64}})
	}
	for _, q := range r.Query {
		params = append(params, map[string]any{"name": q.Name, "in": "query", "description": q.Summary, "schema": map[string]any{"type": q.Type}})
	}
	if params != nil {
		op["parameters"] = params
	}
	if r.In != nil {
		op["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": r.In.JSON()}}}
	}
	return op
}

func problemSchema() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"type": "object", "description": "RFC 9457", "required": []string{"type", "title", "status", "code", "request_id"},
		"properties": map[string]any{"type": text, "title": text, "status": map[string]any{"type": "integer"}, "code": text, "detail": text, "request_id": text,
			"fields": map[string]any{"type": "array", "items": map[string]any{"type": "object", "required": []string{"path", "code"},
				"properties": map[string]any{"path": text, "code": text, "limit": text, "detail": text}}},
			"more_fields": map[string]any{"type": "boolean", "description": "there are more errors than the hundred in fields"}}}
}

// JSON is the schema as JSON Schema draft 2020-12.
func (s *Schema) JSON() map[string]any {
	out := map[string]any{}
	if s == nil || s.Any && !s.Present {
		return out
	}
	if s.Any {
		return map[string]any{"type": []string{"object", "array", "string", "number", "boolean"}}
	}
	kind := any(s.Type)
	if s.Nullable {
		kind = []string{s.Type, "null"}
	}
	out["type"] = kind
	if s.Properties != nil {
		props := map[string]any{}
		for name, p := range s.Properties {
			props[name] = p.JSON()
		}
		out["properties"] = props
	}
	if s.Closed {
		out["additionalProperties"] = false
	}
	set := func(name string, v any, present bool) {
		if present {
			out[name] = v
		}
	}
	set("required", s.Required, len(s.Required) > 0)
	set("minItems", s.MinItems, s.MinItems > 0)
	set("maxItems", s.MaxItems, s.MaxItems > 0)
	set("minimum", s.Minimum, s.Minimum != nil)
	set("maximum", s.Maximum, s.Maximum != nil)
	set("minLength", s.MinLength, s.MinLength > 0)
	set("maxLength", s.MaxLength, s.MaxLength > 0)
	set("format", s.Format, s.Format != "")
	set("pattern", s.Pattern, s.Pattern != "")
	set("description", s.Summary, s.Summary != "")
	if s.Items != nil {
		out["items"] = s.Items.JSON()
	}
	if len(s.Enum) > 0 {
		values := make([]any, 0, len(s.Enum)+1)
		for _, v := range s.Enum {
			values = append(values, v)
		}
		if s.Nullable {
			values = append(values, nil)
		}
		out["enum"] = values
	}
	return out
}

// DescribeRoute serves the description of routes: to signed-in callers, and to everybody in development or when declared public.
func (p *Plan) DescribeRoute(routes []Route) Route {
	r := Route{Name: "openapi", Method: "GET", Path: "/openapi.json", Summary: "This description", Status: 200, Query: []Param{}, Access: Access{SignedIn: true}}
	if p.Development() || p.Decl.OpenAPI == "public" {
		r.Access = Access{Public: "the interface is described to everybody"}
	}
	document, err := p.OpenAPI(append(routes[:len(routes):len(routes)], r))
	r.Handle = func(context.Context, *Request) (*Answer, error) { return &Answer{Body: document}, err }
	return r
}
