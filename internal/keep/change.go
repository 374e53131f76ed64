package keep

import (
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// defaultOf gives the value of a field that a create did not name.
func defaultOf(f *plan.Field, b *rule.Bindings) types.Value {
	d := f.Default
	if d == nil {
		return types.Value{}
	}
	if d.Param == 0 {
		return d.Value
	}
	v := rule.Arg{Param: d.Param}.Bind(b)
	if d.List {
		if v.Missing() {
			return types.ListValue()
		}
		return types.ListValue(v)
	}
	return v
}

// merge applies the JSON objects of an update to what the row holds. What is wrong with the results is told after a rule said yes, since
// their size tells of what was stored.
func (a *act) merge(old, next *row.Row) (wrong []types.FieldError, err error) {
	for f, patch := range a.patches {
		target := old.Values[f.Bit]
		if f.Encrypted && !target.Missing() {
			text, err := a.k.tables.AppendOpen(nil, a.col, f, string(a.id), []byte(target.Text))
			if err != nil {
				return nil, err
			}
			target = types.TextValue(string(text))
		}
		v, errs := value.Merge(f, target, patch)
		if len(errs) > 0 {
			wrong = append(wrong, errs...)
			continue
		}
		if err := a.sealed(f, v, &next.Values[f.Bit]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(wrong, func(a, b types.FieldError) int { return strings.Compare(a.Path, b.Path) })
	return wrong, nil
}
