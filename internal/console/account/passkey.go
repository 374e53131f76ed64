package account

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/passkey"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

var errNoPasskey = types.Refuse(types.NotFound, "not_found", "there is no such passkey, or it is not yours; they are listed at /account/factors")

type passkeyAddData struct{ Name string }

func (p *Pages) passkeyAddView(ctx context.Context, r *plan.Request) (page.View, error) {
	v, err := p.mine(ctx, r, "Add a passkey", "/account/factors")
	v.Scripts = true
	name := session.Label(r.Header.Get("User-Agent"))
	if name == "an unknown device" {
		name = ""
	}
	v.Data = passkeyAddData{Name: name}
	return v, err
}

func (p *Pages) showPasskeyAdd(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.passkeyAddView(ctx, r)
	if err != nil {
		return nil, err
	}
	v.Values["name"] = v.Data.(passkeyAddData).Name
	return p.kit.Render(r, http.StatusOK, "passkey-add", v)
}

func (p *Pages) addPasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	var s *session.Started
	if err = named(form.Get("name")); err == nil {
		_, s, err = p.id.Self().EnrolPasskey(ctx, r.Caller, form.Get("name"), json.RawMessage(form.Get("response")))
	}
	if err == nil {
		return renewed("/account/factors", "passkey_added", s), nil
	}
	v, gone := p.passkeyAddView(ctx, r)
	if gone != nil {
		return nil, gone
	}
	v.Values = page.Typed(form)
	return p.kit.Again(r, "passkey-add", v, passkeyRefused(err), nil)
}

// named refuses what is no name for a thing of one's own.
func named(name string) error {
	if n := utf8.RuneCountInString(strings.TrimSpace(name)); n >= 1 && n <= 80 {
		return nil
	}
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "give it a name of 1 to 80 characters", Fields: []types.FieldError{{Path: "name", Code: "length"}}}
}

// passkeyAt finds the caller's passkey that a path names.
func (p *Pages) passkeyAt(ctx context.Context, r *plan.Request) (passkey.Listed, error) {
	all, err := p.id.Self().Passkeys(ctx, r.Caller)
	if err != nil {
		return passkey.Listed{}, err
	}
	for _, l := range all {
		if string(l.ID) == r.Path("id") {
			return l, nil
		}
	}
	return passkey.Listed{}, errNoPasskey
}

func (p *Pages) passkeyView(ctx context.Context, r *plan.Request) (page.View, passkey.Listed, error) {
	l, err := p.passkeyAt(ctx, r)
	if err != nil {
		return page.View{}, l, err
	}
	v, err := p.mine(ctx, r, "Rename the passkey", "/account/factors")
	v.Values, v.Data = map[string]string{"name": l.Name}, l
	return v, l, err
}

func (p *Pages) showPasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, _, err := p.passkeyView(ctx, r)
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "passkey-name", v)
}

func (p *Pages) renamePasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	v, l, err := p.passkeyView(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := named(form.Get("name")); err != nil {
		v.Values = page.Typed(form)
		return p.kit.Again(r, "passkey-name", v, err, nil)
	}
	if err := p.id.Self().RenamePasskey(ctx, r.Caller, l.ID, form.Get("name")); err != nil {
		return nil, err
	}
	return page.Redirect("/account/factors", "passkey_renamed"), nil
}

func (p *Pages) showPasskeyRemove(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	l, err := p.passkeyAt(ctx, r)
	if err != nil {
		return nil, err
	}
	return p.ask(ctx, r, "Remove this passkey?", ask{Action: "/account/factors/passkeys/" + string(l.ID) + "/remove", Button: "Remove the passkey", Danger: true, Name: l.Name,
		Text: "You will no longer be able to sign in with it. Every other session ends. If it is your last second factor, your recovery codes go with it."})
}

func (p *Pages) removePasskey(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	l, err := p.passkeyAt(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := p.id.Self().RemovePasskey(ctx, r.Caller, l.ID)
	if err != nil {
		return nil, err
	}
	return renewed("/account/factors", "passkey_removed", s), nil
}
