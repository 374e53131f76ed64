package rule

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// SQLOptions say how an expression becomes SQL.
type SQLOptions struct {
	Dialect store.Dialect
	Shapes  map[string]*Shape
	Alias   string // of the row's table in the surrounding statement
	Self    string // the collection of the row
}

// ToSQL compiles a pushed expression over row to a condition that is true exactly on the rows where the expression is Yes,
// and false or NULL elsewhere. Unknown is NULL; negation stands above atoms only, where each atom guards its own missing
// operands. Text is made of names from the shapes, in double quotes; every value is an argument.
func ToSQL(e Expr, opt SQLOptions) (SQL, error) {
	w := &sqlWriter{opt: opt, elem: map[int]elemTable{}}
	w.condition(e)
	if w.err != nil {
		return SQL{}, w.err
	}
	return SQL{Text: w.b.String(), Args: w.args}, nil
}

type elemTable struct{ alias, collection string }

type sqlWriter struct {
	opt   SQLOptions
	b     strings.Builder
	args  []Arg
	elem  map[int]elemTable
	alias int
	err   error
}

func (w *sqlWriter) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("rule: "+format, args...)
	}
}

func (w *sqlWriter) put(parts ...string) {
	for _, p := range parts {
		w.b.WriteString(p)
	}
}

func (w *sqlWriter) fresh(prefix string) string {
	w.alias++
	return prefix + strconv.Itoa(w.alias)
}

func (w *sqlWriter) condition(e Expr) {
	switch x := e.(type) {
	case *Fixed:
		if x.Truth == Yes {
			w.put("(1 = 1)")
		} else {
			w.put("(1 = 0)")
		}
	case *And:
		w.join(x.All, " AND ", Yes)
	case *Or:
		w.join(x.Any, " OR ", No)
	case *Compare:
		w.put("(")
		w.operand(x.Left)
		w.put(" ", [...]string{Equal: "=", NotEqual: "<>", Less: "<", LessEqual: "<=", Greater: ">", GreaterEqual: ">="}[x.Op], " ")
		w.operand(x.Right)
		w.put(")")
	case *Flag:
		w.put("(")
		w.operand(x.Operand)
		w.put(" = 1)")
	case *Has:
		w.put("(")
		w.path(&x.Path)
		w.put(" IS NOT NULL)")
	case *StartsWith:
		w.startsWith(x)
	case *In:
		w.in(x, false)
	case *Exists:
		w.exists(x.Collection, x.Var, "EXISTS", x.Cond, "")
	case *Not:
		w.not(x.Expr)
	default:
		w.fail("%T cannot become SQL", e)
	}
}

func (w *sqlWriter) join(list []Expr, with string, empty Truth) {
	if len(list) == 0 {
		w.condition(&Fixed{empty})
		return
	}
	w.put("(")
	for i, e := range list {
		if i > 0 {
			w.put(with)
		}
		w.condition(e)
	}
	w.put(")")
}

// not compiles a negated atom.
func (w *sqlWriter) not(e Expr) {
	switch x := e.(type) {
	case *Flag:
		w.put("(")
		w.operand(x.Operand)
		w.put(" = 0)")
	case *Has:
		w.put("(")
		w.path(&x.Path)
		w.put(" IS NULL)")
	case *StartsWith:
		w.put("(NOT ")
		w.startsWith(x)
		w.put(")")
	case *In:
		w.in(x, true)
	case *Exists:
		// Yes only when every element is certainly No: an element on which the condition is unknown denies. "cond IS NOT
		// FALSE" is "the negation of cond IS NOT TRUE", and the negation is compiled true-exactly like everything else.
		w.exists(x.Collection, x.Var, "NOT EXISTS", negate(x.Cond), " IS NOT TRUE")
	default:
		w.fail("a negated %T was not pushed", e)
	}
}

func (w *sqlWriter) exists(collection string, v int, word string, cond Expr, suffix string) {
	shape := w.opt.Shapes[collection]
	if shape == nil {
		w.fail("unknown collection %q", collection)
		return
	}
	t := elemTable{w.fresh("e"), collection}
	w.elem[v] = t
	w.put("(", word, " (SELECT 1 FROM ", store.Quote(shape.Table), " ", t.alias, " WHERE (")
	w.condition(cond)
	w.put(")", suffix, "))")
}

func (w *sqlWriter) startsWith(x *StartsWith) {
	// Neither LIKE (wildcards, case) nor a range (no upper bound for all texts): compare the first characters.
	w.put("(substr(")
	w.operand(x.Text)
	w.put(", 1, length(")
	w.operand(x.Prefix)
	w.put(")) = ")
	w.operand(x.Prefix)
	w.put(")")
}

func (w *sqlWriter) in(x *In, negated bool) {
	if l, ok := x.List.(*Literal); ok {
		w.put("(")
		w.operand(x.Elem)
		if negated {
			w.put(" NOT")
		}
		w.put(" IN (")
		for i, item := range l.Value.Items {
			if i > 0 {
				w.put(", ")
			}
			w.operand(&Literal{item, *l.Of.Elem})
		}
		w.put("))")
		return
	}
	p, ok := x.List.(*Path)
	if !ok {
		w.fail("a list must be a field or a literal")
		return
	}
	f := w.shapeField(p.From, p.Field)
	if f.Side == "" {
		w.fail("%s.%s has no side table", p.From, p.Field)
		return
	}
	s := w.fresh("s")
	w.put("(")
	if negated {
		w.operand(x.Elem)
		w.put(" IS NOT NULL AND ")
		w.path(p)
		w.put(" IS NOT NULL AND NOT ")
	}
	w.put("EXISTS (SELECT 1 FROM ", store.Quote(f.Side), " ", s, " WHERE ", s, ".\"row_id\" = ")
	w.owner(p)
	w.put(" AND ", s, ".\"value\" = ")
	w.operand(x.Elem)
	if w.opt.Dialect == store.Postgres {
		w.put(" OFFSET 0") // looks at this row's elements; else all rows of the value may be gathered first
	}
	w.put("))")
}

func (w *sqlWriter) operand(o Operand) {
	switch x := o.(type) {
	case *Literal:
		w.arg(Arg{Value: x.Value}, x.Of)
	case *Param:
		w.arg(Arg{Param: x.Kind, Shift: x.Shift}, x.Of)
	case *Path:
		w.path(x)
	default:
		w.fail("%T cannot become SQL", o)
	}
}

// arg writes a parameter. PostgreSQL is told its type, since it cannot guess it beside another parameter.
func (w *sqlWriter) arg(a Arg, t Type) {
	w.args = append(w.args, a)
	if w.opt.Dialect != store.Postgres {
		w.put("?")
		return
	}
	switch t.Kind {
	case BoolType, IntType, DecimalType, TimeType:
		w.put("CAST(? AS BIGINT)")
	default:
		w.put("CAST(? AS TEXT)")
	}
}

func (w *sqlWriter) shapeField(collection, name string) ShapeField {
	if s := w.opt.Shapes[collection]; s != nil {
		for _, f := range s.Fields {
			if f.Name == name {
				return f
			}
		}
	}
	w.fail("unknown field %s.%s", collection, name)
	return ShapeField{}
}

// path writes the value at the end of a path: a column, or a scalar sub-select when references are followed. A reference into
// another organisation leads nowhere.
func (w *sqlWriter) path(p *Path) {
	if p.Field == "id" {
		w.owner(p)
		return
	}
	f := w.shapeField(p.From, p.Field)
	if len(p.Refs) == 0 {
		w.put(w.root(p), ".", store.Quote(f.Column))
		return
	}
	w.lookup(p.From, f.Column, p)
}

// owner writes the id of the row whose field the path reads.
func (w *sqlWriter) owner(p *Path) {
	switch {
	case len(p.Refs) == 0:
		w.put(w.root(p), ".\"id\"")
	case w.perOrg(p.From):
		w.lookup(p.From, "id", p)
	default:
		w.reference(p)
	}
}

func (w *sqlWriter) perOrg(collection string) bool {
	s := w.opt.Shapes[collection]
	return s != nil && s.PerOrg
}

// reference writes the last reference of a path.
func (w *sqlWriter) reference(p *Path) {
	last := p.Refs[len(p.Refs)-1]
	before := &Path{Root: p.Root, Var: p.Var, Refs: p.Refs[:len(p.Refs)-1], Field: last.Field, From: last.In}
	w.path(before)
}

func (w *sqlWriter) lookup(collection, column string, p *Path) {
	shape := w.opt.Shapes[collection]
	if shape == nil {
		w.fail("unknown collection %q", collection)
		return
	}
	t := w.fresh("p")
	w.put("(SELECT ", t, ".", store.Quote(column), " FROM ", store.Quote(shape.Table), " ", t, " WHERE ", t, ".\"id\" = ")
	w.reference(p)
	if shape.PerOrg {
		w.put(" AND ", t, ".\"org\" = ")
		w.operand(&Param{Kind: Within, Of: Type{Kind: RefType, To: "organisations"}})
	}
	w.put(")")
}

func (w *sqlWriter) root(p *Path) string {
	switch p.Root {
	case RowRoot:
		return w.opt.Alias
	case ElemRoot:
		if t, ok := w.elem[p.Var]; ok {
			return t.alias
		}
	}
	w.fail("new is not available in SQL")
	return ""
}

// BindAll gives the values of a fragment's arguments for a request.
func BindAll(dst []types.Value, args []Arg, b *Bindings) []types.Value {
	for _, a := range args {
		dst = append(dst, a.Bind(b))
	}
	return dst
}
