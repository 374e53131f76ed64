package keep

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Routes are the record endpoints. A verb for which the declaration has no rule is not among them.
func (k *Keep) Routes() []plan.Route {
	var out []plan.Route
	for _, col := range k.plan.Collections {
		out = append(out, k.collectionRoutes(col)...)
	}
	any := plan.Access{SignedIn: true}
	if slices.ContainsFunc(k.plan.Collections, func(c *plan.Collection) bool { return public(c, types.Create|types.Update|types.Delete|types.Read) }) {
		any = plan.Access{Public: "every operation is judged by the rules of its collection"}
	}
	return append(out,
		plan.Route{Name: "batch", Method: "POST", Path: "/api/v1/batch", Summary: "Several writes, all or nothing", Access: any, Status: 200,
			In: batchSchema(), Out: &plan.Schema{Any: true}, Errors: []string{"bad_batch", "invalid", "not_found"}, Query: []plan.Param{},
			Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
				return k.Batch(ctx, r.Caller, r.Body, Write{IdempotencyKey: r.Header.Get("Idempotency-Key"), Method: "POST", Path: "/api/v1/batch"})
			}},
		plan.Route{Name: "can", Method: "POST", Path: "/api/v1/can", Summary: "May I? Always equal to the real outcome", Access: any, Status: 200,
			In: canSchema(), Out: &plan.Schema{Any: true}, Errors: []string{"bad_question"}, Query: []plan.Param{},
			Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) { return k.Can(ctx, r.Caller, r.Body) }},
	)
}

// public reports whether anonymous callers may use one of the actions.
func public(c *plan.Collection, actions types.Action) bool {
	for _, a := range []types.Action{types.Read, types.Create, types.Update, types.Delete} {
		if actions&a != 0 && slices.ContainsFunc(c.Rules(a), func(r *plan.Rule) bool { return r.Public != "" }) {
			return true
		}
	}
	return false
}

func (k *Keep) collectionRoutes(col *plan.Collection) []plan.Route {
	base := "/api/v1/" + col.Name
	access := func(a types.Action) plan.Access {
		out := plan.Access{Rule: col.Name, Action: a}
		for _, r := range col.Rules(a) {
			if r.Public != "" {
				out.Public = r.Public
			}
		}
		return out
	}
	writeOf := func(r *plan.Request, method, path string) Write {
		return Write{Collection: col.Name, ID: r.Path("id"), Body: r.Body, IfMatch: r.Header.Get("If-Match"),
			IdempotencyKey: r.Header.Get("Idempotency-Key"), Method: method, Path: path}
	}
	fields := plan.Param{Name: "fields", Summary: "names of fields, separated by commas", Type: "string"}
	include := plan.Param{Name: "include", Summary: "references to follow, at most three", Type: "string"}
	var out []plan.Route
	if len(col.Reads) > 0 {
		out = append(out,
			plan.Route{Name: "list_" + col.Name, Method: "GET", Path: base, Summary: "A page of " + col.Name, Access: access(types.Read), Status: 200,
				Out: pageSchema(col), Query: append(listParams(col), fields, include), Errors: []string{"unknown_field", "not_indexed", "cursor_invalid"},
				Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
					q, err := parseList(col.Name, r.Query)
					if err != nil {
						return nil, err
					}
					return k.List(ctx, r.Caller, q)
				}},
			plan.Route{Name: "get_" + col.Name, Method: "GET", Path: base + "/{id}", Summary: "One row of " + col.Name, Access: access(types.Read), Status: 200,
				Out: rowSchema(col), Query: []plan.Param{fields, include}, Errors: []string{"not_found"},
				Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
					return k.Get(ctx, r.Caller, GetQuery{Collection: col.Name, ID: r.Path("id"), Fields: split(r.Query.Get("fields")),
						Include: split(r.Query.Get("include")), IfNoneMatch: r.Header.Get("If-None-Match")})
				}},
			plan.Route{Name: "search_" + col.Name, Method: "POST", Path: base + "/search", Summary: "A page of " + col.Name + " by a filter in CEL",
				Access: access(types.Read), Status: 200, In: searchSchema(), Out: pageSchema(col), Errors: []string{"bad_filter", "not_indexed"}, Query: []plan.Param{},
				Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
					q, err := parseSearch(col.Name, r.Body)
					if err != nil {
						return nil, err
					}
					return k.List(ctx, r.Caller, q)
				}})
	}
	if len(col.Creates) > 0 && col != k.plan.Accounts {
		out = append(out, plan.Route{Name: "create_" + col.Name, Method: "POST", Path: base, Summary: "Make a row of " + col.Name, Access: access(types.Create),
			Status: 201, In: writeSchema(col, true), Out: rowSchema(col), Query: []plan.Param{}, Errors: []string{"invalid", "already_exists", "not_allowed"},
			Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
				return k.Create(ctx, r.Caller, writeOf(r, "POST", base))
			}})
	}
	if len(col.Updates) > 0 {
		out = append(out, plan.Route{Name: "update_" + col.Name, Method: "PATCH", Path: base + "/{id}", Summary: "Change a row of " + col.Name + " by merge patch",
			Access: access(types.Update), Status: 200, In: writeSchema(col, false), Out: rowSchema(col), Query: []plan.Param{},
			Errors: []string{"invalid", "not_found", "field_not_allowed", "changed", "no_such_step", "already_exists"},
			Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
				return k.Update(ctx, r.Caller, writeOf(r, "PATCH", base+"/"+r.Path("id")))
			}})
	}
	if len(col.Deletes) > 0 && col != k.plan.Accounts {
		out = append(out, plan.Route{Name: "delete_" + col.Name, Method: "DELETE", Path: base + "/{id}", Summary: "Remove a row of " + col.Name,
			Access: access(types.Delete), Status: 204, Query: []plan.Param{}, Errors: []string{"not_found", "still_referenced", "changed"},
			Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
				return k.Delete(ctx, r.Caller, writeOf(r, "DELETE", base+"/"+r.Path("id")))
			}})
	}
	return out
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// words of a query string that are not filters.
var listWords = []string{"sort", "limit", "after", "fields", "include", "count"}

// parseList reads a query string: the words above, and filters (field, field.gte).
func parseList(collection string, query url.Values) (ListQuery, error) {
	q := ListQuery{Collection: collection, Sort: query.Get("sort"), After: query.Get("after"), Fields: split(query.Get("fields")), Include: split(query.Get("include"))}
	names := make([]string, 0, len(query))
	for name, values := range query {
		if len(values) != 1 {
			return q, types.Refuse(types.Malformed, "bad_query", "give each parameter once: "+printable(name))
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch value := query.Get(name); name {
		case "limit":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return q, types.Refuse(types.Malformed, "bad_limit", "limit lies between 1 and "+strconv.Itoa(maxLimit))
			}
			q.Limit = n
		case "count":
			if value != "true" && value != "false" {
				return q, types.Refuse(types.Malformed, "bad_query", "count is true or false")
			}
			q.Count = value == "true"
		default:
			if slices.Contains(listWords, name) {
				continue
			}
			field, op, _ := strings.Cut(name, ".")
			q.Filters = append(q.Filters, QueryFilter{field, op, value})
		}
	}
	return q, nil
}

// parseSearch reads the body of a search.
func parseSearch(collection string, body []byte) (ListQuery, error) {
	var in struct {
		Filter  string   `json:"filter"`
		Sort    string   `json:"sort"`
		Limit   int      `json:"limit"`
		After   string   `json:"after"`
		Fields  []string `json:"fields"`
		Include []string `json:"include"`
		Count   bool     `json:"count"`
	}
	if err := json.Unmarshal(body, &in, json.RejectUnknownMembers(true)); err != nil {
		return ListQuery{}, types.Refuse(types.Malformed, "bad_search", `send {"filter", "sort", "limit", "after", "fields", "include", "count"}`)
	}
	return ListQuery{Collection: collection, Filter: in.Filter, Sort: in.Sort, Limit: in.Limit, After: in.After, Fields: in.Fields, Include: in.Include, Count: in.Count}, nil
}
