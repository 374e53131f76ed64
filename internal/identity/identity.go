// Package identity is the room of people: who they are, how they prove it, what they hold, how long it lasts. This root
// package puts the parts together and offers them to the rooms above: Authenticate to edge, Routes to whoever mounts them,
// the operator's desk to the command line.
//
// Policy: one door to a session (signin.Machine.Prove). A presented credential that is not valid is refused, never
// anonymous. Every act is evidence in its own transaction, refusals included. Nothing here reads the Host header.
//
// The map: account (states, addresses, sealed hashes) · session (tokens, cache) · grant (roles) · throttle (guesses) ·
// signin (the state machine) · signup (links: sign-up, invitation, recovery, address) · token (API tokens) · feed
// (revocation between processes) · operator (the desk) · password and foreign (hashes). In this package: identity.go,
// authenticate.go, routes.go and one file per group of endpoints.
package identity

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/identity/operator"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/identity/passkey"
	"github.com/fastness-dev/fastness/internal/identity/recovery"
	"github.com/fastness-dev/fastness/internal/identity/selfservice"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/identity/signin"
	"github.com/fastness-dev/fastness/internal/identity/signup"
	"github.com/fastness-dev/fastness/internal/identity/throttle"
	"github.com/fastness-dev/fastness/internal/identity/token"
	"github.com/fastness-dev/fastness/internal/identity/totp"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Config is what the room needs. Fields are required unless they say otherwise.
type Config struct {
	DB        store.DB
	Clock     types.Clock
	Plan      *plan.Plan
	Ring      *seal.Ring
	Passwords signin.Passwords
	Policy    signup.Policy
	Profiles  signup.Profiles
	Outbox    signup.Outbox
	Factors   []signin.Factor // in place of the room's own (passkeys, authenticator app, recovery codes); nil: those
	Base      string          // "https://clinic.example[:port]": what links in mail begin with; never taken from a request
	Shared    bool            // other processes use the same database
	Silence   time.Duration   // with Shared: without news until caches are off; 0 means 3 s
	Throttle  throttle.Limits // zero: the defaults
	Providers []oidc.Provider // that people may sign in with; none: none
	Log       *slog.Logger    // what providers did wrong; nil: silence
	// Floor and Wait are the common floor of failed answers: see signin.Config.
	Floor time.Duration
	Wait  func(context.Context, time.Duration)
}

// Identity is the room. It is safe for concurrent use.
type Identity struct {
	*operator.Desk
	cfg      Config
	db       store.DB
	feed     *feed.Feed
	accounts *account.Accounts
	sessions *session.Sessions
	grants   *grant.Grants
	throttle *throttle.Throttle
	machine  *signin.Machine
	links    *signup.Links
	tokens   *token.Tokens
	app      *totp.TOTP
	passkeys *passkey.Passkeys
	codes    *recovery.Codes
	self     *selfservice.Self

	providers     *oidc.Providers
	organisations *organisation.Organisations
	roster        *organisation.Roster
}

// New puts the room together. It reads nothing yet; call Run for what goes on in the background.
func New(cfg Config) (*Identity, error) {
	if cfg.DB == nil || cfg.Clock == nil || cfg.Plan == nil || cfg.Ring == nil || cfg.Passwords == nil || cfg.Policy == nil ||
		cfg.Profiles == nil || cfg.Outbox == nil || cfg.Base == "" {
		return nil, errors.New("identity: new: a required part is missing")
	}
	d := cfg.Plan.Decl
	i := &Identity{cfg: cfg}
	i.feed = feed.New(feed.Config{DB: cfg.DB, Clock: cfg.Clock, Shared: cfg.Shared, Silence: cfg.Silence})
	i.db = i.feed.DB()
	i.accounts = account.New(cfg.Ring, cfg.Clock)
	i.grants = grant.New(cfg.Plan.Roles, cfg.Clock)
	i.roster = organisation.NewRoster(cfg.Plan, i.grants)
	i.sessions = session.New(session.Config{Feed: i.feed, Clock: cfg.Clock, Roles: i.roster.InForce, Home: i.roster.Home, Idle: d.Session.Idle,
		Absolute: d.Session.Absolute, Parallel: d.Session.Parallel, Development: cfg.Plan.Development()})
	i.tokens = token.New(token.Config{Feed: i.feed, Clock: cfg.Clock, Roles: i.roster})
	i.throttle = throttle.New(i.db, cfg.Clock, cfg.Ring, cfg.Throttle)
	i.app = totp.New(totp.Config{Clock: cfg.Clock, Ring: cfg.Ring, Issuer: d.Service.Name})
	i.codes = recovery.New(cfg.Ring, i.accounts)
	var err error
	if i.passkeys, err = passkey.New(passkey.Config{Clock: cfg.Clock, Ring: cfg.Ring, Base: cfg.Base, Service: d.Service.Name}); err != nil {
		return nil, err
	}
	if cfg.Factors == nil {
		cfg.Factors = []signin.Factor{i.passkeys, i.app, i.codes}
	}
	i.machine = signin.New(signin.Config{DB: i.db, Clock: cfg.Clock, Accounts: i.accounts, Sessions: i.sessions,
		Throttle: i.throttle, Ring: cfg.Ring, Passwords: cfg.Passwords, Factors: cfg.Factors, Floor: cfg.Floor, Wait: cfg.Wait,
		Notify: func(ctx context.Context, tx store.Tx, n signin.Notice) error { return i.links.Notify(ctx, tx, n) }})
	i.self = selfservice.New(selfservice.Config{DB: i.db, Clock: cfg.Clock, Accounts: i.accounts, Sessions: i.sessions, Machine: i.machine,
		App: i.app, Passkeys: i.passkeys, Codes: i.codes, Tokens: i.tokens,
		Federated: func(ctx context.Context, r store.Reader, id types.ID) (bool, error) {
			return i.providers.Has(ctx, r, id)
		},
		Distrust: func(ctx context.Context, tx store.Tx, id, but types.ID) error {
			return i.links.Distrust(ctx, tx, id, but)
		}})
	if _, ok := i.grants.Set(d.SignUp.Roles); !ok {
		return nil, errors.New("identity: new: sign_up names a role that is not declared; correct sign_up.roles")
	}
	mode := d.SignUp.Mode
	if mode == "" {
		mode = "invite"
	}
	i.links = signup.New(signup.Config{DB: i.db, Clock: cfg.Clock, Accounts: i.accounts, Sessions: i.sessions, Grants: i.grants,
		Throttle: i.throttle, Machine: i.machine, Ring: cfg.Ring, Passwords: cfg.Passwords, Policy: cfg.Policy,
		Profiles: cfg.Profiles, Outbox: cfg.Outbox, Close: i.close, Above: i.roster.Above, Mode: mode, Roles: d.SignUp.Roles, Base: cfg.Base, Service: d.Service.Name})
	if err := i.federate(cfg); err != nil {
		return nil, err
	}
	i.organisations = newOrganisations(i)
	i.Desk = operator.New(operator.Config{DB: i.db, Clock: cfg.Clock, Plan: cfg.Plan, Accounts: i.accounts, Sessions: i.sessions,
		Grants: i.grants, Links: i.links, Profiles: cfg.Profiles, Tokens: i.tokens, App: i.app, Passkeys: i.passkeys, Codes: i.codes,
		Federated: i.providers.Has, Belongs: i.belongs, Above: i.roster.Above})
	return i, nil
}

// Run follows the feed until ctx ends.
func (i *Identity) Run(ctx context.Context) { i.feed.Run(ctx) }

// Sweep deletes what is over. A failure is left to the next round: nothing that is over is honoured meanwhile.
func (i *Identity) Sweep(ctx context.Context) {
	for _, f := range []func(context.Context) error{i.sessions.Sweep, i.machine.Sweep, i.links.Sweep, i.throttle.Sweep,
		i.tokens.Sweep, i.providers.Sweep, i.sweepOrganisations} {
		if f(ctx) != nil {
			return
		}
	}
}

// DB is the database that announces to the feed: whatever changes accounts, sessions or grants must write through it.
func (i *Identity) DB() store.DB { return i.db }

// Watch calls fn for each account and each session (one of the two is empty) whose standing changed, in this process or
// another, and with both empty after this process was cut off from the others, when anyone's may have: for streams that outlive
// the request that opened them. fn must be quick and must not write.
func (i *Identity) Watch(fn func(account, session types.ID)) {
	i.feed.Subscribe(func(n feed.Note) {
		switch n.Kind {
		case feed.Account:
			fn(n.Subject, "")
		case feed.Session:
			fn("", n.Subject)
		case feed.Missed:
			fn("", "")
		}
	})
}

// Machine is the one door to a session, for factors and providers that live in packages of their own.
func (i *Identity) Machine() *signin.Machine { return i.machine }

// Accounts, Sessions, Grants and Links are the room's nouns, for pages and consoles.
func (i *Identity) Accounts() *account.Accounts { return i.accounts }

// Sessions returns the sessions.
func (i *Identity) Sessions() *session.Sessions { return i.sessions }

// Grants returns the grants.
func (i *Identity) Grants() *grant.Grants { return i.grants }

// Links returns the ways in that begin with a link.
func (i *Identity) Links() *signup.Links { return i.links }

// Self returns what a signed-in person does with what is his own.
func (i *Identity) Self() *selfservice.Self { return i.self }

// Tokens returns the API tokens.
func (i *Identity) Tokens() *token.Tokens { return i.tokens }

// Tables returns the tables of the whole room, referenced ones first. They reference accounts, which is the plan's.
func Tables() []store.Table {
	var out []store.Table
	for _, t := range [][]store.Table{account.Tables(), feed.Tables(), session.Tables(), grant.Tables(), throttle.Tables(),
		signin.Tables(), signup.Tables(), token.Tables(), passkey.Tables(), totp.Tables(), recovery.Tables(), oidc.Tables()} {
		out = append(out, t...)
	}
	return out
}
