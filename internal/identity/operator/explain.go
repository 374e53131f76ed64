package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/grant"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Explain says in plain words what stands between an account and its roles.
func (d *Desk) Explain(ctx context.Context, by *types.Caller, id types.ID) ([]string, error) {
	if err := d.mayManage(by); err != nil {
		return nil, err
	}
	var lines []string
	err := d.cfg.DB.View(ctx, func(r store.Reader) error {
		lines = nil
		acc, err := d.cfg.Accounts.Get(ctx, r, id)
		if err != nil {
			return err
		}
		grants, err := d.cfg.Grants.Of(ctx, r, id)
		if err != nil {
			return err
		}
		demanded, err := d.cfg.Grants.Required(ctx, r, id)
		if err != nil {
			return err
		}
		live, err := d.cfg.Sessions.List(ctx, r, id)
		if err != nil {
			return err
		}
		within, err := d.cfg.Belongs(ctx, r, id)
		if err != nil {
			return err
		}
		lines = d.explain(acc, grants, within, demanded, len(live))
		federated, err := d.cfg.Federated(ctx, r, id)
		if federated {
			lines = append(lines, "it is linked to an OpenID provider, by which its owner may sign in")
		}
		return err
	})
	if errors.Is(err, account.ErrNone) {
		return nil, ErrNoUser
	}
	return lines, err
}

// states says what each state means for its owner.
var states = map[account.State]string{account.Invited: "waits for its owner to use the enrolment link: it cannot sign in",
	account.Active: "is active", account.Disabled: "is disabled: it cannot sign in until it is enabled",
	account.Locked: "is locked: it cannot sign in until its owner follows a recovery letter", account.Erased: "was erased for good"}

func (d *Desk) explain(acc *account.Account, grants []grant.Grant, within []organisation.Organisation, demanded plan.Requirement, sessions int) []string {
	lines := []string{fmt.Sprintf("account %s %s", acc.ID, states[acc.State]),
		fmt.Sprintf("factors: %s, %s, %s; %s", count(acc.TOTP, "authenticator app"), count(acc.Passkeys, "passkey"),
			count(acc.Codes, "recovery code"), count(sessions, "live session"))}
	if demanded != plan.NoFactor {
		lines = append(lines, "an operator demands "+map[plan.Requirement]string{plan.AnyMFA: "a second factor", plan.PasskeyFactor: "a passkey"}[demanded]+" of it: its roles are dormant without")
	}
	if len(grants)+len(within) == 0 {
		lines = append(lines, "it holds no role")
	}
	now := d.cfg.Clock.Now()
	for _, g := range grants {
		role, declared := d.cfg.Grants.Role(g.Role)
		line := "role " + g.Role + ": "
		switch {
		case !declared:
			line += "is no longer declared and grants nothing"
		case !g.Expires.IsZero() && !now.Before(g.Expires):
			line += "expired " + g.Expires.UTC().Format(time.RFC3339)
		default:
			line += standing(acc, role, demanded)
		}
		if !g.Expires.IsZero() && now.Before(g.Expires) {
			line += "; it is held until " + g.Expires.UTC().Format(time.RFC3339)
		}
		lines = append(lines, line)
	}
	for _, o := range within {
		line := "is no longer declared and grants nothing"
		if role, declared := d.cfg.Grants.Role(o.Role); declared && role.Org {
			line = standing(acc, role, demanded) + ", where that organisation is the active one"
		}
		lines = append(lines, fmt.Sprintf("role %s within the organisation %s: %s", o.Role, o.Name, line))
	}
	return lines
}

// standing says when a role that an account holds is in force.
func standing(acc *account.Account, role plan.Role, demanded plan.Requirement) string {
	meets := func(f types.Factor) bool { return role.Requires.Met(f) && demanded.Met(f) }
	switch {
	case acc.State != account.Active:
		return "not in force, for nobody can sign in"
	case !meets(bestOf(acc)):
		return "dormant: it requires a factor that the account has not enrolled"
	case !meets(types.Password):
		return "in force in sessions that proved " + factorAsked(meets(twoSteps))
	}
	return "in force"
}

// count writes a number of things: "no passkeys", "1 passkey", "2 passkeys".
func count(n int, thing string) string {
	switch n {
	case 0:
		return "no " + thing + "s"
	case 1:
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// twoSteps is what a session has proved that meets every demand but that of a passkey.
const twoSteps = types.Password | types.TOTP

// factorAsked names what a session must have proved beside a password; any says whether every second factor will do.
func factorAsked(any bool) string {
	if any {
		return "a second factor"
	}
	return "a passkey"
}

// bestOf is what the account could prove with everything it has enrolled.
func bestOf(acc *account.Account) types.Factor {
	f := types.Password
	if acc.TOTP > 0 {
		f |= types.TOTP
	}
	if acc.Passkeys > 0 {
		f |= types.Passkey
	}
	return f
}
