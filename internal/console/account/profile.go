package account

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// prefix keeps names of declared fields apart from names of our own inputs.
const prefix = "profile-"

// profilePath maps the path of a refused value to its input.
func profilePath(path string) string {
	if path == "password" || path == "email" {
		return path
	}
	name, _, _ := strings.Cut(path, ".")
	return prefix + name
}

// editable are the types that a form can hold.
func editable(f *plan.Field) bool {
	switch f.Type {
	case plan.ListField:
		return f.Elem != nil && slices.Contains([]plan.FieldType{plan.TextField, plan.EmailField, plan.URLField}, f.Elem.Type)
	case plan.JSONField, plan.AccountField, plan.RefField, plan.StateField:
		return false
	}
	return true
}

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
		if editable(f) && want(f) {
			out = append(out, f)
		}
	}
	return out
}

// label makes words of a field's name: "pen_name" is "Pen name".
func label(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// inputs describes fields for a form; row holds the present values, nil for an account that is being made, which gets defaults.
func (p *Pages) inputs(fields []*plan.Field, row map[string]json.RawMessage) []page.Input {
	var out []page.Input
	for _, f := range fields {
		in := page.Input{Name: prefix + f.Name, Label: label(f.Name), Kind: "text", Optional: f.Optional || row == nil && f.Default != nil, Value: shown(row[f.Name])}
		if f.MaxLen > 0 && f.Type == plan.TextField {
			in.Max = strconv.Itoa(f.MaxLen)
		}
		switch f.Type {
		case plan.EmailField:
			in.Kind = "email"
		case plan.URLField:
			in.Kind = "url"
		case plan.DateField:
			in.Kind = "date"
		case plan.IntField:
			in.Kind = "number"
		case plan.BoolField:
			in.Kind = "checkbox"
		case plan.HTMLField, plan.ListField:
			in.Kind = "textarea"
		case plan.TextField:
			if f.MaxLen > 300 {
				in.Kind = "textarea"
			}
		case plan.EnumField:
			in.Kind = "select"
			if f.Optional {
				in.Choices = append(in.Choices, page.Choice{Value: "", Label: "–"})
			}
			for _, v := range f.Values {
				in.Choices = append(in.Choices, page.Choice{Value: v, Label: label(v)})
			}
		}
		out = append(out, in)
	}
	return out
}

// shown is a value of the interface as a person reads and types it.
func shown(raw json.RawMessage) string {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case []any:
		var lines []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				lines = append(lines, s)
			}
		}
		return strings.Join(lines, "\n")
	case nil:
		return ""
	}
	return string(raw)
}

var whole = regexp.MustCompile(`^-?[0-9]{1,16}$`)

// typedValue is what was typed as a value of the interface. What has the wrong form goes as text, for keep to refuse.
func typedValue(f *plan.Field, typed string) any {
	typed = strings.ReplaceAll(typed, "\r\n", "\n")
	trimmed := strings.TrimSpace(typed)
	switch {
	case f.Type == plan.BoolField:
		return trimmed == "true"
	case f.Type == plan.ListField:
		lines := []string{}
		for l := range strings.SplitSeq(typed, "\n") {
			if l = strings.TrimSpace(l); l != "" {
				lines = append(lines, l)
			}
		}
		return lines
	case trimmed == "" && f.Optional:
		return nil
	case f.Type == plan.IntField && whole.MatchString(trimmed):
		return json.RawMessage(trimmed)
	case f.Type == plan.HTMLField:
		return typed
	}
	return trimmed
}

// profileOf makes profile fields for a new account of what a form says. Missing ones are refused by whoever stores them.
func (p *Pages) profileOf(form url.Values, fields []*plan.Field) (json.RawMessage, error) {
	out := map[string]any{}
	for _, f := range fields {
		typed := form.Get(prefix + f.Name)
		if strings.TrimSpace(typed) == "" && f.Type != plan.BoolField && f.Type != plan.ListField {
			if !f.Optional && f.Default == nil {
				return nil, &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "fill in what is missing", Fields: []types.FieldError{{Path: f.Name, Code: "required"}}}
			}
			continue
		}
		out[f.Name] = typedValue(f, typed)
	}
	return json.Marshal(out)
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
	d := profileData{Fields: p.inputs(change, mine.row), Fixed: p.inputs(fixed, mine.row), ETag: mine.etag}
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
		typed := strings.ReplaceAll(form.Get(prefix+f.Name), "\r\n", "\n")
		if f.Type == plan.BoolField && typed == "" {
			typed = "false"
		}
		was := shown(mine.row[f.Name])
		if f.Type == plan.BoolField && was == "" {
			was = "false"
		}
		if slices.Contains(mine.writable, f.Name) && editable(f) && typed != was {
			change[f.Name] = typedValue(f, typed)
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
		return p.kit.Again(r, "profile", v, err, profilePath)
	}
	if a.Release != nil {
		a.Release()
	}
	return page.Redirect("/account/profile", "profile_saved"), nil
}
