// Package judge says yes or no: whether a caller's roles may use a verb of a collection at all, whether one rule allows one
// write, and which answer a no becomes. It also explains its verdicts, rule by rule.
//
// Policy: default deny, and the zero Verdict is no. A write needs one single rule that holds on the rows and grants every
// field that the request names. A no that depends on stored data is told exactly like an absent row, unless the caller may
// read the row and only a field or the freshness of his session is missing.
//
// The map: permit.go (by plan and caller alone), verdict.go (on rows), lost.go (references that lead nowhere), explain.go (why).
package judge

import (
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// Refusals that do not depend on stored data, or that say the same for absent and unreadable rows.
var (
	NoCollection = types.Refuse(types.NotFound, "not_found", "there is no such collection")
	NoRow        = types.Refuse(types.NotFound, "not_found", "there is no such row")
	NotAllowed   = types.Refuse(types.Forbidden, "not_allowed", "none of your roles may do this")
	SignIn       = types.Refuse(types.Unauthenticated, "sign_in_required", "sign in first")
	Factor       = types.Refuse(types.Forbidden, "factor_required", "one of your roles may do this after signing in with another factor")
	StepUp       = types.Refuse(types.Forbidden, "step_up_required", "prove a factor again, at /auth/step-up, and repeat the request")
	OutOfScope   = types.Refuse(types.Forbidden, "out_of_scope", "this token was not issued for that")
	Organisation = types.Refuse(types.Forbidden, "organisation_required", "choose an organisation for this session first")
)

// Bindings are the caller's values in rules, at the request's one time.
func Bindings(c *types.Caller, now time.Time) *rule.Bindings {
	return &rule.Bindings{Me: c.Account, Org: c.Org, MFA: c.Factors.MFA(), Roles: c.Roles, Now: now.UTC()}
}

// Permit finds the collection and the rules that the caller's roles leave possible for a verb; none is a refusal. Unruled
// callers get one rule that allows everything.
func Permit(p *plan.Plan, c *types.Caller, collection string, a types.Action) (*plan.Collection, []plan.Folded, error) {
	col := p.Collection(collection)
	if col == nil {
		return nil, nil, NoCollection
	}
	if c.Unruled() {
		return col, []plan.Folded{{Rule: &plan.Rule{Action: a, Mask: col.All, Whole: true}, When: &rule.Fixed{Truth: rule.Yes}}}, nil
	}
	if c.Scope != nil && c.Scope.Collections[collection]&a == 0 {
		return nil, nil, OutOfScope
	}
	rules := p.For(col, a, c)
	if len(rules) == 0 {
		return nil, nil, impossible(p, c, col, a)
	}
	if col.PerOrg && c.Org == "" {
		return nil, nil, Organisation
	}
	return col, rules, nil
}

// impossible says why no rule is left for a caller.
func impossible(p *plan.Plan, c *types.Caller, col *plan.Collection, a types.Action) error {
	if c.Kind == types.Anonymous {
		return SignIn
	}
	if c.Dormant != 0 {
		awake := *c
		awake.Roles |= c.Dormant
		if len(p.For(col, a, &awake)) > 0 {
			return Factor
		}
	}
	return NotAllowed
}
