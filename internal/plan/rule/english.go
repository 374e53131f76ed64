package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// English says an expression in plain English: "the row's author is the caller, and the row's status is 'draft'".
func English(e Expr, scope *Scope) string { return (&speaker{scope: scope}).say(e, false) }

type speaker struct {
	scope *Scope
}

func (s *speaker) say(e Expr, inner bool) string {
	switch x := e.(type) {
	case *Fixed:
		return [...]string{No: "never", Unknown: "never (a value is missing)", Yes: "always"}[x.Truth]
	case *And:
		return s.join(x.All, ", and ", " and ", inner)
	case *Or:
		return s.join(x.Any, ", or ", " or ", inner)
	case *Not:
		return "it is not so that " + s.say(x.Expr, true)
	case *Compare:
		words := [...]string{Equal: "is", NotEqual: "is known and not", Less: "is below", LessEqual: "is at most", Greater: "is above", GreaterEqual: "is at least"}
		return s.operand(x.Left) + " " + words[x.Op] + " " + s.operand(x.Right)
	case *In:
		return s.operand(x.Elem) + " is in " + s.operand(x.List)
	case *Has:
		return s.operand(&x.Path) + " is present"
	case *Unchanged:
		return x.Field + " stays as it is"
	case *StartsWith:
		return s.operand(x.Text) + " starts with " + s.operand(x.Prefix)
	case *Flag:
		return s.operand(x.Operand) + " is set"
	case *HasRole:
		return "the caller is " + s.roles(x.Role)
	case *Exists:
		v := fmt.Sprintf("%s row", x.Collection)
		return "there is a " + v + " such that " + s.say(x.Cond, true)
	}
	return "?"
}

func (s *speaker) join(list []Expr, long, short string, inner bool) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = s.say(e, true)
	}
	if !inner {
		return strings.Join(parts, long)
	}
	return "(" + strings.Join(parts, short) + ")"
}

func (s *speaker) roles(set types.RoleSet) string {
	var out []string
	for i, name := range s.scope.Roles {
		if set.Has(types.RoleSet(1) << i) {
			out = append(out, name)
		}
	}
	return strings.Join(out, " and ")
}

func (s *speaker) operand(o Operand) string {
	switch x := o.(type) {
	case *Literal:
		return s.literal(x)
	case *Param:
		word := [...]string{MeID: "the caller", MeOrg: "the caller's organisation", MeMFA: "multi-factor sign-in", Now: "now", Today: "today", Within: "the caller's organisation"}[x.Kind]
		if x.Shift != 0 {
			word += fmt.Sprintf(" %+v", x.Shift)
		}
		return word
	case *Path:
		root := [...]string{RowRoot: "the row's", NewRoot: "the new row's", ElemRoot: "its"}[x.Root]
		for _, r := range x.Refs {
			root += " " + r.Field + "'s"
		}
		return root + " " + x.Field
	}
	return "?"
}

func (s *speaker) literal(l *Literal) string {
	v := l.Value
	switch {
	case v.Missing():
		return "nothing"
	case v.Kind == types.List:
		parts := make([]string, len(v.Items))
		for i, item := range v.Items {
			parts[i] = s.literal(&Literal{item, *l.Of.Elem})
		}
		return strings.Join(parts, " or ")
	case l.Of.Kind == BoolType:
		return fmt.Sprint(v.Int == 1)
	case l.Of.Kind == TimeType:
		return types.FromMicros(v.Int).Format(time.RFC3339)
	case l.Of.Kind == DecimalType:
		return Unscale(v.Int, l.Of.Digits)
	case v.Kind == types.Int:
		return fmt.Sprint(v.Int)
	}
	return "'" + v.Text + "'"
}

// Unscale writes a scaled decimal: (1250, 2) is "12.50".
func Unscale(n int64, digits int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%0*d", digits+1, n)
	if digits == 0 {
		return sign + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// Clause is one part of an explained verdict. It says which condition held and never a value.
type Clause struct {
	Text  string
	Truth Truth
	New   bool // it is about the new row
}

// Trace judges every clause of an expression by itself: the answer to "why". Values of rows are not in it.
func Trace(e Expr, scope *Scope, row, new Record, b *Bindings, r Resolver) ([]Clause, error) {
	var out []Clause
	for _, c := range Conjuncts(e) {
		t, err := Eval(c, row, new, b, r)
		if err != nil {
			return nil, err
		}
		out = append(out, Clause{English(c, scope), t, aboutNew(c)})
	}
	return out, nil
}

// aboutNew reports whether an expression reads the new row.
func aboutNew(e Expr) bool {
	return slices.ContainsFunc(Uses(e), func(u Use) bool { return u.Root == NewRoot })
}
