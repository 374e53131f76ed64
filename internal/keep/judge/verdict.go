package judge

import (
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// Verdict is what the write rules say of one act.
type Verdict struct {
	Allowed bool
	stale   bool      // a rule would allow it for a fresher session
	granted plan.Mask // fields that rules which hold would let the caller write
	holds   bool      // some rule holds, whatever its fields
}

// Write looks for one rule that holds on the rows and grants all named fields. old is nil for a create, new for a delete.
func Write(c *types.Caller, b *rule.Bindings, rules []plan.Folded, old, new rule.Record, r rule.Resolver, named plan.Mask) (Verdict, error) {
	var out Verdict
	for _, f := range rules {
		t, err := rule.Eval(f.When, old, new, b, r)
		if err != nil {
			return Verdict{}, err
		}
		if t != rule.Yes {
			continue
		}
		out.holds = true
		out.granted |= f.Mask
		if named&^f.Mask != 0 {
			continue
		}
		if f.Fresh > 0 && !c.Unruled() && !c.Fresh(b.Now, f.Fresh) {
			out.stale = true
			continue
		}
		out.Allowed = true
		return out, nil
	}
	return out, nil
}

// Refusal turns a verdict into the answer: which fields, a fresher session, or nothing more than "no such row".
func (v Verdict) Refusal(col *plan.Collection, named plan.Mask, create bool) error {
	switch {
	case v.stale:
		return StepUp
	case v.holds:
		e := &types.Error{Kind: types.Forbidden, Code: "field_not_allowed", Detail: "no single rule lets you write these fields together; see fields"}
		for _, f := range col.Fields {
			if named.Has(f) && (!v.granted.Has(f) || named&^v.granted == 0) {
				e.Fields = append(e.Fields, types.FieldError{Path: f.Name, Code: "not_allowed"})
			}
		}
		return e
	case create:
		return NotAllowed
	}
	return NoRow
}
