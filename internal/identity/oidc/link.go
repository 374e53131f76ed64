package oidc

import (
	"context"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Linked is a provider that an account is linked to.
type Linked struct {
	Name   string    `json:"name"` // "" for a provider that is no longer declared
	Label  string    `json:"label"`
	Linked time.Time `json:"linked"`
	Used   time.Time `json:"used"`
}

// Refusals of linking and unlinking.
var (
	errUnknown = types.Refuse(types.NotFound, "not_found", "there is no such provider, or your account is not linked to it; GET /auth/oidc lists those that there are")
	errLastWay = types.Refuse(types.Conflict, "last_way_in", "this is the only way into the account; set a password or add a passkey first")
)

var linksOf = store.SQL(`SELECT issuer, linked, used FROM fastness_federated WHERE account = ? ORDER BY linked, issuer`)

// Links returns the providers that an account is linked to.
func (p *Providers) Links(ctx context.Context, r store.Reader, id types.ID) ([]Linked, error) {
	rows, err := r.Query(ctx, linksOf, types.IDValue(id))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Linked{}
	for rows.Next() {
		l := Linked{Label: rows.Text(0), Linked: types.FromMicros(rows.Int(1)), Used: types.FromMicros(rows.Int(2))}
		for _, one := range p.parties {
			if one.Issuer == rows.Text(0) {
				l.Name, l.Label = one.Name, one.Label
			}
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// Mine lists the providers that the caller's account is linked to, and the declared ones that it is not.
func (p *Providers) Mine(ctx context.Context, who *types.Caller) (have []Linked, more []Listed, err error) {
	if err := p.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		have, err = p.Links(ctx, r, who.Account)
		return err
	}); err != nil {
		return nil, nil, err
	}
	for _, l := range p.List() {
		if !slices.ContainsFunc(have, func(h Linked) bool { return h.Name == l.Name }) {
			more = append(more, l)
		}
	}
	return have, more, nil
}

// Has reports whether a provider is a way into the account: whether it is linked to one that is declared.
func (p *Providers) Has(ctx context.Context, r store.Reader, id types.ID) (bool, error) {
	n, err := p.declared(ctx, r, id)
	return n > 0, err
}

var forget = store.SQL(`DELETE FROM fastness_federated WHERE account = ?`)

// Forget parts the account from all providers.
func (p *Providers) Forget(ctx context.Context, tx store.Tx, id types.ID) error {
	_, err := tx.Exec(ctx, forget, types.IDValue(id))
	return err
}

// Link begins to link the caller's account with a provider; the browser ends it at the callback, in the same session. The caller must
// be fresh, which the route demands. back is a path of ours to return to.
func (p *Providers) Link(ctx context.Context, who *types.Caller, name, returnTo string) (*Began, error) {
	one := p.party(name)
	if one == nil {
		return nil, errUnknown
	}
	if who.Kind != types.Signed || who.Session == "" || who.Token != "" {
		return nil, session.ErrRequired
	}
	return p.begin(ctx, one, linking, back(returnTo), types.Secret{}, who)
}

// still returns who is in the browser that ends a flow, which must be the session that began it: otherwise somebody's callback could link
// his person to another's account, or prove another's session.
func (p *Providers) still(ctx context.Context, f *flow, r *plan.Request) (*types.Caller, error) {
	found, err := p.cfg.Sessions.Authenticate(ctx, r.Token.Reveal(), session.Cookie)
	if err != nil || found.Caller.Session != f.Session || found.Caller.Account != f.Account || found.Caller.Epoch != f.Epoch {
		if err != nil && types.KindOf(err) == types.Unavailable {
			return nil, err
		}
		return nil, errBegin
	}
	who := found.Caller
	who.Address, who.RequestID, who.Language = r.Address, r.Caller.RequestID, r.Caller.Language
	return &who, nil
}

// attach ends what Link began. A way in is new, so every other session ends.
func (p *Providers) attach(ctx context.Context, one *party, m *metadata, f *flow, w *person, r *plan.Request) (*session.Started, error) {
	who, err := p.still(ctx, f, r)
	if err != nil {
		return nil, err
	}
	if err := p.complete(ctx, one, m, w); err != nil {
		return nil, err
	}
	if !w.verified {
		return nil, &failure{code: Unverified, account: f.Account}
	}
	var out *session.Started
	err = p.cfg.DB.Write(ctx, func(tx store.Tx) error {
		switch id, err := p.owner(ctx, tx, one.Issuer, w.subject); {
		case err != nil:
			return err
		case id == who.Account:
			return &failure{code: Once, account: who.Account}
		case id != "":
			return &failure{code: Elsewhere, account: who.Account}
		}
		all, err := p.Links(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		for _, l := range all {
			if l.Name == one.Name {
				return &failure{code: Once, account: who.Account}
			}
		}
		if err := p.link(ctx, tx, one, w.subject, who.Account); err != nil {
			return err
		}
		out, err = p.cfg.Machine.ChangeFactor(ctx, tx, who, types.Federated, len(all)+1, true, 0)
		return err
	})
	return out, err
}

var unlink = store.SQL(`DELETE FROM fastness_federated WHERE account = ? AND issuer = ?`)

// Unlink parts the caller's account from a provider, unless that is the only way into it. Every other session ends.
func (p *Providers) Unlink(ctx context.Context, who *types.Caller, name string) (*session.Started, error) {
	one := p.party(name)
	if one == nil {
		return nil, errUnknown
	}
	if who.Kind != types.Signed || who.Session == "" || who.Token != "" {
		return nil, session.ErrRequired
	}
	var out *session.Started
	err := p.cfg.DB.Write(ctx, func(tx store.Tx) error {
		n, err := tx.Exec(ctx, unlink, types.IDValue(who.Account), types.TextValue(one.Issuer))
		if err != nil {
			return err
		}
		if n == 0 {
			return errUnknown
		}
		acc, err := p.cfg.Accounts.Get(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		left, err := p.declared(ctx, tx, who.Account)
		if err != nil {
			return err
		}
		if acc.PHC.Empty() && acc.Passkeys == 0 && left == 0 {
			return errLastWay
		}
		out, err = p.cfg.Machine.ChangeFactor(ctx, tx, who, types.Federated, left, false, 0)
		return err
	})
	return out, err
}

// declared counts the links of an account to providers that are still declared: only those are ways in.
func (p *Providers) declared(ctx context.Context, r store.Reader, id types.ID) (int, error) {
	all, err := p.Links(ctx, r, id)
	n := 0
	for _, l := range all {
		if l.Name != "" {
			n++
		}
	}
	return n, err
}
