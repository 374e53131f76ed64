package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type tokensData struct {
	Tokens []token.Listed
	Roles  bool // the person has a role that a token could carry
}

func (p *Pages) tokens(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.mine(ctx, r, "API tokens", "/account/tokens")
	if err != nil {
		return nil, err
	}
	all, err := p.id.Self().Tokens(ctx, r.Caller)
	if err != nil {
		return nil, err
	}
	v.Data = tokensData{all, r.Caller.Roles != 0}
	return p.kit.Render(r, http.StatusOK, "tokens", v)
}

var verbs = []string{"read", "create", "update", "delete"}

// lives are how long a token may be made to last, in days.
var lives = []int{7, 30, 90, 365}

type tokenNewData struct {
	Roles       []page.Choice
	Collections []string
	Verbs       []string
	Lives       []page.Choice
	Narrow      bool
	Scope       map[string]bool // "articles.read" that were ticked
}

func (p *Pages) tokenNewView(ctx context.Context, r *plan.Request, form url.Values) (page.View, error) {
	v, err := p.mine(ctx, r, "New API token", "/account/tokens")
	if err != nil {
		return v, err
	}
	l := p.kit.Language(r)
	d := tokenNewData{Verbs: verbs, Narrow: form.Get("reach") != "all", Scope: map[string]bool{}}
	chosen := form["role[]"]
	roles := p.id.Grants().Names(r.Caller.Roles)
	for _, name := range roles {
		sole := form == nil && len(roles) == 1 // of several nobody gets all by not looking
		d.Roles = append(d.Roles, page.Choice{Value: name, Label: name, Selected: sole || slices.Contains(chosen, name)})
	}
	for _, c := range p.cfg.Plan.Collections {
		d.Collections = append(d.Collections, c.Name)
	}
	days := form.Get("days")
	if days == "" {
		days = "30"
	}
	for _, n := range lives {
		d.Lives = append(d.Lives, page.Choice{Value: strconv.Itoa(n), Label: p.kit.Text(l, "%d days", n), Selected: strconv.Itoa(n) == days})
	}
	for _, s := range form["scope[]"] {
		d.Scope[s] = true
	}
	v.Data = d
	if form != nil {
		v.Values = page.Typed(form)
	}
	return v, nil
}

func (p *Pages) showTokenNew(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	v, err := p.tokenNewView(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	return p.kit.Render(r, http.StatusOK, "token-new", v)
}

type tokenData struct {
	Name, Secret string
	Expires      time.Time
}

// issueToken tells the secret in the answer to the form itself: it is nowhere else to be read again.
func (p *Pages) issueToken(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	fresh, err := p.fresh(form)
	var secret types.Secret
	var made *token.Listed
	if err == nil {
		made, secret, err = p.id.Tokens().Issue(ctx, r.Caller, fresh)
	}
	if err != nil {
		v, gone := p.tokenNewView(ctx, r, form)
		if gone != nil {
			return nil, gone
		}
		return p.kit.Again(r, "token-new", v, err, nil)
	}
	v, err := p.mine(ctx, r, "Your new token", "/account/tokens")
	if err != nil {
		return nil, err
	}
	v.Self, v.Data = "", tokenData{made.Name, secret.Reveal(), made.Expires}
	return p.kit.Render(r, http.StatusOK, "token", v)
}

// fresh reads what a token shall be good for. Ticking nothing is nothing, not everything.
func (p *Pages) fresh(form url.Values) (token.Fresh, error) {
	out := token.Fresh{Name: strings.TrimSpace(form.Get("name")), Roles: form["role[]"]}
	days, err := strconv.Atoi(form.Get("days"))
	if err != nil || !slices.Contains(lives, days) {
		return out, refuseField("days", "range")
	}
	out.Expires = p.cfg.Clock.Now().Add(time.Duration(days) * 24 * time.Hour)
	if form.Get("reach") == "all" {
		return out, nil
	}
	out.Scope = map[string][]string{}
	for _, s := range form["scope[]"] {
		collection, verb, _ := strings.Cut(s, ".")
		if p.cfg.Plan.Collection(collection) == nil || !slices.Contains(verbs, verb) {
			return out, refuseField("scope", "unknown_action")
		}
		out.Scope[collection] = append(out.Scope[collection], verb)
	}
	if len(out.Scope) == 0 {
		return out, refuseField("scope", "unknown_action")
	}
	return out, nil
}

func refuseField(field, code string) error {
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values", Fields: []types.FieldError{{Path: field, Code: code}}}
}

func (p *Pages) revokeToken(ctx context.Context, r *plan.Request) (*plan.Answer, error) {
	form, err := page.Form(r)
	if err != nil {
		return nil, err
	}
	id, _ := types.ParseID(form.Get("id")) // a malformed id takes the same way as an absent one
	if err := p.id.Tokens().Revoke(ctx, r.Caller, id); err != nil && !errors.Is(err, token.ErrNone) {
		return nil, err
	}
	return page.Redirect("/account/tokens", "token_revoked"), nil
}
