package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	ownerOf    = store.SQL(`SELECT account FROM fastness_federated WHERE subject = ?`)
	insertLink = store.SQL(`INSERT INTO fastness_federated (subject, account, issuer, linked, used) VALUES (?, ?, ?, ?, ?)`)
	touchLink  = store.SQL(`UPDATE fastness_federated SET used = ? WHERE subject = ?`)
)

// owner returns the account that a person of an issuer is linked to; "" for none.
func (p *Providers) owner(ctx context.Context, r store.Reader, issuer, subject string) (types.ID, error) {
	rows, err := r.Query(ctx, ownerOf, p.key(issuer, subject))
	if err != nil {
		return "", err
	}
	defer rows.Close()
	if rows.Next() {
		return types.ID(rows.Text(0)), nil
	}
	return "", rows.Err()
}

// enter signs a person in: to the account that is linked to him, or to a new one, or to the one that he was invited to.
func (p *Providers) enter(ctx context.Context, one *party, m *metadata, w *person, c signin.Client) (*signin.Step, error) {
	var known types.ID
	if err := p.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		known, err = p.owner(ctx, r, one.Issuer, w.subject)
		return err
	}); err != nil {
		return nil, err
	}
	if known == "" {
		if err := p.complete(ctx, one, m, w); err != nil {
			return nil, err
		}
	}
	var step *signin.Step
	err := p.cfg.DB.Write(ctx, func(tx store.Tx) error {
		id, err := p.owner(ctx, tx, one.Issuer, w.subject)
		if err == nil && id == "" {
			id, err = p.join(ctx, tx, one, w, c)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, touchLink, types.IntValue(types.Micros(p.cfg.Clock.Now())), p.key(one.Issuer, w.subject)); err != nil {
			return err
		}
		if step, err = p.cfg.Machine.Prove(ctx, tx, signin.Proof{Account: id, Factors: types.Federated, Client: c, At: w.proved}); err != nil && types.KindOf(err) == types.Unauthenticated {
			return &failure{code: Refused, account: id}
		}
		return err
	})
	return step, err
}

// join gives a person who is new here an account: the one he was invited to, or one of his own where sign-up is open.
func (p *Providers) join(ctx context.Context, tx store.Tx, one *party, w *person, c signin.Client) (types.ID, error) {
	if !w.verified {
		return "", fail(Unverified, nil)
	}
	email, err := account.Canonical(w.email)
	if err != nil {
		return "", fail(Unverified, nil)
	}
	acc, err := p.cfg.Accounts.Find(ctx, tx, email)
	switch {
	case errors.Is(err, account.ErrNone) && p.cfg.Open:
		return p.create(ctx, tx, one, w, email, c)
	case errors.Is(err, account.ErrNone):
		return "", fail(Uninvited, nil)
	case err != nil:
		return "", err
	}
	invited, err := p.cfg.Links.Invited(ctx, tx, acc)
	if err != nil {
		return "", err
	}
	if !invited {
		return "", &failure{code: Exists, account: acc.ID}
	}
	if err := p.cfg.Links.Accept(ctx, tx, acc.ID, c); err != nil {
		return "", err
	}
	return acc.ID, p.link(ctx, tx, one, w.subject, acc.ID)
}

func (p *Providers) create(ctx context.Context, tx store.Tx, one *party, w *person, email string, c signin.Client) (types.ID, error) {
	now := p.cfg.Clock.Now()
	id := types.NewID(now)
	if err := p.cfg.Profiles.Create(ctx, tx, id, p.profile(w)); err != nil {
		return "", err
	}
	err := p.cfg.Accounts.Create(ctx, tx, account.Fresh{ID: id, State: account.Active, Email: email, Verified: true})
	if errors.Is(err, account.ErrTaken) {
		return "", fail(Exists, nil)
	}
	if err != nil {
		return "", err
	}
	roles := one.Roles
	if roles == nil {
		roles = p.cfg.Roles
	}
	for _, role := range roles {
		if err := p.cfg.Grants.Add(ctx, tx, &types.Caller{Kind: types.System, Reason: "sign-up with " + one.Name}, id, role, time.Time{}); err != nil {
			return "", err
		}
	}
	e := types.NewEntry(types.SignUp, types.Done, &types.Caller{Address: c.Address, RequestID: c.RequestID}, now)
	e.Collection, e.Row, e.Code = "accounts", id, "federated:"+one.Name
	if err := tx.Record(e); err != nil {
		return "", err
	}
	return id, p.link(ctx, tx, one, w.subject, id)
}

// profile is what of a person fits the declared accounts: a name, if they have one and demand nothing that a provider does not know.
func (p *Providers) profile(w *person) json.RawMessage {
	fields, err := json.Marshal(map[string]string{"name": w.name})
	if err != nil || w.name == "" || p.cfg.Profiles.Check(fields) != nil {
		return nil
	}
	return fields
}

// link stores that a person of a provider and an account are one.
func (p *Providers) link(ctx context.Context, tx store.Tx, one *party, subject string, id types.ID) error {
	now := types.IntValue(types.Micros(p.cfg.Clock.Now()))
	_, err := tx.Exec(ctx, insertLink, p.key(one.Issuer, subject), types.IDValue(id), types.TextValue(one.Issuer), now, now)
	var c *store.ConstraintError
	if errors.As(err, &c) && c.Kind == store.Unique {
		return &failure{code: Elsewhere, account: id}
	}
	return err
}
