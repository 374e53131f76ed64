package identity

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

func newOrganisations(i *Identity) *organisation.Organisations {
	cfg := organisation.Config{DB: i.db, Clock: i.cfg.Clock, Roster: i.roster, Accounts: i.accounts, Sessions: i.sessions, Throttle: i.throttle,
		Ring: i.cfg.Ring, Doors: i.links, Outbox: i.cfg.Outbox, Base: i.cfg.Base}
	if d := i.cfg.Plan.Decl.Organisations; d != nil {
		cfg.Open, cfg.Invite = d.SignUp == "create", d.Invite
	}
	return organisation.New(cfg)
}

// Organisations returns the tenants, for pages and the command line.
func (i *Identity) Organisations() *organisation.Organisations { return i.organisations }

// InForce is session.RolesOf of the room.
func (i *Identity) InForce(ctx context.Context, r store.Reader, account, org types.ID, proved types.Factor, now time.Time) (within types.ID, force, dormant types.RoleSet, until time.Time, err error) {
	return i.roster.InForce(ctx, r, account, org, proved, now)
}

// OrgOf is the organisation that is, or was, active in a session of an account; "" for none, and for a session that is gone.
func (i *Identity) OrgOf(ctx context.Context, r store.Reader, account, session types.ID) (types.ID, error) {
	return i.sessions.OrgOf(ctx, r, account, session)
}

// OrganisationTables returns what a declaration with organisations needs beside Tables. They reference the plan's own.
func OrganisationTables() []store.Table { return organisation.Tables() }

// belongs is operator.Config.Belongs.
func (i *Identity) belongs(ctx context.Context, r store.Reader, account types.ID) ([]organisation.Organisation, error) {
	if i.cfg.Plan.Decl.Organisations == nil {
		return nil, nil
	}
	return i.organisations.Of(ctx, r, account)
}

func (i *Identity) sweepOrganisations(ctx context.Context) error {
	if i.cfg.Plan.Decl.Organisations == nil {
		return nil
	}
	return i.organisations.Sweep(ctx)
}
