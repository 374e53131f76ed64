package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errNoAction = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
		Fields: []types.FieldError{{Path: "action", Code: "unknown_action", Detail: "an action is read, create, update or delete"}}}
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
	best    *types.Caller // with every factor it has enrolled
	plain   *types.Caller // with the first factor alone
	twice   *types.Caller // with a second factor that is no passkey
	dormant types.RoleSet // held and out of its reach
}

// ExplainMay says in plain words what an account may do with a collection, under which conditions, and what is in the way of the rest.
// action narrows it to one; "" means all four. Which row it is about is left open: the conditions say so.
func (d *Desk) ExplainMay(ctx context.Context, by *types.Caller, id types.ID, collection, action string) ([]string, error) {
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
	m := &may{plan: d.cfg.Plan}
	err := d.cfg.DB.View(ctx, func(r store.Reader) error {
		var err error
		if m.acc, err = d.cfg.Accounts.Get(ctx, r, id); err != nil {
			return err
		}
		now := d.cfg.Clock.Now()
		caller := func(proved types.Factor) (*types.Caller, types.RoleSet, error) {
			force, dormant, _, err := d.cfg.Grants.InForce(ctx, r, id, proved, now)
			return &types.Caller{Kind: types.Signed, Account: id, Roles: force, Dormant: dormant, Factors: proved}, dormant, err
		}
		if m.best, m.dormant, err = caller(bestOf(m.acc)); err != nil {
			return err
		}
		if m.plain, _, err = caller(types.Password); err != nil {
			return err
		}
		m.twice, _, err = caller(twoSteps)
		return err
	})
	if errors.Is(err, account.ErrNone) {
		return nil, ErrNoUser
	}
	if err != nil {
		return nil, err
	}
	if m.acc.State != account.Active {
		return []string{fmt.Sprintf("nothing: the account %s", states[m.acc.State])}, nil
	}
	var lines []string
	for _, a := range actions {
		lines = append(lines, m.say(col, a)...)
	}
	return lines, nil
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
		if role.Org { // which organisation is active is the session's choice: here nobody holds its role
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
