package account

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/console/field"
	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// signUpFields are what a newcomer must say; enrolFields what he may say as well, because some rule lets an owner change it.
func (p *Pages) signUpFields() []*plan.Field {
	return p.fields(func(f *plan.Field) bool { return !f.Optional && f.Default == nil })
}

func (p *Pages) enrolFields() []*plan.Field {
	return p.fields(func(f *plan.Field) bool {
		return !f.Optional && f.Default == nil || slices.ContainsFunc(p.cfg.Plan.Accounts.Updates, func(r *plan.Rule) bool { return r.Mask.Has(f) })
	})
}

func (p *Pages) fields(want func(*plan.Field) bool) []*plan.Field {
	var out []*plan.Field
	for _, f := range p.cfg.Plan.Accounts.Fields {
		if field.Editable(f) && want(f) {
			out = append(out, f)
		}
	}
	return out
}

// profile reads the caller's own row as he may see it, and which fields he may change.
type profile struct {
	row      map[string]json.RawMessage
	etag     string
	writable []string
}

func (p *Pages) readProfile(ctx context.Context, who *types.Caller) (*profile, error) {
	out := &profile{row: map[string]json.RawMessage{}}
	a, err := p.cfg.Keep.Get(ctx, who, keep.GetQuery{Collection: "accounts", ID: string(who.Account)})
	if k := types.KindOf(err); err != nil && k != types.NotFound && k != types.Forbidden {
		return nil, err
	}
	if err == nil {
		err = json.Unmarshal(a.Body, &out.row)
		out.etag = a.Header.Get("Etag")
		a.Release()
		if err != nil {
			return nil, err
		}
	}
	question, err := json.Marshal(map[string]any{"do": []any{map[string]any{"action": "update", "collection": "accounts", "id": who.Account}}})
	if err != nil {
		return nil, err
	}
	can, err := p.cfg.Keep.Can(ctx, who, question)
	if err != nil {
		return nil, err
	}
	var told struct {
		Can []struct {
			Fields []string `json:"fields"`
		} `json:"can"`
	}
	if err := json.Unmarshal(can.Body, &told); err != nil || len(told.Can) != 1 {
		return out, err
	}
	out.writable = told.Can[0].Fields
	return out, nil
}

type profileData struct {
	Fields   []page.Input // that may be changed
	Fixed    []page.Input // that may only be read
	ETag     string
	Nameless bool // nothing is declared, or nothing of it is the reader's
}

func (p *Pages) profileView(ctx context.Context, r *plan.Request, mine *profile) (page.View, error) {
	v, err := p.mine(ctx, r, "Profile", "/account/profile")
	if err != nil {
		return v, err
	}
	change := p.fields(func(f *plan.Field) bool { return slices.Contains(mine.writable, f.Name) })
	fixed := slices.DeleteFunc(slices.Clone(p.cfg.Plan.Accounts.Fields), func(f *plan.Field) bool {
		return slices.Contains(change, f) || len(mine.row[f.Name]) == 0
	})
	d := profileData{Fields: field.Inputs(change, mine.row), Fixed: field.Inputs(fixed, mine.row), ETag: mine.etag}
	d.Nameless = len(d.Fields)+len(d.Fixed) == 0
	v.Data = d
	for _, f := range d.Fields {
		v.Values[f.Name] = f.Value
	}
	return v, nil
}

func (p *Pages) showProfile(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	mine, err := p.readProfile(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	v, err := p.profileView(ctx, r, mine)
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "profile", v)
}

// saveProfile names only what changed, since one rule must grant every field that a request names.
func (p *Pages) saveProfile(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	mine, err := p.readProfile(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	change := map[string]any{}
	for _, f := range p.cfg.Plan.Accounts.Fields {
		typed := strings.ReplaceAll(form.Get(field.Prefix+f.Name), "\r\n", "\n")
		if f.Type == plan.BoolField && typed == "" {
			typed = "false"
		}
		was := field.Shown(mine.row[f.Name])
		if f.Type == plan.BoolField && was == "" {
			was = "false"
		}
		if slices.Contains(mine.writable, f.Name) && field.Editable(f) && typed != was {
			change[f.Name] = field.Typed(f, typed)
		}
	}
	if len(change) == 0 {
		return page.Redirect("/account/profile", ""), nil
	}
	body, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	a, err := p.cfg.Keep.Update(ctx, r.Caller, keep.Write{Collection: "accounts", ID: string(r.Caller.Account), Body: body, IfMatch: form.Get("etag"),
		Method: "PATCH", Path: "/account/profile"})
	if err != nil {
		v, verr := p.profileView(ctx, r, mine)
		if verr != nil {
			return nil, verr
		}
		for name, typed := range page.Typed(form) {
			v.Values[name] = typed
		}
		return p.kit.Again(r, "profile", v, err, field.Path)
	}
	if a.Release != nil {
		a.Release()
	}
	return page.Redirect("/account/profile", "profile_saved"), nil
}
