package account

import (
	"context"
	"net/http"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

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
