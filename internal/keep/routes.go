package keep

import (
	"context"
	"slices"

	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/keep/value"
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
			IdempotencyKey: r.Header.Get("Idempotency-Key"), Method: method, Path: path, Fields: page.Names(r.Query.Get("fields"))}
	}
	fields := plan.Param{Name: "fields", Summary: "names of fields, separated by commas", Type: "string"}
	include := plan.Param{Name: "include", Summary: "references to follow, at most three", Type: "string"}
	var out []plan.Route
	if len(col.Reads) > 0 {
		out = append(out,
			plan.Route{Name: "list_" + col.Name, Method: "GET", Path: base, Summary: "A page of " + col.Name, Access: access(types.Read), Status: 200,
				Out: page.Schema(col), Query: append(page.Params(col), fields, include), Errors: []string{"unknown_field", "not_indexed", "cursor_invalid"},
				Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
					q, err := page.ParseList(col.Name, r.Query)
					if err != nil {
						return nil, err
					}
					return k.List(ctx, r.Caller, q)
				}},
			plan.Route{Name: "get_" + col.Name, Method: "GET", Path: base + "/{id}", Summary: "One row of " + col.Name, Access: access(types.Read), Status: 200,
				Out: value.RowSchema(col), Query: []plan.Param{fields, include}, Errors: []string{"not_found"},
				Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
					return k.Get(ctx, r.Caller, GetQuery{Collection: col.Name, ID: r.Path("id"), Fields: page.Names(r.Query.Get("fields")),
						Include: page.Names(r.Query.Get("include")), IfNoneMatch: r.Header.Get("If-None-Match")})
				}},
			plan.Route{Name: "search_" + col.Name, Method: "POST", Path: base + "/search", Summary: "A page of " + col.Name + " by a filter in CEL",
				Access: access(types.Read), Status: 200, In: page.SearchSchema(), Out: page.Schema(col), Errors: []string{"bad_filter", "not_indexed"}, Query: []plan.Param{},
				Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
					q, err := page.ParseSearch(col.Name, r.Body)
					if err != nil {
						return nil, err
					}
					return k.List(ctx, r.Caller, q)
				}})
	}
	if len(col.Creates) > 0 && col != k.plan.Accounts {
		out = append(out, plan.Route{Name: "create_" + col.Name, Method: "POST", Path: base, Summary: "Make a row of " + col.Name, Access: access(types.Create),
			Status: 201, In: value.WriteSchema(col, true), Out: value.RowSchema(col), Query: []plan.Param{fields},
			Errors: []string{"invalid", "already_exists", "not_accepted", "not_allowed", "too_many_conflicts", "in_progress"},
			Handle: func(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
				return k.Create(ctx, r.Caller, writeOf(r, "POST", base))
			}})
	}
	if len(col.Updates) > 0 {
		out = append(out, plan.Route{Name: "update_" + col.Name, Method: "PATCH", Path: base + "/{id}", Summary: "Change a row of " + col.Name + " by merge patch",
			Access: access(types.Update), Status: 200, In: value.WriteSchema(col, false), Out: value.RowSchema(col), Query: []plan.Param{fields},
			Errors: []string{"invalid", "not_found", "field_not_allowed", "changed", "no_such_step", "already_exists", "not_accepted",
				"too_many_conflicts", "in_progress"},
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
