package identity

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

func (i *Identity) tokenRoutes() []plan.Route {
	scope := &plan.Schema{Any: true, Summary: "collection to a list of actions; absent: everything the roles may do"}
	entry := wire.Object([]string{"id", "name", "roles", "created", "expires"}, map[string]*plan.Schema{"id": idSchema,
		"name": wire.Text(80, "name"), "roles": namesSchema, "scope": scope, "created": timeSchema, "expires": timeSchema, "used": timeSchema, "organisation": idSchema,
		"token": wire.Text(200, "the secret; shown once, at issue")})
	return []plan.Route{
		{Name: "tokens", Method: "GET", Path: "/auth/tokens", Summary: "my API tokens", Access: plan.Access{SignedIn: true},
			Status: 200, Handle: i.listTokens, Out: wire.Object([]string{"items"}, map[string]*plan.Schema{"items": wire.List(entry, maxItems)})},
		{Name: "token_issue", Method: "POST", Path: "/auth/tokens", Summary: "issue an API token; its secret is shown once",
			Access: plan.Access{SignedIn: true, Fresh: 5 * time.Minute}, Status: 201, Out: entry, Handle: i.issueToken,
			Errors: []string{"session_required", "too_many_tokens"},
			In: wire.Object([]string{"name", "roles", "expires"}, map[string]*plan.Schema{"name": wire.Text(80, "name"), "roles": namesSchema,
				"scope": scope, "expires": timeSchema})},
		{Name: "token_revoke", Method: "DELETE", Path: "/auth/tokens/{id}", Summary: "revoke one of my API tokens",
			Access: plan.Access{SignedIn: true}, Status: 204, Handle: i.revokeToken},
	}
}

func tokenJSON(l token.Listed) map[string]any {
	out := map[string]any{"id": l.ID, "name": l.Name, "roles": l.Roles, "created": stamp(l.Created), "expires": stamp(l.Expires)}
	if l.Scope != nil {
		out["scope"] = l.Scope
	}
	if l.Org != "" {
		out["organisation"] = l.Org
	}
	if !l.Used.IsZero() {
		out["used"] = stamp(l.Used)
	}
	return out
}

func (i *Identity) listTokens(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	all, err := i.self.Tokens(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, l := range all {
		items = append(items, tokenJSON(l))
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (i *Identity) issueToken(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Name    string              `json:"name"`
		Roles   []string            `json:"roles"`
		Scope   map[string][]string `json:"scope"`
		Expires time.Time           `json:"expires"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	for name := range in.Scope {
		if i.cfg.Plan.Collection(name) == nil {
			return nil, &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
				Fields: []types.FieldError{{Path: "scope", Code: "unknown_collection", Detail: "name collections of the declaration"}}}
		}
	}
	l, secret, err := i.tokens.Issue(ctx, r.Caller, token.Fresh{Name: in.Name, Roles: in.Roles, Scope: in.Scope, Expires: in.Expires})
	if err != nil {
		return nil, err
	}
	out := tokenJSON(*l)
	out["token"] = secret.Reveal()
	return wire.Answer(http.StatusCreated, out)
}

func (i *Identity) revokeToken(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return nil, errNotFound
	}
	if r.Caller.Token != "" && r.Caller.Token != id {
		return nil, session.ErrRequired // a token may give itself up and nothing else
	}
	if err := i.tokens.Revoke(ctx, r.Caller, id); errors.Is(err, token.ErrNone) {
		return nil, errNotFound
	} else if err != nil {
		return nil, err
	}
	return wire.NoContent()
}
