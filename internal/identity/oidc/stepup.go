package oidc

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// skew is how far a provider's clock may be from ours when it says that somebody has just proved himself. It is well below any freshness
// that is worth demanding: a proof from so short a time before would have counted as fresh anyway.
const skew = time.Minute

// again asks the provider to let the person prove himself, whatever he is signed in as there (OpenID Connect Core 1.0, section 3.1.2.1).
// A provider that is asked for max_age owes auth_time in the ID token; without it nobody could tell whether it asked anybody anything.
func again(q url.Values) {
	q.Set("prompt", "login")
	q.Set("max_age", "0")
}

// StepUp begins to prove the caller again with a provider that his account is linked to; the browser ends it at the callback, in the same
// session. An account with a second factor proves that instead: signin.ErrEnrolled. returnTo is a path of ours.
func (p *Providers) StepUp(ctx context.Context, who *types.Caller, name, returnTo string) (*Began, error) {
	one := p.party(name)
	if one == nil {
		return nil, errUnknown
	}
	if who.Kind != types.Signed || who.Session == "" || who.Token != "" {
		return nil, session.ErrRequired
	}
	linked, second, err := p.ways(ctx, who)
	switch {
	case err != nil:
		return nil, err
	case !slices.ContainsFunc(linked, func(l Linked) bool { return l.Name == one.Name }):
		return nil, errUnknown
	case second:
		return nil, signin.ErrEnrolled
	}
	return p.begin(ctx, one, steppingUp, back(returnTo), types.Secret{}, who)
}

// Provers lists the providers with which the caller can prove himself again: none when he has a second factor.
func (p *Providers) Provers(ctx context.Context, who *types.Caller) ([]Linked, error) {
	linked, second, err := p.ways(ctx, who)
	if second {
		linked = nil
	}
	return linked, err
}

// ways lists the declared providers that the caller's account is linked to, and tells whether it has a second factor.
func (p *Providers) ways(ctx context.Context, who *types.Caller) (linked []Linked, second bool, err error) {
	err = p.cfg.DB.View(ctx, func(r store.Reader) error {
		acc, err := p.cfg.Accounts.Get(ctx, r, who.Account)
		if err != nil {
			return err
		}
		all, err := p.Links(ctx, r, who.Account)
		linked, second = slices.DeleteFunc(all, func(l Linked) bool { return l.Name == "" }), acc.Second()
		return err
	})
	return linked, second, err
}

// confirm ends what StepUp began: the same person of the same issuer, in the same session, proved after the beginning. Anything else
// leaves the session as it was.
func (p *Providers) confirm(ctx context.Context, one *party, f *flow, w *person, r *plan.Request) (*session.Started, error) {
	who, err := p.still(ctx, f, r)
	if err != nil {
		return nil, err
	}
	at, err := p.since(f, w.proved)
	if err != nil {
		return nil, &failure{code: Unproved, account: f.Account, why: err}
	}
	var out *session.Started
	err = p.cfg.DB.Write(ctx, func(tx store.Tx) error {
		id, err := p.owner(ctx, tx, one.Issuer, w.subject)
		if err != nil {
			return err
		}
		if id != who.Account {
			return &failure{code: Another, account: f.Account}
		}
		if _, err := tx.Exec(ctx, touchLink, types.IntValue(types.Micros(p.cfg.Clock.Now())), p.key(one.Issuer, w.subject)); err != nil {
			return err
		}
		out, err = p.cfg.Machine.StepUpFederated(ctx, tx, who, at)
		return err
	})
	return out, err
}

// since judges when the person proved himself to the provider: between the beginning of the flow and now, give or take the skew of
// clocks. It gives that moment, moved between the two.
func (p *Providers) since(f *flow, proved time.Time) (time.Time, error) {
	began, now := types.FromMicros(f.Began), p.cfg.Clock.Now()
	switch {
	case proved.IsZero():
		return time.Time{}, errors.New("the provider does not say when the person proved himself")
	case proved.Before(began.Add(-skew)):
		return time.Time{}, errors.New("the person proved himself before he was asked to")
	case proved.After(now.Add(skew)):
		return time.Time{}, errors.New("the person will prove himself in the future")
	case proved.Before(began):
		return began, nil
	case proved.After(now):
		return now, nil
	}
	return proved, nil
}
