package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/identity/organisation"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errNoAction = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
		Fields: []types.FieldError{{Path: "action", Code: "unknown_action", Detail: "an action is read, create, update or delete"}}}
	errNotWithin = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
		Fields: []types.FieldError{{Path: "org", Code: "not_found", Detail: "the account belongs to no such organisation; leave it out"}}}
)

// collections names what there is.
func collections(p *plan.Plan) string {
	var out []string
	for _, c := range p.Collections {
		out = append(out, c.Name)
	}
	return strings.Join(out, ", ")
}

// may is what an account could do at most, and with its password alone.
type may struct {
	plan    *plan.Plan
	acc     *account.Account
	best    *types.Caller              // with every factor it has enrolled
	plain   *types.Caller              // with the first factor alone
	twice   *types.Caller              // with a second factor that is no passkey
	dormant types.RoleSet              // held and out of its reach
	org     *organisation.Organisation // the active one; nil: none
}

// ExplainMay says in plain words what an account may do with a collection, under which conditions, and what is in the way of the rest.
// action narrows it to one; "" means all four. org is the active organisation; "" tells of each that the account belongs to, when what
// it may do differs there. Which row it is about is left open: the conditions say so.
func (d *Desk) ExplainMay(ctx context.Context, by *types.Caller, id, org types.ID, collection, action string) ([]string, error) {
	if err := d.mayManage(by); err != nil {
		return nil, err
	}
	col := d.cfg.Plan.Collection(collection)
	if col == nil {
		return nil, types.Refuse(types.NotFound, "unknown_collection", "the declaration has no such collection; it has: "+collections(d.cfg.Plan))
	}
	actions := []types.Action{types.Read, types.Create, types.Update, types.Delete}
	if action != "" {
		one := types.ParseAction(action)
		if one == 0 {
			return nil, errNoAction
		}
		actions = []types.Action{one}
	}
	var places []*may
	err := d.cfg.DB.View(ctx, func(r store.Reader) (err error) {
		places, err = d.places(ctx, r, id, org)
		return err
	})
	if errors.Is(err, account.ErrNone) {
		return nil, ErrNoUser
	}
	if err != nil {
		return nil, err
	}
	if acc := places[0].acc; acc.State != account.Active {
		return []string{fmt.Sprintf("nothing: the account %s", states[acc.State])}, nil
	}
	var lines []string
	for _, m := range places {
		for _, a := range actions {
			for _, line := range m.say(col, a) {
				if m.org == nil {
					lines = append(lines, line)
				} else if org != "" || !slices.Contains(lines, line) {
					lines = append(lines, "in "+m.org.Name+": "+line)
				}
			}
		}
	}
	return lines, nil
}

// places are what the account is without an organisation and in each that it belongs to, or in the one asked for.
func (d *Desk) places(ctx context.Context, r store.Reader, id, org types.ID) ([]*may, error) {
	acc, err := d.cfg.Accounts.Get(ctx, r, id)
	if err != nil {
		return nil, err
	}
	within, err := d.cfg.Belongs(ctx, r, id)
	if err != nil {
		return nil, err
	}
	var out []*may
	if org == "" {
		out = []*may{{}}
	}
	for i := range within {
		if org == "" || within[i].ID == org {
			out = append(out, &may{org: &within[i]})
		}
	}
	if len(out) == 0 {
		return nil, errNotWithin
	}
	for _, m := range out {
		m.plan, m.acc = d.cfg.Plan, acc
		if err := d.callers(ctx, r, id, m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// callers fills in what the account is with each sort of sign-in, its role in the organisation included.
func (d *Desk) callers(ctx context.Context, r store.Reader, id types.ID, m *may) error {
	demanded, err := d.cfg.Grants.Required(ctx, r, id)
	if err != nil {
		return err
	}
	for to, proved := range map[**types.Caller]types.Factor{&m.best: bestOf(m.acc), &m.plain: types.Password, &m.twice: twoSteps} {
		force, dormant, _, err := d.cfg.Grants.InForce(ctx, r, id, proved, d.cfg.Clock.Now())
		if err != nil {
			return err
		}
		*to = &types.Caller{Kind: types.Signed, Account: id, Factors: proved}
		if m.org != nil {
			(*to).Org = m.org.ID
			if role, declared := d.cfg.Grants.Role(m.org.Role); declared && role.Org {
				if role.Requires.Met(proved) && demanded.Met(proved) {
					force |= role.Set
				} else {
					dormant |= role.Set
				}
			}
		}
		(*to).Roles, (*to).Dormant = force, dormant
		if to == &m.best {
			m.dormant = dormant
		}
	}
	return nil
}

// indexes are the rules that an action could use.
func (m *may) indexes(col *plan.Collection, a types.Action, by *types.Caller) []int {
	var out []int
	for _, f := range m.plan.For(col, a, by) {
		out = append(out, f.Rule.Index)
	}
	return out
}

// say is the answer for one action.
func (m *may) say(col *plan.Collection, a types.Action) []string {
	head := a.String() + " of " + col.Name + ": "
	var lines []string
	plain, twice := m.indexes(col, a, m.plain), m.indexes(col, a, m.twice)
	for _, f := range m.plan.For(col, a, m.best) {
		line := head + "yes, " + f.Words(col) + ", when " + rule.English(f.When, m.plan.Scope(col, a))
		if !slices.Contains(plain, f.Rule.Index) {
			line += ", in sessions that proved " + factorAsked(slices.Contains(twice, f.Rule.Index))
		}
		lines = append(lines, line+f.Terms())
	}
	if len(lines) > 0 {
		return lines
	}
	line := head + "no"
	var dormant, lacking, within []string
	for _, role := range m.plan.Roles {
		if m.best.Roles.Has(role.Set) || len(m.plan.For(col, a, &types.Caller{Kind: types.Signed, Account: m.acc.ID, Roles: m.best.Roles | role.Set})) == 0 {
			continue
		}
		if role.Org && m.org == nil { // which organisation is active is the session's choice: here nobody holds its role
			within = append(within, role.Name)
		} else if m.dormant.Has(role.Set) {
			dormant = append(dormant, role.Name)
		} else {
			lacking = append(lacking, role.Name)
		}
	}
	switch {
	case len(dormant) > 0:
		line += "; it holds " + strings.Join(dormant, " and ") + ", which is dormant until a factor is enrolled and proved"
	case len(lacking) > 0:
		line += "; it would take the role " + strings.Join(lacking, " or ")
	case len(within) > 0: // said below
	default:
		line += "; no rule grants it to anybody"
	}
	if len(within) > 0 {
		line += "; within an organisation whoever is " + strings.Join(within, " or ") + " there may"
	}
	return []string{line}
}
