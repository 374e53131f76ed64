package membership

import (
	"context"
	"net/http"
	"slices"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

var errNoMember = types.Refuse(types.NotFound, "not_found", "there is no such member, or you may not look after him; those that you know are listed at /account/organisations")

func (p *Pages) showRename(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	d, err := p.tenancy(ctx, r)
	if err != nil || !d.Owner {
		return page.Redirect(Path, ""), err
	}
	v, err := p.mine(ctx, r, "Rename the organisation", Path)
	if err != nil {
		return nil, err
	}
	v.Values["name"] = d.Name
	return p.cfg.Kit.Render(r, http.StatusOK, "organisation-name", v)
}

func (p *Pages) renameOrganisation(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	if _, err = p.cfg.Identity.Organisations().Rename(ctx, r.Caller, r.Caller.Org, form.Get("name")); err == nil {
		return page.Redirect(Path, "organisation_renamed"), nil
	}
	if types.KindOf(err) != types.Invalid {
		return p.Again(ctx, r, nil, err)
	}
	v, gone := p.mine(ctx, r, "Rename the organisation", Path)
	if gone != nil {
		return nil, gone
	}
	v.Values = page.Typed(form)
	return p.cfg.Kit.Again(r, "organisation-name", v, err, nil)
}

type memberData struct {
	organisation.Member
	Me    bool
	Roles page.Input
}

// member is the page of a member of the active organisation, for those who own it.
func (p *Pages) member(ctx context.Context, r *plan.Request) (page.View, error) {
	d, err := p.tenancy(ctx, r)
	i := slices.IndexFunc(d.Members, func(m organisation.Member) bool { return string(m.Account) == r.Path("id") })
	if err == nil && (i < 0 || !d.Owner) {
		err = errNoMember
	}
	if err != nil {
		return page.View{}, err
	}
	v, err := p.mine(ctx, r, "Role in the organisation", Path)
	m := memberData{Member: d.Members[i], Me: d.Members[i].Account == d.Me, Roles: p.roles(r, d.Role, d.Members[i].Role)}
	m.Roles.Hint = p.cfg.Kit.Text(p.cfg.Kit.Language(r), "The new role counts at once, also where this person is signed in.")
	if m.Me {
		m.Roles.Hint = p.cfg.Kit.Text(p.cfg.Kit.Language(r), "With a lower role you can no longer rename the organisation or look after its members.")
	}
	v.Data = m
	return v, err
}

func (p *Pages) showMember(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.member(ctx, r)
	if err != nil {
		return nil, err
	}
	return p.cfg.Kit.Render(r, http.StatusOK, "member", v)
}

// changeRole leaves it to the room identity who may: its refusals are evidence, those of a page are not.
func (p *Pages) changeRole(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	id, _ := types.ParseID(r.Path("id")) // a malformed id takes the same way as an absent one
	if err = p.cfg.Identity.Organisations().Put(ctx, r.Caller, r.Caller.Org, id, form.Get("role")); err == nil {
		return page.Redirect(Path, "role_changed"), nil
	}
	v, gone := p.member(ctx, r)
	if gone != nil {
		return p.Again(ctx, r, nil, err)
	}
	return p.cfg.Kit.Again(r, "member", v, err, nil)
}

func (p *Pages) showRemove(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.member(ctx, r)
	if err != nil {
		return nil, err
	}
	m := v.Data.(memberData)
	if m.Me {
		return page.Redirect(Path+"/leave", ""), nil
	}
	return p.askAt(ctx, r, "Remove this member?", Path, page.Ask{Action: memberPath + string(m.Account) + "/remove", Button: "Remove", Danger: true, Back: Path, Name: m.Email,
		Text: "Access to what belongs to the organisation ends at once. What was made there stays. You can invite the same address again."})
}

func (p *Pages) removeMember(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.organised(ctx, r, "member_removed", func(func(string) string) (*session.Started, error) {
		id, _ := types.ParseID(r.Path("id")) // a malformed id takes the same way as an absent one
		return nil, p.cfg.Identity.Organisations().Remove(ctx, r.Caller, r.Caller.Org, id)
	})
}
