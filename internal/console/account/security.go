package account

import (
	"context"
	"net/http"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type passwordData struct{ Hint string }

func (p *Pages) passwordView(ctx context.Context, r *plan.Request) (page.View, error) {
	acc, err := p.id.Self().Account(ctx, r.Caller)
	if err != nil {
		return page.View{}, err
	}
	v, err := p.mine(ctx, r, "Change your password", "/account/factors")
	v.Data = passwordData{p.passwordHint(r, acc.Second())}
	return v, err
}

func (p *Pages) showPassword(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.passwordView(ctx, r)
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "password", v)
}

// changePassword asks for the present password by itself, whatever was proved before.
func (p *Pages) changePassword(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	var s *session.Started
	s, err = p.id.Links().ChangePassword(ctx, r.Caller, types.NewSecret(form.Get("password")), types.NewSecret(form.Get("new_password")), client(r))
	if err == nil {
		return renewed("/account/factors", "password_changed", s), nil
	}
	v, gone := p.passwordView(ctx, r)
	if gone != nil {
		return nil, gone
	}
	if types.CodeOf(err) == "factor_refused" {
		return p.kit.Again(r, "password", v, wrongPassword("password"), nil)
	}
	return p.kit.Again(r, "password", v, err, nil)
}

func (p *Pages) showEmail(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, "Change your address", "/account/factors")
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "email", v)
}

func (p *Pages) changeEmail(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	if err := p.id.Links().ChangeEmail(ctx, r.Caller, form.Get("email")); err != nil {
		v, gone := p.mine(ctx, r, "Change your address", "/account/factors")
		if gone != nil {
			return nil, gone
		}
		v.Values = page.Typed(form)
		return p.kit.Again(r, "email", v, err, nil)
	}
	return page.Redirect("/account/check-mail", ""), nil
}

func (p *Pages) showLock(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	return p.ask(ctx, r, "Lock your account?", ask{Action: "/account/lock", Button: "Lock my account now", Danger: true,
		Text: "Do this when you think that somebody else is in your account. Every session and token ends at once, this one included, and nobody gets in until a recovery link that we send to your address was used."})
}

func (p *Pages) lock(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if err := p.id.Links().Lock(ctx, r.Caller); err != nil {
		return nil, err
	}
	a := page.Redirect("/account/sign-in", "locked")
	a.Session = &plan.SessionChange{}
	return a, nil
}

type sessionRow struct {
	session.Listed
	This, Program bool
}

type sessionsData struct {
	Rows   []sessionRow
	Others int
}

// sessions lists where the person is signed in, this browser first.
func (p *Pages) sessions(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, "Sessions", "/account/sessions")
	if err != nil {
		return nil, err
	}
	live, err := p.id.Self().Sessions(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	var d sessionsData
	for _, l := range live {
		row := sessionRow{Listed: l, This: l.ID == r.Caller.Session, Program: l.Transport == session.Bearer}
		if row.This {
			d.Rows = append([]sessionRow{row}, d.Rows...)
			continue
		}
		d.Others++
		d.Rows = append(d.Rows, row)
	}
	v.Data = d
	return p.kit.Render(r, http.StatusOK, "sessions", v)
}

func (p *Pages) endSession(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	id, _ := types.ParseID(form.Get("id")) // a malformed id takes the same way as an absent one
	if err := p.id.Self().EndSession(ctx, r.Caller, id); err != nil && types.KindOf(err) != types.NotFound {
		return nil, err // one that is gone already is what was asked for
	}
	if id == r.Caller.Session {
		a := page.Redirect("/account/sign-in", "signed_out")
		a.Session = &plan.SessionChange{}
		return a, nil
	}
	return page.Redirect("/account/sessions", "session_ended"), nil
}

func (p *Pages) endOthers(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	if err := p.id.Self().EndOthers(ctx, r.Caller); err != nil {
		return nil, err
	}
	return page.Redirect("/account/sessions", "others_ended"), nil
}
