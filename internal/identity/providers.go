package identity

import (
	"context"

	"github.com/fastness-dev/fastness/internal/identity/oidc"
	"github.com/fastness-dev/fastness/internal/identity/session"
	"github.com/fastness-dev/fastness/internal/plan"
)

// federate puts sign-in with providers together.
func (i *Identity) federate(cfg Config) (err error) {
	d := cfg.Plan.Decl
	i.providers, err = oidc.New(oidc.Config{DB: i.db, Clock: cfg.Clock, Ring: cfg.Ring, Accounts: i.accounts, Sessions: i.sessions, Grants: i.grants,
		Throttle: i.throttle, Machine: i.machine, Links: i.links, Profiles: cfg.Profiles, Providers: cfg.Providers, Open: d.SignUp.Mode == "open",
		Roles: d.SignUp.Roles, Base: cfg.Base, Log: cfg.Log, Signed: i.Stepped,
		Renewed: func(status string, s *session.Started) (*plan.Answer, error) {
			return i.renewed(context.Background(), status, s)
		}})
	return err
}

// Providers returns sign-in with OpenID providers, for pages: which there are, and linking.
func (i *Identity) Providers() *oidc.Providers { return i.providers }
