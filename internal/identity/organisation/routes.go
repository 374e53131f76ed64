package organisation

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/wire"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

func list(of *plan.Schema) *plan.Schema {
	return wire.Object([]string{"items"}, map[string]*plan.Schema{"items": wire.List(of, MaxMembers)})
}

// Routes lists the endpoints of organisations; a service without them has none.
func (o *Organisations) Routes() []plan.Route {
	if len(o.cfg.Roster.roles) == 0 {
		return nil
	}
	id, name, role := wire.Text(26, "id"), &plan.Schema{Type: "string", MinLength: 1, MaxLength: 120, Summary: "name"}, wire.Text(48, "role within the organisation")
	at := &plan.Schema{Type: "string", Format: "date-time", MaxLength: 40}
	email := wire.Text(254, "e-mail address")
	token := &plan.Schema{Type: "string", MinLength: 1, MaxLength: 200, Summary: "secret of the link"}
	status := wire.Object([]string{"status"}, map[string]*plan.Schema{"status": wire.Text(32, "what happened")})
	one := wire.Object([]string{"id", "name", "role"}, map[string]*plan.Schema{"id": id, "name": name, "role": role, "active": {Type: "boolean"}})
	member := wire.Object([]string{"account", "role", "joined"}, map[string]*plan.Schema{"account": id, "role": role, "joined": at, "email": email})
	waiting := wire.Object([]string{"id", "email", "role", "expires"}, map[string]*plan.Schema{"id": id, "email": email, "role": role, "expires": at})
	renewed := wire.Object([]string{"status", "session", "expires"}, map[string]*plan.Schema{"status": wire.Text(32, "what happened"), "session": id, "expires": at,
		"token": wire.Text(200, "the session's new token, for bearer")})
	own := plan.Access{SignedIn: true}
	return []plan.Route{
		{Name: "organisations", Method: "GET", Path: "/auth/organisations", Summary: "the organisations that I belong to", Access: own, Status: 200,
			Out: list(one), Handle: o.listMine},
		{Name: "organisation_create", Method: "POST", Path: "/auth/organisations", Summary: "make an organisation and own it; it does not become active",
			Access: own, Status: 201, In: wire.Object([]string{"name"}, map[string]*plan.Schema{"name": name}), Out: one, Handle: o.create,
			Errors: []string{"organisations_closed", "too_many_organisations", "session_required"}},
		{Name: "organisation_switch", Method: "PUT", Path: "/auth/session/organisation", Summary: "make an organisation of mine the active one of this session, null for none; the session gets a new token",
			Access: own, Status: 200, Out: renewed, Handle: o.change, Errors: []string{"not_found", "session_required"},
			In: wire.Object([]string{"organisation"}, map[string]*plan.Schema{"organisation": {Type: "string", MaxLength: 26, Nullable: true}})},
		{Name: "organisation_rename", Method: "PATCH", Path: "/auth/organisation", Summary: "rename the active organisation", Access: own, Status: 200,
			In: wire.Object([]string{"name"}, map[string]*plan.Schema{"name": name}), Out: one, Handle: o.rename, Errors: []string{"organisation_required", "not_allowed", "factor_required"}},
		{Name: "organisation_members", Method: "GET", Path: "/auth/organisation/members", Summary: "who belongs to the active organisation; addresses for who may invite",
			Access: own, Status: 200, Out: list(member), Handle: o.members, Errors: []string{"organisation_required"}},
		{Name: "organisation_member_change", Method: "PATCH", Path: "/auth/organisation/members/{id}", Summary: "give a member another role", Access: own, Status: 204,
			In: wire.Object([]string{"role"}, map[string]*plan.Schema{"role": role}), Handle: o.putMember, Errors: []string{"organisation_required", "not_allowed", "not_found", "last_owner"}},
		{Name: "organisation_member_remove", Method: "DELETE", Path: "/auth/organisation/members/{id}", Summary: "remove a member; his sessions lose the organisation at once",
			Access: own, Status: 204, Handle: o.removeMember, Errors: []string{"organisation_required", "not_allowed", "not_found", "last_owner"}},
		{Name: "organisation_leave", Method: "POST", Path: "/auth/organisation/leave", Summary: "leave the active organisation; the session gets a new token",
			Access: own, Status: 200, Out: renewed, Handle: o.leave, Errors: []string{"organisation_required", "last_owner"}},
		{Name: "organisation_invitations", Method: "GET", Path: "/auth/organisation/invitations", Summary: "invitations that wait", Access: own, Status: 200,
			Out: list(waiting), Handle: o.invitations, Errors: []string{"organisation_required", "not_allowed"}},
		{Name: "organisation_invite", Method: "POST", Path: "/auth/organisation/invitations", Summary: "invite an address to the active organisation; the same answer whether or not it has an account",
			Access: own, Status: 202, Out: status, Handle: o.invite, In: wire.Object([]string{"email", "role"}, map[string]*plan.Schema{"email": email, "role": role}),
			Errors: []string{"organisation_required", "not_allowed", "role_not_held", "too_many_attempts", "too_many_invitations"}},
		{Name: "organisation_invitation_cancel", Method: "DELETE", Path: "/auth/organisation/invitations/{id}", Summary: "cancel an invitation", Access: own, Status: 204,
			Handle: o.cancel, Errors: []string{"organisation_required", "not_allowed", "not_found"}},
		{Name: "organisation_accept", Method: "POST", Path: "/auth/organisations/accept", Summary: "use an invitation that was sent to my address", Access: own, Status: 200,
			In: wire.Object([]string{"token"}, map[string]*plan.Schema{"token": token}), Out: one, Handle: o.accept, Errors: []string{"link_over", "other_address", "organisation_full"}},
		{Name: "organisation_join", Method: "POST", Path: "/auth/organisations/join", Summary: "use an invitation to an address that has no account: make one; it does not sign in",
			Access: plan.Access{Public: "the link's secret is the proof", Ignore: true}, Status: 200, Out: one, Handle: o.joinNew,
			In: wire.Object([]string{"token", "password"}, map[string]*plan.Schema{"token": token,
				"password": {Type: "string", MinLength: 1, MaxLength: signin.MaxPassword, Summary: "password"}, "profile": {Any: true, Summary: "fields of the declared accounts"}}),
			Errors: []string{"link_over", "account_exists", "sign_up_closed", "organisation_full"}},
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func onWire(x *Organisation, active types.ID) map[string]any {
	return map[string]any{"id": x.ID, "name": x.Name, "role": x.Role, "active": x.ID == active}
}

// renewed answers with a session's new token: in the cookie, or in the body for bearer.
func renewed(status string, s *session.Started) (*plan.Answer, error) {
	body := map[string]any{"status": status, "session": s.ID, "expires": stamp(s.Expires)}
	if s.Transport == session.Bearer {
		body["token"] = s.Token.Reveal()
	}
	a, err := wire.Answer(http.StatusOK, body)
	if err == nil && s.Transport == session.Cookie {
		a.Session = &plan.SessionChange{Token: s.Token, MaxAge: s.MaxAge}
	}
	return a, err
}

func none(err error) (*plan.Answer, error) {
	if err != nil {
		return nil, err
	}
	return &plan.Answer{Status: http.StatusNoContent}, nil
}

func (o *Organisations) listMine(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	all, err := o.Mine(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, x := range all {
		items = append(items, onWire(&x, r.Caller.Org))
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

type nameBody struct {
	Name string `json:"name"`
}

func (o *Organisations) create(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in nameBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	x, err := o.Create(ctx, r.Caller, r.Caller.Account, in.Name)
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusCreated, onWire(x, r.Caller.Org))
}

func (o *Organisations) rename(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in nameBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	x, err := o.Rename(ctx, r.Caller, r.Caller.Org, in.Name)
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, onWire(x, r.Caller.Org))
}

func (o *Organisations) change(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Organisation *string `json:"organisation"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	org := types.ID("")
	if in.Organisation != nil {
		var ok bool
		if org, ok = types.ParseID(*in.Organisation); !ok {
			return nil, errUnknown
		}
	}
	s, err := o.Switch(ctx, r.Caller, org)
	if err != nil {
		return nil, err
	}
	return renewed("switched", s)
}

func (o *Organisations) leave(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	s, err := o.Leave(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	return renewed("left", s)
}

func (o *Organisations) members(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	all, err := o.Members(ctx, r.Caller, r.Caller.Org)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, m := range all {
		item := map[string]any{"account": m.Account, "role": m.Role, "joined": stamp(m.Joined)}
		if m.Email != "" {
			item["email"] = m.Email
		}
		items = append(items, item)
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (o *Organisations) putMember(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Role string `json:"role"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	id, _ := types.ParseID(r.Path("id")) // a malformed id takes the way of an absent one
	return none(o.Put(ctx, r.Caller, r.Caller.Org, id, in.Role))
}

func (o *Organisations) removeMember(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, _ := types.ParseID(r.Path("id"))
	return none(o.Remove(ctx, r.Caller, r.Caller.Org, id))
}

func (o *Organisations) invitations(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	all, err := o.Invitations(ctx, r.Caller, r.Caller.Org)
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, len(all))
	for _, x := range all {
		items = append(items, map[string]any{"id": x.ID, "email": x.Email, "role": x.Role, "expires": stamp(x.Expires)})
	}
	return wire.Answer(http.StatusOK, map[string]any{"items": items})
}

func (o *Organisations) invite(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in struct {
		Email string `json:"email"`
		Role  string `json:"role"`
	}
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	if err := o.Invite(ctx, r.Caller, r.Caller.Org, in.Email, in.Role); err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusAccepted, map[string]string{"status": "invited"})
}

func (o *Organisations) cancel(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	id, _ := types.ParseID(r.Path("id"))
	return none(o.Cancel(ctx, r.Caller, r.Caller.Org, id))
}

type linkBody struct {
	Token    string          `json:"token"`
	Password string          `json:"password"`
	Profile  json.RawMessage `json:"profile"`
}

func (o *Organisations) accept(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in linkBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	x, err := o.Accept(ctx, r.Caller, types.NewSecret(in.Token))
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, onWire(x, r.Caller.Org))
}

func (o *Organisations) joinNew(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	var in linkBody
	if err := wire.Decode(r, &in); err != nil {
		return nil, err
	}
	c := signin.Client{Address: r.Address, Device: r.Device}
	if r.Caller != nil {
		c.RequestID = r.Caller.RequestID
	}
	x, _, err := o.Join(ctx, types.NewSecret(in.Token), types.NewSecret(in.Password), in.Profile, c, false)
	if err != nil {
		return nil, err
	}
	return wire.Answer(http.StatusOK, onWire(x, ""))
}
