package identity

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/operator"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// deskRoutes are the desk for accounts whose role manages accounts or roles. Everybody else is refused before anything is looked at;
// whatever changes something takes a factor proved within five minutes. Where no role manages anything there is no desk.
func (i *Identity) deskRoutes() []plan.Route {
	var managers types.RoleSet
	for _, r := range i.cfg.Plan.Roles {
		if len(r.Manages) > 0 && !r.ReadOnly {
			managers |= r.Set
		}
	}
	if managers == 0 {
		return nil
	}
	look := plan.Access{Roles: managers}
	act := plan.Access{Roles: managers, Fresh: 5 * time.Minute}
	role := wire.Text(64, "the role's name")
	user := wire.Object([]string{"id", "state", "roles"}, map[string]*plan.Schema{"id": idSchema, "state": wire.Text(16, "where the account stands"),
		"email": emailSchema, "roles": wire.List(wire.Object([]string{"role"}, map[string]*plan.Schema{"role": role, "expires": timeSchema}), maxItems)})
	request := wire.Object([]string{"id", "account", "role", "void"}, map[string]*plan.Schema{"id": idSchema, "account": idSchema, "role": role,
		"asked_by": idSchema, "until": timeSchema, "void": timeSchema})
	items := func(of *plan.Schema) *plan.Schema {
		return wire.Object([]string{"items"}, map[string]*plan.Schema{"items": wire.List(of, maxItems)})
	}
	return []plan.Route{
		{Name: "users", Method: "GET", Path: "/auth/users", Summary: "accounts, by id", Access: look, Status: 200, Handle: i.listUsers,
			Query: []plan.Param{{Name: "after", Summary: "id of the last one seen", Type: "string"}}, Out: items(user)},
		{Name: "user_invite", Method: "POST", Path: "/auth/users", Summary: "invite somebody", Access: act, Status: 201, Handle: i.inviteUser,
			Errors: []string{"account_exists", "no_mail"}, In: wire.Object([]string{"email"}, map[string]*plan.Schema{"email": emailSchema, "roles": namesSchema}),
			Out: wire.Object([]string{"id"}, map[string]*plan.Schema{"id": idSchema, "waits": namesSchema})},
		{Name: "user_explain", Method: "GET", Path: "/auth/users/{id}/explain", Summary: "why an account may or may not do something", Access: look, Status: 200,
			Handle: i.explainUser, Query: []plan.Param{{Name: "collection", Summary: "what about", Type: "string"}, {Name: "action", Summary: "read, create, update or delete", Type: "string"},
				{Name: "org", Summary: "the id of the active organisation", Type: "string"}},
			Out: wire.Object([]string{"lines"}, map[string]*plan.Schema{"lines": wire.List(wire.Text(2000, "a sentence"), maxItems)})},
		{Name: "user_state", Method: "POST", Path: "/auth/users/{id}/state", Summary: "disable an account, or enable it again", Access: act, Status: 200,
			Handle: i.setUserState, Out: statusSchema, Errors: []string{"own_account", "role_not_held", "closed_by_owner", "last_operator", "account_erased"},
			In: wire.Object([]string{"state"}, map[string]*plan.Schema{"state": {Type: "string", Enum: []string{"disabled", "active"}}})},
		{Name: "user_grant", Method: "POST", Path: "/auth/users/{id}/roles", Summary: "give a role, or ask a second person to", Access: act, Status: 200,
			Handle: i.grantRole, Errors: []string{"role_not_held", "own_grant", "last_operator"},
			In:  wire.Object([]string{"role"}, map[string]*plan.Schema{"role": role, "until": timeSchema}),
			Out: wire.Object([]string{"status"}, map[string]*plan.Schema{"status": wire.Text(16, "granted or waits"), "request": idSchema})},
		{Name: "user_revoke", Method: "POST", Path: "/auth/users/{id}/roles/revoke", Summary: "withdraw a role, at once", Access: act, Status: 200,
			Handle: i.revokeRole, Out: statusSchema, Errors: []string{"role_not_held", "last_operator"},
			In: wire.Object([]string{"role"}, map[string]*plan.Schema{"role": role})},
		{Name: "user_require", Method: "POST", Path: "/auth/users/{id}/require", Summary: "demand a factor of an account", Access: act, Status: 200,
			Handle: i.requireFactor, Out: statusSchema, Errors: []string{"own_account", "role_not_held"},
			In: wire.Object([]string{"requires"}, map[string]*plan.Schema{"requires": {Type: "string", Enum: []string{"mfa", "passkey", "none"}}})},
		{Name: "user_sessions", Method: "GET", Path: "/auth/users/{id}/sessions", Summary: "an account's live sessions", Access: look, Status: 200,
			Handle: i.userSessions, Out: items(wire.Object([]string{"id", "label", "created", "seen"}, map[string]*plan.Schema{"id": idSchema,
				"label": wire.Text(80, "what the device is called"), "address": wire.Text(64, "class of the address"), "created": timeSchema, "seen": timeSchema}))},
		{Name: "user_sessions_end", Method: "POST", Path: "/auth/users/{id}/sessions/end", Summary: "end one session of an account, or all", Access: act,
			Status: 200, Handle: i.endUserSessions, Out: statusSchema, Errors: []string{"role_not_held"}, In: wire.Object(nil, map[string]*plan.Schema{"session": idSchema})},
		{Name: "user_reset_factors", Method: "POST", Path: "/auth/users/{id}/reset-factors", Summary: "forget the factors of somebody who lost them",
			Access: act, Status: 200, Handle: i.resetFactors, Out: statusSchema, Errors: []string{"own_account", "role_not_held", "account_erased"},
			In: wire.Object([]string{"reason"}, map[string]*plan.Schema{"reason": wire.Text(200, "why, and how you know who asked")})},
		{Name: "approvals", Method: "GET", Path: "/auth/approvals", Summary: "roles that wait for a second person", Access: look, Status: 200,
			Handle: i.listApprovals, Out: items(request)},
		{Name: "approval", Method: "POST", Path: "/auth/approvals/{id}", Summary: "approve or deny what somebody else asked for", Access: act, Status: 200,
			Handle: i.decideApproval, Out: statusSchema, Errors: []string{"second_person", "role_not_held"},
			In: wire.Object([]string{"approve"}, map[string]*plan.Schema{"approve": {Type: "boolean"}})},
	}
}

// named is the account (or request) of the path. An API token does not manage; what a session's roles may is judged by the desk.
func (i *Identity) named(r *plan.Request) (types.ID, error) {
	if r.Caller.Session == "" {
		return "", session.ErrRequired
	}
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return "", errNotFound
	}
	return id, nil
}

// onUser reads the body and runs fn on the account of the path.
func (i *Identity) onUser(r *plan.Request, in any, fn func(types.ID) error) (*plan.Answer, error) {
	id, err := i.named(r)
	if err != nil {
		return nil, err
	}
	if err := wire.Decode(r, in); err != nil {
		return nil, err
	}
	switch err := fn(id); {
	case errors.Is(err, account.ErrNone), errors.Is(err, operator.ErrNoUser), errors.Is(err, session.ErrNone):
		return nil, errNotFound
	case err != nil:
		return nil, err
	}
	return wire.Said(http.StatusOK, "done")
}

func (i *Identity) listUsers(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	after, ok := types.ParseID(r.Query.Get("after"))
	if !ok && r.Query.Get("after") != "" {
		return nil, errNotFound
	}
	if r.Caller.Session == "" {
		return nil, session.ErrRequired
	}
	all, err := i.List(ctx, r.Caller, after, 200)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, u := range all {
		roles := []map[string]any{}
		for _, g := range u.Grants {
			one := map[string]any{"role": g.Role}
			if !g.Expires.IsZero() {
				one["expires"] = stamp(g.Expires)
			}
			roles = append(roles, one)
		}
		items = append(items, map[string]any{"id": u.Account.ID, "state": u.Account.State, "email": u.Account.Email, "roles": roles})
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (i *Identity) inviteUser(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Email string   `json:"email"`
		Roles []string `json:"roles"`
	}
	if r.Caller.Session == "" {
		return nil, session.ErrRequired
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	added, err := i.Invite(ctx, r.Caller, in.Email, in.Roles)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"id": added.ID}
	if len(added.Waits) > 0 {
		body["waits"] = added.Waits
	}
	return wire.Answer(http.StatusCreated, body)
}

func (i *Identity) explainUser(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, err := i.named(r)
	if err != nil {
		return nil, err
	}
	var lines []string
	if about := r.Query.Get("collection"); about != "" {
		org, ok := types.ParseID(r.Query.Get("org"))
		if !ok && r.Query.Has("org") {
			return nil, errNotFound
		}
		lines, err = i.ExplainMay(ctx, r.Caller, id, org, about, r.Query.Get("action"))
	} else {
		lines, err = i.Explain(ctx, r.Caller, id)
	}
	if errors.Is(err, operator.ErrNoUser) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, map[string]any{"lines": lines})
}

func (i *Identity) setUserState(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		State string `json:"state"`
	}
	return i.onUser(r, &in, func(id types.ID) error {
		if in.State == string(account.Active) {
			return i.Enable(ctx, r.Caller, id)
		}
		return i.Disable(ctx, r.Caller, id)
	})
}

func (i *Identity) grantRole(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Role  string    `json:"role"`
		Until time.Time `json:"until"`
	}
	body := map[string]any{"status": "granted"}
	if a, err := i.onUser(r, &in, func(id types.ID) error {
		request, err := i.Ask(ctx, r.Caller, id, in.Role, in.Until)
		if request != "" {
			body["status"], body["request"] = "waits", request
		}
		return err
	}); err != nil {
		return a, err
	}
	return wire.Answer(http.StatusOK, body)
}

func (i *Identity) revokeRole(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Role string `json:"role"`
	}
	return i.onUser(r, &in, func(id types.ID) error { return i.Revoke(ctx, r.Caller, id, in.Role) })
}

func (i *Identity) requireFactor(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Requires string `json:"requires"`
	}
	return i.onUser(r, &in, func(id types.ID) error {
		return i.Require(ctx, r.Caller, id, map[string]plan.Requirement{"mfa": plan.AnyMFA, "passkey": plan.PasskeyFactor, "none": plan.NoFactor}[in.Requires])
	})
}

func (i *Identity) userSessions(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, err := i.named(r)
	if err != nil {
		return nil, err
	}
	all, err := i.SessionsOf(ctx, r.Caller, id)
	if errors.Is(err, operator.ErrNoUser) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, s := range all {
		items = append(items, map[string]any{"id": s.ID, "label": s.Label, "address": s.Address, "created": stamp(s.Created), "seen": stamp(s.Seen)})
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (i *Identity) endUserSessions(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Session string `json:"session"`
	}
	return i.onUser(r, &in, func(id types.ID) error {
		which, ok := types.ParseID(in.Session)
		if !ok && in.Session != "" {
			return session.ErrNone
		}
		return i.EndSessionOf(ctx, r.Caller, id, which)
	})
}

func (i *Identity) resetFactors(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Reason string `json:"reason"`
	}
	return i.onUser(r, &in, func(id types.ID) error { return i.ResetFactors(ctx, r.Caller, id, in.Reason) })
}

func (i *Identity) listApprovals(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	all, err := i.Requests(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, q := range all {
		one := map[string]any{"id": q.ID, "account": q.Account, "role": q.Role, "void": stamp(q.Until)}
		if q.By != "" {
			one["asked_by"] = q.By
		}
		if !q.Expires.IsZero() {
			one["until"] = stamp(q.Expires)
		}
		items = append(items, one)
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (i *Identity) decideApproval(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Approve bool `json:"approve"`
	}
	return i.onUser(r, &in, func(request types.ID) error {
		_, err := i.Decide(ctx, r.Caller, request, in.Approve)
		return err
	})
}
