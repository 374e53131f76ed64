package account

import (
	"context"
	"net/http"
	"slices"

	"github.com/fastness-dev/fastness/internal/console/field"
	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// organisationLink is where the letter of an invitation leads; invitationPage shows it, to people with an account and without.
const (
	organisationLink = "/account/organisation"
	invitationPage   = "/account/organisation/invitation"
	organisations    = "/account/organisations"
	memberPage       = organisations + "/members/"
)

var invitationCookie = linkCookie(linkPage{name: "organisation"})

// organisationRoutes are there when the declaration has organisations.
func (p *Pages) organisationRoutes(get, post mount) {
	get("organisation_link", organisationLink, open, p.openInvitation)
	get("invitation", invitationPage, open, p.showInvitation)
	post("invitation", invitationPage, open, p.joinOrganisation)
	get("invitation_accept", "/account/organisation/accept", own, p.showAccept)
	post("invitation_accept", "/account/organisation/accept", own, p.acceptInvitation)
	get("organisations", organisations, own, p.showOrganisations)
	post("organisation_create", organisations+"/create", own, p.createOrganisation)
	post("organisation_switch", organisations+"/switch", own, p.switchOrganisation)
	post("organisation_invite", organisations+"/invite", own, p.invite)
	post("organisation_cancel", organisations+"/cancel", own, p.cancelInvitation)
	get("organisation_rename", organisations+"/rename", own, p.showRename)
	post("organisation_rename", organisations+"/rename", own, p.renameOrganisation)
	get("member", memberPage+"{id}", own, p.showMember)
	post("member", memberPage+"{id}", own, p.changeRole)
	get("member_remove", memberPage+"{id}/remove", own, p.showRemove)
	post("member_remove", memberPage+"{id}/remove", own, p.removeMember)
	get("organisation_leave", organisations+"/leave", own, p.showLeave)
	post("organisation_leave", organisations+"/leave", own, p.leaveOrganisation)
}

// openInvitation uses nothing up: it takes the secret out of the address.
func (p *Pages) openInvitation(_ context.Context, r *plan.Request) (*plan.Answer, error) {
	secret := r.Query.Get("token")
	if secret == "" || len(secret) > page.MaxSecret {
		return page.Redirect(organisations, ""), nil
	}
	return p.kit.Bring(r, invitationCookie, invitationPage, "You were invited", secret)
}

// invitationView says who invites whereto, to whoever holds the link.
func (p *Pages) invitationView(ctx context.Context, r *plan.Request) (page.View, error) {
	asked, err := p.id.Organisations().Asks(ctx, types.NewSecret(r.Cookie(invitationCookie)))
	over := types.CodeOf(err) == "link_over"
	if over {
		err = nil
	}
	return page.View{Title: "You were invited", Self: invitationPage, Values: map[string]string{},
		Data: invitationData{linkData{Action: invitationPage, Ready: !over, Hint: p.passwordHint(r, false), Fields: field.Inputs(p.signUpFields(), nil)}, asked}}, err
}

type invitationData struct {
	linkData
	Asked organisation.Asked
}

func (p *Pages) showInvitation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.invitationView(ctx, r)
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "invitation", v)
}

// joinOrganisation makes an account for the invited address.
func (p *Pages) joinOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	if other := form.Get("token"); other != "" && len(other) <= page.MaxSecret {
		return page.Instead(invitationCookie, invitationPage, other), nil
	}
	profile, err := field.Of(form, p.signUpFields())
	if err == nil {
		_, err = p.id.Organisations().Join(ctx, types.NewSecret(r.Cookie(invitationCookie)), types.NewSecret(form.Get("password")), profile, client(r))
	}
	if err != nil {
		v, gone := p.invitationView(ctx, r)
		if gone != nil {
			return nil, gone
		}
		v.Values = page.Typed(form)
		return p.kit.Again(r, "invitation", v, err, field.Path)
	}
	a := page.Redirect("/account/sign-in", "enrolled")
	a.Cookies = append(a.Cookies, plan.Cookie{Name: invitationCookie})
	return a, nil
}

func (p *Pages) showAccept(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if r.Cookie(invitationCookie) == "" {
		return page.Redirect(organisations, ""), nil
	}
	asked, err := p.id.Organisations().Asks(ctx, types.NewSecret(r.Cookie(invitationCookie)))
	if err != nil {
		return p.organisationsAgain(ctx, r, nil, err)
	}
	return p.askAt(ctx, r, "Join the organisation?", organisations, ask{Action: "/account/organisation/accept", Button: "Join", Back: organisations, Name: asked.Organisation,
		Text: "You become a member with the account that you are signed in with. The invitation must have gone to its address."})
}

func (p *Pages) acceptInvitation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if _, err := p.id.Organisations().Accept(ctx, r.Caller, types.NewSecret(r.Cookie(invitationCookie))); err != nil {
		return p.organisationsAgain(ctx, r, nil, err)
	}
	a := page.Redirect(organisations, "joined")
	a.Cookies = append(a.Cookies, plan.Cookie{Name: invitationCookie})
	return a, nil
}

type organisationsData struct {
	Mine        []organisation.Organisation
	Active      types.ID
	Name, Role  string // of the active one, and the person's in it
	Asleep      bool   // the role asks for a stronger sign-in
	Owner       bool
	Create      bool
	Me          types.ID
	Members     []organisation.Member
	Invites     bool // the person may invite
	Invitations []organisation.Invitation
	Roles       page.Input
}

// tenancy is the person's organisations and the members of the active one.
func (p *Pages) tenancy(ctx context.Context, r *plan.Request) (organisationsData, error) {
	d, err := organisationsData{Active: r.Caller.Org, Me: r.Caller.Account}, error(nil)
	if d.Mine, err = p.id.Organisations().Mine(ctx, r.Caller); err != nil {
		return d, err
	}
	for _, o := range d.Mine {
		if o.ID == d.Active {
			d.Role, d.Name = o.Role, o.Name
		}
	}
	if d.Role == "" {
		return d, nil
	}
	d.Asleep = !slices.Contains(p.id.Grants().Names(r.Caller.Roles), d.Role)
	d.Owner = !d.Asleep && d.Role == p.cfg.Plan.Decl.Organisations.Roles[0]
	d.Members, err = p.id.Organisations().Members(ctx, r.Caller, d.Active)
	return d, err
}

// roles is a choice of the roles from one downwards.
func (p *Pages) roles(r *plan.Request, from, chosen string) page.Input {
	in := page.Input{Name: "role", Label: p.kit.Text(p.kit.Language(r), "Role"), Kind: "select", Value: chosen}
	all := p.cfg.Plan.Decl.Organisations.Roles
	for _, name := range all[slices.Index(all, from):] {
		in.Choices = append(in.Choices, page.Choice{Value: name, Label: name})
	}
	return in
}

func (p *Pages) organisationsView(ctx context.Context, r *plan.Request) (page.View, error) {
	v, err := p.mine(ctx, r, "Organisations", organisations)
	if err != nil {
		return v, err
	}
	v.Self = organisations
	d, err := p.tenancy(ctx, r)
	if err != nil {
		return v, err
	}
	declared := p.cfg.Plan.Decl.Organisations
	d.Create = declared.SignUp == "create"
	if slices.Contains(declared.Invite, d.Role) && !d.Asleep {
		if d.Invitations, err = p.id.Organisations().Invitations(ctx, r.Caller, d.Active); err != nil {
			return v, err
		}
		d.Invites, d.Roles = true, p.roles(r, d.Role, declared.Roles[len(declared.Roles)-1])
	}
	v.Data = d
	return v, nil
}

func (p *Pages) showOrganisations(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.organisationsView(ctx, r)
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "organisations", v)
}

// organisationsAgain shows the page with what is wrong; what another must allow is said there too.
func (p *Pages) organisationsAgain(ctx context.Context, r *plan.Request, typed map[string]string, err error) (*plan.Answer, error) {
	v, gone := p.organisationsView(ctx, r)
	if gone != nil {
		return nil, gone
	}
	for name, text := range typed {
		v.Values[name] = text
	}
	return p.kit.Again(r, "organisations", v, err, nil)
}

// organised runs an act on the active organisation and comes back to the page.
func (p *Pages) organised(ctx context.Context, r *plan.Request, notice string, act func(form func(string) string) (*session.Started, error)) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	s, err := act(form.Get)
	if err != nil {
		return p.organisationsAgain(ctx, r, page.Typed(form), err)
	}
	if s != nil {
		return renewed(organisations, notice, s), nil
	}
	return page.Redirect(organisations, notice), nil
}

func (p *Pages) createOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "organisation_made", func(form func(string) string) (*session.Started, error) {
		made, err := p.id.Organisations().Create(ctx, r.Caller, r.Caller.Account, form("name"))
		if err != nil {
			return nil, err
		}
		return p.id.Organisations().Switch(ctx, r.Caller, made.ID) // who makes one wants to work in it
	})
}

func (p *Pages) switchOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "organisation_active", func(form func(string) string) (*session.Started, error) {
		id, _ := types.ParseID(form("id")) // a malformed id is nobody's, and "" is none
		if id == "" && form("id") != "" {
			return nil, types.Refuse(types.NotFound, "not_found", "there is no such organisation; yours are listed")
		}
		return p.id.Organisations().Switch(ctx, r.Caller, id)
	})
}

func (p *Pages) invite(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "invited", func(form func(string) string) (*session.Started, error) {
		return nil, p.id.Organisations().Invite(ctx, r.Caller, r.Caller.Org, form("email"), form("role"))
	})
}

func (p *Pages) cancelInvitation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "invitation_cancelled", func(form func(string) string) (*session.Started, error) {
		id, _ := types.ParseID(form("id")) // a malformed id takes the same way as an absent one
		return nil, p.id.Organisations().Cancel(ctx, r.Caller, r.Caller.Org, id)
	})
}

func (p *Pages) showLeave(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	d, err := p.tenancy(ctx, r)
	if err != nil || d.Role == "" {
		return page.Redirect(organisations, ""), err
	}
	return p.askAt(ctx, r, "Leave the organisation?", organisations, ask{Action: organisations + "/leave", Button: "Leave", Danger: true, Back: organisations, Name: d.Name,
		Text: "What belongs to the organisation stays with it, and you no longer see it. Somebody there can invite you again."})
}

func (p *Pages) leaveOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "left", func(func(string) string) (*session.Started, error) { return p.id.Organisations().Leave(ctx, r.Caller) })
}
