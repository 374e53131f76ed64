package keep

import (
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
