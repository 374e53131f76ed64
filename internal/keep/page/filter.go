package page

import (
	"slices"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/keep/view"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// Filter is one filter of a query string: field, field.gte and so on.
type Filter struct{ Field, Op, Value string }

var filterOps = map[string]rule.Op{"": rule.Equal, "ne": rule.NotEqual, "lt": rule.Less, "lte": rule.LessEqual, "gt": rule.Greater, "gte": rule.GreaterEqual}

// queryFilter turns the filters of a query string into a condition over row.
func (l *Lists) queryFilter(v *view.View, filters []Filter) (rule.Expr, error) {
	if len(filters) > 16 {
		return nil, types.Refuse(types.Malformed, "too_many_filters", "a query has at most 16 filters")
	}
	var all []rule.Expr
	for _, q := range filters {
		f, err := v.Usable(q.Field)
		if err != nil {
			return nil, err
		}
		if f.Personal {
			return nil, types.Refuse(types.Malformed, "personal_in_query", "personal fields never travel in a URL; use POST …/search for "+f.Name)
		}
		if !f.Indexed {
			return nil, types.Refuse(types.Malformed, "not_indexed", "add indexed: true to "+v.Collection.Name+"."+f.Name)
		}
		op, known := filterOps[q.Op]
		ordered := op <= rule.NotEqual || f.Rule.Kind != rule.RefType && f.Rule.Kind != rule.BoolType
		if !known || !ordered {
			return nil, types.Refuse(types.Malformed, "bad_filter", "filters are field, field.ne, .lt, .lte, .gt, .gte; "+f.Name+" does not take ."+types.Printable(q.Op))
		}
		literal, errs := value.Text(relaxed(f), f.Name, q.Value)
		if len(errs) > 0 {
			return nil, &types.Error{Kind: types.Malformed, Code: "bad_filter", Detail: "the value of " + f.Name + " is not of its type", Fields: errs}
		}
		all = append(all, &rule.Compare{Op: op, Left: fieldPath(v.Collection, f), Right: &rule.Literal{Value: literal, Of: f.Rule}})
	}
	if len(all) == 0 {
		return nil, nil
	}
	return &rule.And{All: all}, nil
}

// relaxed drops a field's bounds: a filter may ask for what cannot be there.
func relaxed(f *plan.Field) *plan.Field {
	r := *f
	r.HasMin, r.HasMax, r.MinLen, r.Match = false, false, 0, nil
	r.MaxLen = max(r.MaxLen, 200)
	if r.Type == plan.TextField && r.System {
		r.MaxLen = 26
	}
	return &r
}

func fieldPath(col *plan.Collection, f *plan.Field) *rule.Path {
	return &rule.Path{Root: rule.RowRoot, Field: f.Name, From: col.Name, Of: f.Rule}
}

// searchFilter compiles the CEL filter of a search: bounded, over fields that the caller may see, one conjunct indexed.
func (l *Lists) searchFilter(v *view.View, src string) (rule.Expr, error) {
	scope := l.tables().Plan.FilterScope(v.Collection)
	scope.Shapes = map[string]*rule.Shape{v.Collection.Name: visible(v, scope.Shapes[v.Collection.Name])}
	e, err := rule.Compile(scope, src)
	if err != nil {
		return nil, types.Refuse(types.Malformed, "bad_filter", "the filter at "+err.Error())
	}
	for _, u := range rule.Uses(e) {
		if _, err := v.Usable(u.Field); err != nil {
			return nil, err
		}
	}
	pushed := rule.Push(rule.Fold(e, 0))
	if !slices.ContainsFunc(rule.Conjuncts(pushed), func(c rule.Expr) bool { return indexed(v.Collection, c) }) {
		return nil, types.Refuse(types.Malformed, "not_indexed", "one condition that must hold has to be on an indexed field; add indexed: true in "+v.Collection.Name)
	}
	return pushed, nil
}

// visible is a collection as far as the caller may ever see it: what they may not see is in no message, and no message tells it from
// what is not there.
func visible(v *view.View, whole *rule.Shape) *rule.Shape {
	out := *whole
	out.Fields = slices.DeleteFunc(slices.Clone(whole.Fields), func(f rule.ShapeField) bool {
		_, err := v.Usable(f.Name)
		return err != nil
	})
	return &out
}

// indexed reports whether a condition can be answered from an index.
func indexed(col *plan.Collection, e rule.Expr) bool {
	uses := rule.Uses(e)
	for _, u := range uses {
		if f := col.Field(u.Field); f == nil || !f.Indexed && f.Side == "" {
			return false
		}
	}
	if len(uses) == 0 {
		return false // a comparison of constants
	}
	switch e.(type) {
	case *rule.Compare, *rule.In, *rule.StartsWith, *rule.Flag, *rule.Has, *rule.Or:
		return true
	case *rule.Not:
		return spanOf(col, e) != nil
	}
	return false
}

// guard adds, for every field that a filter or a sort uses, the condition that some rule grants the field on the row: rows
// where the field is masked behave as if they were not there.
func guard(v *view.View, e rule.Expr, sort *plan.Field) []rule.Expr {
	var fields []*plan.Field
	if e != nil {
		for _, u := range rule.Uses(e) {
			fields = append(fields, v.Collection.Field(u.Field))
		}
	}
	if sort != nil {
		fields = append(fields, sort)
	}
	var out []rule.Expr
	seen := map[*plan.Field]bool{}
	for _, f := range fields {
		if seen[f] {
			continue
		}
		seen[f] = true
		if conditions, always := v.Granting(f); !always {
			out = append(out, &rule.Or{Any: conditions})
		}
	}
	return out
}
