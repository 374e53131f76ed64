// Package membership is the pages of organisations at /account/organisations, for people who are signed in: those that a person belongs to, the
// members of the active one, invitations, roles, names. The pages of account mount them and lend their shell.
//
// Policy: who may do what is the affair of the room identity, whose refusals are evidence. A page shows of a member what the caller may know: the
// address to those who may invite, and the name as the read rules of the collection accounts let the caller read it.
//
// The map: organisation.go (routes, the organisation), member.go (one member), name.go (what the rules let the caller read).
package membership

import (
	"context"
	"net/http"
	"slices"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Path is where the pages begin.
const (
	Path       = "/account/organisations"
	memberPath = Path + "/members/"
)

// Config is the parts; all are required.
type Config struct {
	Plan     *plan.Plan
	Identity *identity.Identity
	Keep     *keep.Keep
	Kit      *page.Kit
	// Mine begins the view of a page of a signed-in person.
	Mine func(ctx context.Context, r *plan.Request, title, here string) (page.View, error)
}

// Pages is the pages. It is safe for concurrent use.
type Pages struct{ cfg Config }

// New returns pages of the parts.
func New(cfg Config) *Pages { return &Pages{cfg} }

// Mount says where a page is shown or sent to; every page is for people who are signed in.
type Mount func(name, path string, h func(context.Context, *plan.Request) (*plan.Answer, error))

// Routes mounts the pages.
func (p *Pages) Routes(get, post Mount) {
	get("organisations", Path, p.showOrganisations)
	post("organisation_create", Path+"/create", p.createOrganisation)
	post("organisation_switch", Path+"/switch", p.switchOrganisation)
	post("organisation_invite", Path+"/invite", p.invite)
	post("organisation_cancel", Path+"/cancel", p.cancelInvitation)
	get("organisation_rename", Path+"/rename", p.showRename)
	post("organisation_rename", Path+"/rename", p.renameOrganisation)
	get("member", memberPath+"{id}", p.showMember)
	post("member", memberPath+"{id}", p.changeRole)
	get("member_remove", memberPath+"{id}/remove", p.showRemove)
	post("member_remove", memberPath+"{id}/remove", p.removeMember)
	get("organisation_leave", Path+"/leave", p.showLeave)
	post("organisation_leave", Path+"/leave", p.leaveOrganisation)
}

func (p *Pages) mine(ctx context.Context, r *plan.Request, title, here string) (page.View, error) {
	return p.cfg.Mine(ctx, r, title, here)
}

// askAt shows a question before an act.
func (p *Pages) askAt(ctx context.Context, r *plan.Request, title, here string, d page.Ask) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, title, here)
	if err != nil {
		return nil, err
	}
	v.Data = d
	return p.cfg.Kit.Render(r, http.StatusOK, "ask", v)
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
	Names       map[types.ID]string // of members, as the caller may read them; only on the page of the organisation
	Invites     bool                // the person may invite
	Invitations []organisation.Invitation
	Roles       page.Input
}

// tenancy is the person's organisations and the members of the active one.
func (p *Pages) tenancy(ctx context.Context, r *plan.Request) (organisationsData, error) {
	d, err := organisationsData{Active: r.Caller.Org, Me: r.Caller.Account}, error(nil)
	if d.Mine, err = p.cfg.Identity.Organisations().Mine(ctx, r.Caller); err != nil {
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
	d.Asleep = !slices.Contains(p.cfg.Identity.Grants().Names(r.Caller.Roles), d.Role)
	d.Owner = !d.Asleep && d.Role == p.cfg.Plan.Decl.Organisations.Roles[0]
	d.Members, err = p.cfg.Identity.Organisations().Members(ctx, r.Caller, d.Active)
	return d, err
}

// roles is a choice of the roles from one downwards.
func (p *Pages) roles(r *plan.Request, from, chosen string) page.Input {
	in := page.Input{Name: "role", Label: p.cfg.Kit.Text(p.cfg.Kit.Language(r), "Role"), Kind: "select", Value: chosen}
	all := p.cfg.Plan.Decl.Organisations.Roles
	for _, name := range all[slices.Index(all, from):] {
		in.Choices = append(in.Choices, page.Choice{Value: name, Label: name})
	}
	return in
}

func (p *Pages) organisationsView(ctx context.Context, r *plan.Request) (page.View, error) {
	v, err := p.mine(ctx, r, "Organisations", Path)
	if err != nil {
		return v, err
	}
	v.Self = Path
	d, err := p.tenancy(ctx, r)
	if err != nil {
		return v, err
	}
	if d.Names, err = p.names(ctx, r.Caller, d.Members); err != nil {
		return v, err
	}
	declared := p.cfg.Plan.Decl.Organisations
	d.Create = declared.SignUp == "create"
	if slices.Contains(declared.Invite, d.Role) && !d.Asleep {
		if d.Invitations, err = p.cfg.Identity.Organisations().Invitations(ctx, r.Caller, d.Active); err != nil {
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
	return p.cfg.Kit.Render(r, http.StatusOK, "organisations", v)
}

// Again shows the page with what is wrong; what another must allow is said there too.
func (p *Pages) Again(ctx context.Context, r *plan.Request, typed map[string]string, err error) (*plan.Answer, error) {
	v, gone := p.organisationsView(ctx, r)
	if gone != nil {
		return nil, gone
	}
	for name, text := range typed {
		v.Values[name] = text
	}
	return p.cfg.Kit.Again(r, "organisations", v, err, nil)
}

// organised runs an act on the active organisation and comes back to the page.
func (p *Pages) organised(ctx context.Context, r *plan.Request, notice string, act func(form func(string) string) (*session.Started, error)) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	s, err := act(form.Get)
	if err != nil {
		return p.Again(ctx, r, page.Typed(form), err)
	}
	if s != nil {
		a := page.Redirect(Path, notice)
		a.Session = &plan.SessionChange{Token: s.Token, MaxAge: s.MaxAge}
		return a, nil
	}
	return page.Redirect(Path, notice), nil
}

func (p *Pages) createOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "organisation_made", func(form func(string) string) (*session.Started, error) {
		made, err := p.cfg.Identity.Organisations().Create(ctx, r.Caller, r.Caller.Account, form("name"))
		if err != nil {
			return nil, err
		}
		return p.cfg.Identity.Organisations().Switch(ctx, r.Caller, made.ID) // who makes one wants to work in it
	})
}

func (p *Pages) switchOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "organisation_active", func(form func(string) string) (*session.Started, error) {
		id, _ := types.ParseID(form("id")) // a malformed id is nobody's, and "" is none
		if id == "" && form("id") != "" {
			return nil, types.Refuse(types.NotFound, "not_found", "there is no such organisation; yours are listed")
		}
		return p.cfg.Identity.Organisations().Switch(ctx, r.Caller, id)
	})
}

func (p *Pages) invite(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "invited", func(form func(string) string) (*session.Started, error) {
		return nil, p.cfg.Identity.Organisations().Invite(ctx, r.Caller, r.Caller.Org, form("email"), form("role"))
	})
}

func (p *Pages) cancelInvitation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "invitation_cancelled", func(form func(string) string) (*session.Started, error) {
		id, _ := types.ParseID(form("id")) // a malformed id takes the same way as an absent one
		return nil, p.cfg.Identity.Organisations().Cancel(ctx, r.Caller, r.Caller.Org, id)
	})
}

func (p *Pages) showLeave(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	d, err := p.tenancy(ctx, r)
	if err != nil || d.Role == "" {
		return page.Redirect(Path, ""), err
	}
	return p.askAt(ctx, r, "Leave the organisation?", Path, page.Ask{Action: Path + "/leave", Button: "Leave", Danger: true, Back: Path, Name: d.Name,
		Text: "What belongs to the organisation stays with it, and you no longer see it. Somebody there can invite you again."})
}

func (p *Pages) leaveOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "left", func(func(string) string) (*session.Started, error) {
		return p.cfg.Identity.Organisations().Leave(ctx, r.Caller)
	})
}
