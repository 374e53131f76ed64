package identity

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

func (i *Identity) passkeyRoutes() []plan.Route {
	own, fresh := plan.Access{SignedIn: true}, plan.Access{SignedIn: true, Fresh: factorFresh}
	name := &plan.Schema{Type: "string", MinLength: 1, MaxLength: 80, Summary: "what its owner calls it"}
	entry := wire.Object([]string{"id", "name", "created"}, map[string]*plan.Schema{"id": idSchema, "name": name, "created": timeSchema, "used": timeSchema})
	renewed := map[string]*plan.Schema{"id": idSchema}
	for word, s := range renewedSchema.Properties {
		renewed[word] = s
	}
	return []plan.Route{
		{Name: "passkeys", Method: "GET", Path: "/auth/passkeys", Summary: "my passkeys, oldest first", Access: own, Status: 200,
			Handle: i.listPasskeys, Out: wire.Object([]string{"items"}, map[string]*plan.Schema{"items": wire.List(entry, maxItems)})},
		{Name: "passkey_offer", Method: "POST", Path: "/auth/passkeys/options", Summary: "options for navigator.credentials.create, good for five minutes",
			Access: fresh, Status: 200, Handle: i.offerPasskey, Errors: []string{"too_many_passkeys"},
			Out: wire.Object([]string{"options"}, map[string]*plan.Schema{"options": {Any: true}})},
		{Name: "passkey_enrol", Method: "POST", Path: "/auth/passkeys", Summary: "enrol a passkey; other sessions end, this one gets a new token",
			Access: own, Status: 200, Handle: i.enrolPasskey, Errors: []string{"factor_refused", "no_enrolment", "passkey_taken"},
			Out: wire.Object([]string{"status", "session", "expires", "id"}, renewed),
			In: wire.Object([]string{"name", "response"}, map[string]*plan.Schema{"name": name,
				"response": {Any: true, Summary: "the PublicKeyCredential of the browser, toJSON()"}})},
		{Name: "passkey_rename", Method: "PATCH", Path: "/auth/passkeys/{id}", Summary: "call a passkey something else", Access: own, Status: 204,
			Handle: i.renamePasskey, In: wire.Object([]string{"name"}, map[string]*plan.Schema{"name": name})},
		{Name: "passkey_remove", Method: "DELETE", Path: "/auth/passkeys/{id}", Summary: "remove a passkey; other sessions end",
			Access: fresh, Status: 200, Out: renewedSchema, Errors: []string{"last_way_in"}, Handle: i.removePasskey},
	}
}

func (i *Identity) listPasskeys(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	all, err := i.self.Passkeys(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, l := range all {
		item := map[string]any{"id": l.ID, "name": l.Name, "created": stamp(l.Created)}
		if !l.Used.IsZero() {
			item["used"] = stamp(l.Used)
		}
		items = append(items, item)
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (i *Identity) offerPasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	options, err := i.self.OfferPasskey(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, map[string]any{"options": options})
}

func (i *Identity) enrolPasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	id, s, err := i.self.EnrolPasskey(ctx, r.Caller, in.Name, in.Response)
	if err != nil {
		return nil, err
	}
	a, body := i.renewedBody(s, "enrolled")
	body["id"] = id
	return withBody(a, body)
}

func (i *Identity) renamePasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return nil, errNotFound
	}
	if err := i.self.RenamePasskey(ctx, r.Caller, id, in.Name); err != nil {
		return nil, err
	}
	return wire.NoContent()
}

func (i *Identity) removePasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, ok := types.ParseID(r.Path("id"))
	if !ok {
		return nil, errNotFound
	}
	s, err := i.self.RemovePasskey(ctx, r.Caller, id)
	if err != nil {
		return nil, err
	}
	return i.renewed(ctx, "removed", s)
}
