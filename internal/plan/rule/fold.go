package rule

import "github.com/fastness-dev/fastness/internal/types"

// Fold replaces role tests by what they are under the roles in force and simplifies constants away.
func Fold(e Expr, roles types.RoleSet) Expr {
	switch x := e.(type) {
	case *HasRole:
		return fixed(roles.Has(x.Role))
	case *Not:
		inner := Fold(x.Expr, roles)
		if f, ok := inner.(*Fixed); ok {
			return &Fixed{not(f.Truth)}
		}
		return &Not{inner}
	case *And:
		return foldAnd(x.All, roles)
	case *Or:
		return foldOr(x.Any, roles)
	case *Exists:
		cond := Fold(x.Cond, roles)
		if f, ok := cond.(*Fixed); ok && f.Truth == No {
			return f
		}
		return &Exists{x.Collection, x.Var, cond}
	}
	return e
}

func foldAnd(all []Expr, roles types.RoleSet) Expr {
	var left []Expr
	for _, e := range all {
		folded := Fold(e, roles)
		switch x := folded.(type) {
		case *Fixed:
			if x.Truth == No {
				return x
			}
			if x.Truth == Yes {
				continue
			}
		case *And:
			left = append(left, x.All...)
			continue
		}
		left = append(left, folded)
	}
	switch len(left) {
	case 0:
		return &Fixed{Yes}
	case 1:
		return left[0]
	}
	return &And{left}
}

func foldOr(any []Expr, roles types.RoleSet) Expr {
	var left []Expr
	for _, e := range any {
		folded := Fold(e, roles)
		switch x := folded.(type) {
		case *Fixed:
			if x.Truth == Yes {
				return x
			}
			if x.Truth == No {
				continue
			}
		case *Or:
			left = append(left, x.Any...)
			continue
		}
		left = append(left, folded)
	}
	switch len(left) {
	case 0:
		return &Fixed{No}
	case 1:
		return left[0]
	}
	return &Or{left}
}

// Push moves negation inward until it stands directly above an atom. The result is true on the same rows; everything
// above an atom is then monotone, so that an atom may be compiled to "true or not" without telling unknown from false.
func Push(e Expr) Expr {
	switch x := e.(type) {
	case *Not:
		return negate(x.Expr)
	case *And:
		return &And{pushAll(x.All, Push)}
	case *Or:
		return &Or{pushAll(x.Any, Push)}
	case *Exists:
		return &Exists{x.Collection, x.Var, Push(x.Cond)}
	}
	return e
}

func pushAll(list []Expr, f func(Expr) Expr) []Expr {
	out := make([]Expr, len(list))
	for i, e := range list {
		out[i] = f(e)
	}
	return out
}

// opposite of a comparison: unknown on the same operands.
var opposite = [...]Op{Equal: NotEqual, NotEqual: Equal, Less: GreaterEqual, GreaterEqual: Less, Greater: LessEqual, LessEqual: Greater}

// negate gives the pushed form of !e.
func negate(e Expr) Expr {
	switch x := e.(type) {
	case *Fixed:
		return &Fixed{not(x.Truth)}
	case *Not:
		return Push(x.Expr)
	case *And:
		return &Or{pushAll(x.All, negate)}
	case *Or:
		return &And{pushAll(x.Any, negate)}
	case *Compare:
		return &Compare{opposite[x.Op], x.Left, x.Right}
	}
	return &Not{e}
}

func not(t Truth) Truth {
	switch t {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Unknown
}

// Branches splits a pushed expression into alternatives of which one must hold.
func Branches(e Expr) []Expr {
	if or, ok := e.(*Or); ok {
		var out []Expr
		for _, x := range or.Any {
			out = append(out, Branches(x)...)
		}
		return out
	}
	return []Expr{e}
}

// Conjuncts splits a pushed expression into conditions that must all hold.
func Conjuncts(e Expr) []Expr {
	if and, ok := e.(*And); ok {
		var out []Expr
		for _, x := range and.All {
			out = append(out, Conjuncts(x)...)
		}
		return out
	}
	return []Expr{e}
}

// Use is a field that an expression reads.
type Use struct {
	Root       Root
	Collection string
	Field      string
	Direct     bool // no reference was followed
}

// Uses lists the fields that an expression reads, references on the way included.
func Uses(e Expr) []Use {
	var out []Use
	visit(e, func(p *Path) {
		for i, s := range p.Refs {
			out = append(out, Use{p.Root, s.In, s.Field, i == 0})
		}
		out = append(out, Use{p.Root, p.From, p.Field, len(p.Refs) == 0})
	}, func(u *Unchanged) {
		out = append(out, Use{RowRoot, "", u.Field, true}, Use{NewRoot, "", u.Field, true})
	})
	return out
}

func visit(e Expr, path func(*Path), unchanged func(*Unchanged)) {
	operand := func(ops ...Operand) {
		for _, o := range ops {
			if p, ok := o.(*Path); ok {
				path(p)
			}
		}
	}
	switch x := e.(type) {
	case *And:
		for _, y := range x.All {
			visit(y, path, unchanged)
		}
	case *Or:
		for _, y := range x.Any {
			visit(y, path, unchanged)
		}
	case *Not:
		visit(x.Expr, path, unchanged)
	case *Exists:
		visit(x.Cond, path, unchanged)
	case *Compare:
		operand(x.Left, x.Right)
	case *In:
		operand(x.Elem, x.List)
	case *Has:
		path(&x.Path)
	case *StartsWith:
		operand(x.Text, x.Prefix)
	case *Flag:
		operand(x.Operand)
	case *Unchanged:
		unchanged(x)
	}
}
