// Package oidc lets people sign in with OpenID providers that the declaration names (OpenID Connect Core 1.0, code flow).
//
// Policy: PKCE with S256, state and nonce always (RFC 9700); what a sign-in began with lies sealed in a cookie of the browser that began
// it and nowhere else, and works once. Of an ID token issuer, audience, authorised party, nonce, times and an asymmetric signature are
// checked, and the issuer named in the answer (RFC 9207). A person is (issuer, subject); an address is what the provider says it is, and
// only believed when the provider has verified it. An address that belongs to an account is never taken as a proof for it: who has an
// account links a provider from a signed-in, fresh session. New accounts are made where sign-up is open, or an invitation to the verified
// address waits. What was proved counts as a first factor; the session, or the question for the second, comes from signin.Machine.Prove.
// A session becomes fresh again when the provider says that the same person proved himself after he was asked to; an account with a
// second factor proves that instead. A sign-in is as fresh as what the provider says of its own session, where it says so.
// Providers are reached through a dial.Door only, when they are needed: one that is away stops nothing but its own sign-ins. Tokens are
// used and forgotten; no subject is stored, only its keyed hash.
//
// The map: oidc.go (parts, tables), party.go (what a provider says of itself, its keys), ask.go (speaking to it), flow.go (the beginning,
// sealed into a cookie), token.go (the end: exchange and proof), claim.go (the claims of tokens), enter.go (whose account), link.go
// (linking and unlinking), stepup.go (proving again), routes.go, code.go (refusals).
package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/dial"
)

// Provider is a declared provider with its secrets resolved.
type Provider struct {
	Name     string       // stands in paths
	Label    string       // for people; "" means the name
	Issuer   string       // exactly as the provider writes it
	ClientID string       //
	Secret   types.Secret // empty: a public client, which PKCE alone protects
	Scopes   []string     // beyond openid, email and profile
	Roles    []string     // what a newcomer gets; nil: Config.Roles
	Door     *dial.Door   // leads to the hosts of the issuer and of its endpoints, and nowhere else
}

// Config is the parts; all required unless they say otherwise.
type Config struct {
	DB        store.DB // the feed's
	Clock     types.Clock
	Ring      *seal.Ring
	Accounts  *account.Accounts
	Sessions  *session.Sessions
	Grants    *grant.Grants
	Throttle  *throttle.Throttle
	Machine   *signin.Machine
	Links     *signup.Links
	Profiles  signup.Profiles
	Providers []Provider   // none: no routes
	Open      bool         // anybody whose address a provider has verified gets an account
	Roles     []string     // what a newcomer gets
	Base      string       // "https://clinic.example": what redirect URIs begin with
	Log       *slog.Logger // nil: silence
	// Signed answers a sign-in that has become a session: cookies, and the end of the session that was there before.
	Signed func(ctx context.Context, r *plan.Request, step *signin.Step) (*plan.Answer, error)
	// Renewed answers a change that gave the session a new token.
	Renewed func(status string, s *session.Started) (*plan.Answer, error)
}

// Providers is sign-in with providers. It is safe for concurrent use.
type Providers struct {
	cfg     Config
	parties []*party
}

// New returns sign-in with the declared providers. It reaches none of them.
func New(cfg Config) (*Providers, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Providers{cfg: cfg}
	for _, one := range cfg.Providers {
		if one.Door == nil || one.Issuer == "" || one.ClientID == "" {
			return nil, fmt.Errorf("oidc: provider %s: issuer, client_id and a door are required", one.Name)
		}
		if _, ok := cfg.Grants.Set(one.Roles); !ok {
			return nil, fmt.Errorf("oidc: provider %s names a role that is not declared", one.Name)
		}
		if one.Label == "" {
			one.Label = one.Name
		}
		p.parties = append(p.parties, &party{Provider: one, clock: cfg.Clock, redirect: cfg.Base + "/auth/oidc/" + one.Name + "/callback", client: one.Door.Client()})
	}
	return p, nil
}

func (p *Providers) party(name string) *party {
	for _, one := range p.parties {
		if one.Name == name {
			return one
		}
	}
	return nil
}

// Listed is a provider as a page of sign-in shows it.
type Listed struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Start string `json:"start"` // the path that begins; ?return=/path says where to come back to
}

// List returns the providers in order of declaration.
func (p *Providers) List() []Listed {
	out := make([]Listed, 0, len(p.parties))
	for _, one := range p.parties {
		out = append(out, Listed{one.Name, one.Label, "/auth/oidc/" + one.Name})
	}
	return out
}

// key is the name under which a person of an issuer is stored.
func (p *Providers) key(issuer, subject string) types.Value {
	return types.BytesValue(p.cfg.Ring.MAC(seal.Account, "federated", issuer, subject))
}

var (
	markUsed = store.SQL(`INSERT INTO fastness_oidc_used (hash, expires) VALUES (?, ?)`)
	sweep    = store.SQL(`DELETE FROM fastness_oidc_used WHERE expires <= ?`)
)

// use makes a state work once. errBegin when it did already.
func (p *Providers) use(ctx context.Context, f *flow) error {
	h := seal.Hash(f.State)
	err := p.cfg.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, markUsed, types.BytesValue(h[:]), types.IntValue(f.Until))
		return err
	})
	var c *store.ConstraintError
	if errors.As(err, &c) && c.Kind == store.Unique {
		return errBegin
	}
	return err
}

// Sweep forgets states that could not be used any more.
func (p *Providers) Sweep(ctx context.Context) error {
	return p.cfg.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, sweep, types.IntValue(types.Micros(p.cfg.Clock.Now())))
		return err
	})
}

// Tables returns the tables of links and of states that were used.
func Tables() []store.Table {
	number := func(name string) store.Column {
		return store.Column{Name: name, Type: store.IntColumn, NotNull: true}
	}
	text := func(name string) store.Column {
		return store.Column{Name: name, Type: store.TextColumn, NotNull: true}
	}
	bytes := func(name string) store.Column {
		return store.Column{Name: name, Type: store.BytesColumn, NotNull: true}
	}
	return []store.Table{
		{Name: "fastness_federated", Primary: []string{"subject"},
			Columns: []store.Column{bytes("subject"), text("account"), text("issuer"), number("linked"), number("used")},
			Indexes: []store.Index{{Name: "fastness_federated_account", Columns: []string{"account", "issuer"}, Unique: true}},
			Foreign: []store.ForeignKey{{Name: "fastness_federated_owner", Columns: []string{"account"}, RefTable: "fastness_account",
				RefColumn: "id", OnDelete: store.Cascade}}},
		{Name: "fastness_oidc_used", Primary: []string{"hash"}, Columns: []store.Column{bytes("hash"), number("expires")},
			Indexes: []store.Index{{Name: "fastness_oidc_used_expires", Columns: []string{"expires"}}}},
	}
}

// flowAge is how long a sign-in may take at the provider.
const flowAge = 10 * time.Minute
