package rule

import (
	"cmp"
	"strings"

	"github.com/fastness-dev/fastness/internal/types"
)

// Record is a row in memory, read by field name. A field that is missing gives the zero Value.
type Record interface {
	Field(name string) types.Value
}

// Resolver answers what lies outside the row at hand, from the transaction that judges.
type Resolver interface {
	// Follow loads the row a reference points at; nil when there is none.
	Follow(collection string, id types.ID) (Record, error)
	// Exists judges cond over all rows of the collection, the candidate being variable v, and gives Kleene's or of the
	// results. Every path that does not start from a variable has been replaced by a literal.
	Exists(collection string, v int, cond Expr) (Truth, error)
}

// Eval judges an expression in memory. row and new may be nil when the expression does not mention them.
func Eval(e Expr, row, new Record, b *Bindings, r Resolver) (Truth, error) {
	v := &evaluator{row: row, new: new, b: b, r: r}
	t := v.judge(e)
	if v.err != nil {
		return No, v.err
	}
	return t, nil
}

// EvalElem judges the condition of an exists for one candidate; for resolvers that hold their rows in memory. elems are the
// candidates of variables 1, 2, ….
func EvalElem(e Expr, elems []Record, b *Bindings, r Resolver) (Truth, error) {
	v := &evaluator{b: b, r: r, elems: elems}
	t := v.judge(e)
	if v.err != nil {
		return No, v.err
	}
	return t, nil
}

type evaluator struct {
	row, new Record
	elems    []Record
	b        *Bindings
	r        Resolver
	err      error
}

func (v *evaluator) judge(e Expr) Truth {
	if v.err != nil {
		return No
	}
	switch x := e.(type) {
	case *Fixed:
		return x.Truth
	case *HasRole:
		return truth(v.b.Roles.Has(x.Role))
	case *Not:
		return not(v.judge(x.Expr))
	case *And:
		out := Yes
		for _, y := range x.All {
			out = min(out, v.judge(y))
		}
		return out
	case *Or:
		out := No
		for _, y := range x.Any {
			out = max(out, v.judge(y))
		}
		return out
	case *Compare:
		return compare(x.Op, v.value(x.Left), v.value(x.Right))
	case *In:
		return contains(v.value(x.Elem), v.value(x.List))
	case *Has:
		return truth(!v.value(&x.Path).Missing())
	case *Unchanged:
		if v.row == nil || v.new == nil { // a row that is made now changes every field
			return No
		}
		return truth(v.row.Field(x.Field).Equal(v.new.Field(x.Field)))
	case *StartsWith:
		s, p := v.value(x.Text), v.value(x.Prefix)
		if s.Missing() || p.Missing() {
			return Unknown
		}
		return truth(strings.HasPrefix(s.Text, p.Text))
	case *Flag:
		f := v.value(x.Operand)
		if f.Missing() {
			return Unknown
		}
		return truth(f.Int == 1)
	case *Exists:
		return v.exists(x)
	}
	return No
}

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

func (v *evaluator) exists(x *Exists) Truth {
	t, err := v.r.Exists(x.Collection, x.Var, v.close(x.Cond))
	if err != nil {
		v.err = err
	}
	return t
}

// close replaces every path that starts from row, new or an outer candidate by its value.
func (v *evaluator) close(e Expr) Expr {
	switch x := e.(type) {
	case *And:
		return &And{pushAll(x.All, v.close)}
	case *Or:
		return &Or{pushAll(x.Any, v.close)}
	case *Not:
		return &Not{v.close(x.Expr)}
	case *Compare:
		return &Compare{x.Op, v.closeOperand(x.Left), v.closeOperand(x.Right)}
	case *In:
		elem, list := v.closeOperand(x.Elem), v.closeOperand(x.List)
		if l, ok := list.(*Literal); ok && (l.Value.Missing() || len(l.Value.Items) == 0) {
			if l.Value.Missing() {
				return &Fixed{Unknown}
			}
			// in an empty list: No when the element is present, Unknown when it is missing
			if _, ok := elem.(*Path); ok {
				return &Compare{NotEqual, elem, elem}
			}
			if v.value(elem).Missing() { // a literal, or a parameter such as the id of a caller who is not signed in
				return &Fixed{Unknown}
			}
			return &Fixed{No}
		}
		return &In{elem, list}
	case *Has:
		if x.Path.Root != ElemRoot || x.Path.Var <= len(v.elems) {
			return &Fixed{truth(!v.value(&x.Path).Missing())}
		}
	case *Unchanged:
		return &Fixed{v.judge(x)}
	case *HasRole:
		return &Fixed{v.judge(x)}
	case *StartsWith:
		return &StartsWith{v.closeOperand(x.Text), v.closeOperand(x.Prefix)}
	case *Flag:
		return &Flag{v.closeOperand(x.Operand)}
	case *Exists:
		return &Exists{x.Collection, x.Var, v.close(x.Cond)}
	}
	return e
}

func (v *evaluator) closeOperand(o Operand) Operand {
	if p, ok := o.(*Path); ok && (p.Root != ElemRoot || p.Var <= len(v.elems)) {
		return &Literal{v.value(p), p.Of}
	}
	return o
}

// value reads an operand; a reference that is missing or points at nothing makes it missing.
func (v *evaluator) value(o Operand) types.Value {
	switch x := o.(type) {
	case *Literal:
		return x.Value
	case *Param:
		return Arg{Param: x.Kind, Shift: x.Shift}.Bind(v.b)
	case *Path:
		return v.path(x)
	}
	return types.Value{}
}

func (v *evaluator) path(p *Path) types.Value {
	at := v.row
	switch p.Root {
	case NewRoot:
		at = v.new
	case ElemRoot:
		at = nil
		if p.Var <= len(v.elems) {
			at = v.elems[p.Var-1]
		}
	}
	for _, s := range p.Refs {
		if at == nil {
			return types.Value{}
		}
		ref := at.Field(s.Field)
		if ref.Missing() {
			return types.Value{}
		}
		next, err := v.r.Follow(s.To, types.ID(ref.Text))
		if err != nil {
			v.err = err
			return types.Value{}
		}
		at = next
	}
	if at == nil {
		return types.Value{}
	}
	return at.Field(p.Field)
}

func compare(op Op, l, r types.Value) Truth {
	if l.Missing() || r.Missing() {
		return Unknown
	}
	order := cmp.Compare(l.Int, r.Int)
	if l.Kind != types.Int {
		order = strings.Compare(l.Text, r.Text)
	}
	switch op {
	case Equal:
		return truth(order == 0)
	case NotEqual:
		return truth(order != 0)
	case Less:
		return truth(order < 0)
	case LessEqual:
		return truth(order <= 0)
	case Greater:
		return truth(order > 0)
	case GreaterEqual:
		return truth(order >= 0)
	}
	return No
}

func contains(elem, list types.Value) Truth {
	if elem.Missing() || list.Missing() {
		return Unknown
	}
	for _, item := range list.Items {
		if item.Equal(elem) {
			return Yes
		}
	}
	return No
}
