package account

import (
	"context"
	"net/http"

	"github.com/fastness-dev/fastness/internal/console/field"
	"github.com/fastness-dev/fastness/internal/console/membership"
	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// organisationLink is where the letter of an invitation leads; invitationPage shows it, to people with an account and without.
const (
	organisationLink = "/account/organisation"
	invitationPage   = "/account/organisation/invitation"
	organisations    = membership.Path
)

var invitationCookie = linkCookie(linkPage{name: "organisation"})

// organisationRoutes are there when the declaration has organisations.
func (p *Pages) organisationRoutes(get, post mount) {
	get("organisation_link", organisationLink, open, p.openInvitation)
	get("invitation", invitationPage, open, p.showInvitation)
	post("invitation", invitationPage, open, p.joinOrganisation)
	get("invitation_accept", "/account/organisation/accept", own, p.showAccept)
	post("invitation_accept", "/account/organisation/accept", own, p.acceptInvitation)
	p.members.Routes(func(name, path string, h handler) { get(name, path, own, h) }, func(name, path string, h handler) { post(name, path, own, h) })
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
	occupied, err := p.id.Occupied(ctx, r)
	if err != nil {
		return nil, err
	}
	var step *signin.Step
	profile, err := field.Of(form, p.signUpFields())
	if err == nil {
		_, step, err = p.id.Organisations().Join(ctx, types.NewSecret(r.Cookie(invitationCookie)), types.NewSecret(form.Get("password")), profile, client(r), !occupied)
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
	if step != nil {
		if a, err = p.stepped(ctx, r, step, organisations, "enrolled_in"); err != nil {
			return nil, err
		}
	}
	a.Cookies = append(a.Cookies, plan.Cookie{Name: invitationCookie})
	return a, nil
}

func (p *Pages) showAccept(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if r.Cookie(invitationCookie) == "" {
		return page.Redirect(organisations, ""), nil
	}
	asked, err := p.id.Organisations().Asks(ctx, types.NewSecret(r.Cookie(invitationCookie)))
	if err != nil {
		return p.members.Again(ctx, r, nil, err)
	}
	return p.askAt(ctx, r, "Join the organisation?", organisations, ask{Action: "/account/organisation/accept", Button: "Join", Back: organisations, Name: asked.Organisation,
		Text: "You become a member with the account that you are signed in with. The invitation must have gone to its address."})
}

func (p *Pages) acceptInvitation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if _, err := p.id.Organisations().Accept(ctx, r.Caller, types.NewSecret(r.Cookie(invitationCookie))); err != nil {
		return p.members.Again(ctx, r, nil, err)
	}
	a := page.Redirect(organisations, "joined")
	a.Cookies = append(a.Cookies, plan.Cookie{Name: invitationCookie})
	return a, nil
}
