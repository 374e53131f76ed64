package page

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// spanOf is what the index of one field finds of a condition; nil when no index finds its rows.
func spanOf(col *plan.Collection, e rule.Expr) *span {
	switch x := e.(type) {
	case *rule.Compare:
		p, op, with := sides(x)
		if !found(col, p) {
			return nil
		}
		switch op {
		case rule.Equal:
			return &span{field: p.Field, ranges: [][]rule.Expr{{x}}, equal: true}
		case rule.NotEqual:
			return &span{field: p.Field, ranges: [][]rule.Expr{{compare(p, rule.Less, with)}, {compare(p, rule.Greater, with)}}}
		}
		return &span{field: p.Field, ranges: [][]rule.Expr{{x}}}
	case *rule.Flag:
		if p, ok := x.Operand.(*rule.Path); ok && found(col, p) {
			return &span{field: p.Field, ranges: [][]rule.Expr{{x}}, equal: true}
		}
	case *rule.Has:
		if found(col, &x.Path) {
			return &span{field: x.Path.Field, ranges: [][]rule.Expr{{x}}}
		}
	case *rule.In:
		p, ok := x.Elem.(*rule.Path)
		if _, literal := x.List.(*rule.Literal); ok && literal && found(col, p) {
			return &span{field: p.Field, ranges: [][]rule.Expr{{x}}, points: true}
		}
	case *rule.StartsWith:
		if p, from, to := prefix(col, x); p != nil {
			return &span{field: p.Field, ranges: [][]rule.Expr{between(p, from, to)}, loose: true}
		}
	case *rule.Not:
		return negated(col, x)
	}
	return nil
}

// negated is what an index finds of a negation: the rows before, between and behind what is negated. A missing value is in none.
func negated(col *plan.Collection, not *rule.Not) *span {
	switch x := not.Expr.(type) {
	case *rule.Flag, *rule.Has:
		if s := spanOf(col, x); s != nil {
			return &span{field: s.field, ranges: [][]rule.Expr{{not}}, equal: true}
		}
	case *rule.In:
		p, ok := x.Elem.(*rule.Path)
		list, literal := x.List.(*rule.Literal)
		if !ok || !literal || !found(col, p) {
			return nil
		}
		return &span{field: p.Field, ranges: gaps(p, list)}
	case *rule.StartsWith:
		p, from, to := prefix(col, x)
		if p == nil {
			return nil
		}
		s := &span{field: p.Field, ranges: [][]rule.Expr{{compare(p, rule.Less, from)}}, loose: true}
		if to != nil {
			s.ranges = append(s.ranges, []rule.Expr{compare(p, rule.GreaterEqual, to)})
		}
		return s
	}
	return nil
}

// gaps are the ranges between the values of a list.
func gaps(p *rule.Path, list *rule.Literal) [][]rule.Expr {
	items := slices.Clone(list.Value.Items)
	slices.SortFunc(items, func(a, b types.Value) int {
		return cmp.Or(cmp.Compare(a.Int, b.Int), cmp.Compare(a.Text, b.Text)) // as both databases do: by number, by byte
	})
	var out [][]rule.Expr
	var before *rule.Literal
	for _, item := range items {
		at := &rule.Literal{Value: item, Of: *list.Of.Elem}
		one := []rule.Expr{compare(p, rule.Less, at)}
		if before != nil {
			one = append(one, compare(p, rule.Greater, before))
		}
		out, before = append(out, one), at
	}
	return append(out, []rule.Expr{compare(p, rule.Greater, before)})
}

func compare(p *rule.Path, op rule.Op, with rule.Operand) rule.Expr {
	return &rule.Compare{Op: op, Left: p, Right: with}
}

func between(p *rule.Path, from, to rule.Operand) []rule.Expr {
	out := []rule.Expr{compare(p, rule.GreaterEqual, from)}
	if to != nil {
		out = append(out, compare(p, rule.Less, to))
	}
	return out
}

// prefix gives the texts between which all lie that begin with a constant; to is nil when none lies behind them.
func prefix(col *plan.Collection, x *rule.StartsWith) (p *rule.Path, from, to rule.Operand) {
	p, ok := x.Text.(*rule.Path)
	begin, literal := x.Prefix.(*rule.Literal)
	if !ok || !literal || !found(col, p) {
		return nil, nil, nil
	}
	if next := above(begin.Value.Text); next != "" {
		to = &rule.Literal{Value: types.TextValue(next), Of: begin.Of}
	}
	return p, begin, to
}

// above is the least text above all that begin with s, "" when there is none. The order of UTF-8 is that of code points.
func above(s string) string {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		switch {
		case r == utf8.MaxRune:
			continue
		case r == 0xd7ff:
			return s + "\ue000" // over the surrogates, which are no characters
		}
		return s + string(r+1)
	}
	return ""
}

// sides gives a comparison of a field with a constant, the field first; nil when it is none.
func sides(x *rule.Compare) (p *rule.Path, op rule.Op, with rule.Operand) {
	left, isLeft := x.Left.(*rule.Path)
	right, isRight := x.Right.(*rule.Path)
	switch {
	case isLeft && !isRight:
		return left, x.Op, x.Right
	case isRight && !isLeft:
		return right, mirrored[x.Op], x.Left
	}
	return nil, 0, nil
}

var mirrored = [...]rule.Op{rule.Equal: rule.Equal, rule.NotEqual: rule.NotEqual, rule.Less: rule.Greater, rule.LessEqual: rule.GreaterEqual,
	rule.Greater: rule.Less, rule.GreaterEqual: rule.LessEqual}

// found reports whether an index begins with the field of a path, or with the organisation and the field.
func found(col *plan.Collection, p *rule.Path) bool {
	if p == nil || p.Root != rule.RowRoot || len(p.Refs) > 0 {
		return false
	}
	f := col.Field(p.Field)
	return f != nil && f.Type != plan.ListField && (f.Indexed || f.Name == "org")
}
