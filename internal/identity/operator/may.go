package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fastness-dev/fastness/internal/identity/account"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	errNoCollection = types.Refuse(types.NotFound, "unknown_collection", "the declaration has no such collection; fastness check lists them")
	errNoAction     = &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "correct the named values",
		Fields: []types.FieldError{{Path: "action", Code: "unknown_action", Detail: "an action is read, create, update or delete"}}}
)

// may is what an account could do at most, and with its password alone.
type may struct {
	plan    *plan.Plan
	acc     *account.Account
	best    *types.Caller // with every factor it has enrolled
	plain   *types.Caller // with the first factor alone
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
		return nil, errNoCollection
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
		m.plain, _, err = caller(types.Password)
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

// say is the answer for one action.
func (m *may) say(col *plan.Collection, a types.Action) []string {
	head := a.String() + " of " + col.Name + ": "
	var lines []string
	plain := map[int]bool{}
	for _, f := range m.plan.For(col, a, m.plain) {
		plain[f.Rule.Index] = true
	}
	for _, f := range m.plan.For(col, a, m.best) {
		line := head + "yes, " + f.Words(col) + ", when " + rule.English(f.When, m.plan.Scope(col, a))
		if !plain[f.Rule.Index] {
			line += ", in sessions that proved a second factor"
		}
		lines = append(lines, line+f.Terms())
	}
	if len(lines) > 0 {
		return lines
	}
	line := head + "no"
	var dormant, lacking []string
	for _, role := range m.plan.Roles {
		if role.Org || m.best.Roles.Has(role.Set) || len(m.plan.For(col, a, &types.Caller{Kind: types.Signed, Account: m.acc.ID, Roles: m.best.Roles | role.Set})) == 0 {
			continue
		}
		if m.dormant.Has(role.Set) {
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
	default:
		line += "; no rule grants it to anybody"
	}
	return []string{line}
}
