package identity

import (
	"context"
	"net/http"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

func (i *Identity) sessionRoutes() []plan.Route {
	own := plan.Access{SignedIn: true}
	entry := wire.Object([]string{"id", "label", "created", "seen", "expires", "current"}, map[string]*plan.Schema{"id": idSchema,
		"label": wire.Text(80, "what the device is called"), "address": wire.Text(64, "class of the address"),
		"transport": transport, "created": timeSchema, "seen": timeSchema, "expires": timeSchema, "current": {Type: "boolean"}})
	return []plan.Route{
		{Name: "session", Method: "GET", Path: "/auth/session", Summary: "who am I", Access: own, Status: 200, Handle: i.session,
			Out: wire.Object([]string{"account"}, map[string]*plan.Schema{"account": idSchema,
				"session": idSchema, "token": idSchema, "email": emailSchema, "roles": namesSchema, "dormant": namesSchema,
				"factors": namesSchema, "fresh_at": timeSchema, "organisation": idSchema})},
		{Name: "sessions", Method: "GET", Path: "/auth/sessions", Summary: "my sessions, last used first", Access: own, Status: 200,
			Handle: i.listSessions, Out: wire.Object([]string{"items"}, map[string]*plan.Schema{"items": wire.List(entry, maxItems)})},
		{Name: "session_end", Method: "DELETE", Path: "/auth/sessions/{id}", Summary: "end one of my sessions", Access: own, Status: 204,
			Handle: i.endSession},
	}
}

func (i *Identity) session(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	who := r.Caller
	if who.Scope != nil { // issued for rows of some collections: it may know what it is, not what its owner is
		return wire.Answer(http.StatusOK, map[string]any{"account": who.Account, "token": who.Token})
	}
	var acc *account.Account
	if err := i.db.View(ctx, func(rd store.Reader) error {
		var err error
		acc, err = i.accounts.Get(ctx, rd, who.Account)
		return err
	}); err != nil {
		return nil, err
	}
	body := map[string]any{"account": who.Account, "email": acc.Email, "roles": i.grants.Names(who.Roles),
		"dormant": i.grants.Names(who.Dormant), "factors": factorNames(who.Factors)}
	if who.Session != "" {
		body["session"], body["fresh_at"] = who.Session, stamp(who.FreshAt)
	}
	if who.Token != "" {
		body["token"] = who.Token
	}
	if who.Org != "" {
		body["organisation"] = who.Org
	}
	return wire.Answer(http.StatusOK, body)
}

// factorNames lists factors by their words on the wire.
func factorNames(f types.Factor) []string {
	out := []string{}
	for _, p := range []struct {
		bit  types.Factor
		word string
	}{{types.Password, "password"}, {types.Federated, "federated"}, {types.TOTP, "totp"}, {types.Passkey, "passkey"},
		{types.RecoveryCode, "recovery-code"}} {
		if f&p.bit != 0 {
			out = append(out, p.word)
		}
	}
	return out
}

func (i *Identity) listSessions(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	all, err := i.self.Sessions(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, s := range all {
		how := "cookie"
		if s.Transport == session.Bearer {
			how = "bearer"
		}
		items = append(items, map[string]any{"id": s.ID, "label": s.Label, "address": s.Address, "transport": how,
			"created": stamp(s.Created), "seen": stamp(s.Seen), "expires": stamp(s.Expires), "current": s.ID == r.Caller.Session})
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (i *Identity) endSession(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return nil, errNotFound
	}
	if err := i.self.EndSession(ctx, r.Caller, id); err != nil {
		return nil, err
	}
	a, err := wire.NoContent()
	if id == r.Caller.Session {
		a.Session = &plan.SessionChange{}
	}
	return a, err
}

var errNotFound = types.Refuse(types.NotFound, "not_found", "there is no such thing, or it is not yours; list what you have first")
