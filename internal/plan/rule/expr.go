// Package rule is the one expression language of the declaration: CEL, type-checked by cel-go against the declared
// fields, then lowered to a small tree of our own (Expr) that is folded by roles, negated inward, compiled to SQL for both
// databases, evaluated in memory, put into English and explained clause by clause.
//
// Policy: logic has three values (Kleene) and only Yes allows; the zero Truth is No. Whatever cannot be lowered is refused
// at compile time with a position, never at run time. SQL text is made of names from the plan; every value is a parameter.
// The package is pure: it knows no database and no request.
package rule

import (
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Truth is a value of Kleene's three-valued logic.
type Truth uint8

// The three values. No is the zero value; only Yes allows.
const (
	No Truth = iota
	Unknown
	Yes
)

// Type is the type of an operand.
type Type struct {
	Kind   TypeKind
	Digits int      // of a decimal: digits after the point
	To     string   // of a ref: the collection it points at; "accounts" for an account
	Elem   *Type    // of a list
	Values []string // of an enum or state: what it may be; nil: anything
}

// TypeKind is the class of a Type. Values of different kinds never compare.
type TypeKind uint8

// The classes, with the form of types.Value they take.
const (
	BoolType    TypeKind = iota + 1 // Int 0 or 1
	IntType                         // Int
	DecimalType                     // Int scaled by 10^Digits; compared with literals in quotes or plain ints
	TextType                        // Text: text, enum, state, email, url, uuid, html
	TimeType                        // Int: microseconds
	DateType                        // Text: YYYY-MM-DD; ordered as text
	RefType                         // Text: an id
	ListType                        // List
	JSONType                        // Text: only has() applies
	SealedType                      // Bytes: cannot occur in allow; in check only as new.f (evaluated in memory)
)

// Root says what a path starts from.
type Root uint8

// The roots. Elem roots are the variables of exists, numbered from the outermost.
const (
	RowRoot Root = iota + 1 // the stored row
	NewRoot                 // the proposed row, whole, after the change
	ElemRoot
)

// Expr is a condition. The concrete types are And, Or, Not, Truth constants (Fixed), Compare, In, Has, Unchanged,
// StartsWith, Flag, HasRole and Exists. Expressions are immutable once compiled.
type Expr interface{ condition() }

// And is true when all are; empty is Yes.
type And struct{ All []Expr }

// Or is true when one is; empty is No.
type Or struct{ Any []Expr }

// Not negates; Unknown stays Unknown. Push removes it except above atoms.
type Not struct{ Expr Expr }

// Fixed is a constant.
type Fixed struct{ Truth Truth }

// Op is a comparison.
type Op uint8

// The comparisons.
const (
	Equal Op = iota + 1
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
)

// Compare compares two operands of one type; Unknown when one is missing.
type Compare struct {
	Op          Op
	Left, Right Operand
}

// In is true when Elem equals an element of List (a Path of list type or a Literal list); Unknown when Elem or List is
// missing, and when an element is missing and none is equal.
type In struct {
	Elem, List Operand
}

// Has tests presence of the last step of a path; never Unknown. A broken reference on the way counts as absent.
type Has struct{ Path Path }

// Unchanged is Yes when row.Field and new.Field are equal or both missing; never Unknown.
type Unchanged struct{ Field string }

// StartsWith is Unknown when one operand is missing; compares code points, never collations.
type StartsWith struct{ Text, Prefix Operand }

// Flag takes a boolean operand as a condition.
type Flag struct{ Operand Operand }

// HasRole is true when the caller has every role of the set in force. Fold removes it.
type HasRole struct{ Role types.RoleSet }

// Exists is true when a row of Collection makes Cond Yes; Unknown when none does but one is Unknown. Var numbers the
// variable inside Cond.
type Exists struct {
	Collection string
	Var        int
	Cond       Expr
}

func (*And) condition()        {}
func (*Or) condition()         {}
func (*Not) condition()        {}
func (*Fixed) condition()      {}
func (*Compare) condition()    {}
func (*In) condition()         {}
func (*Has) condition()        {}
func (*Unchanged) condition()  {}
func (*StartsWith) condition() {}
func (*Flag) condition()       {}
func (*HasRole) condition()    {}
func (*Exists) condition()     {}

// Operand is a Literal, a Param or a Path.
type Operand interface{ Type() Type }

// Literal is a constant of the expression.
type Literal struct {
	Value types.Value
	Of    Type
}

// Type returns the literal's type.
func (l *Literal) Type() Type { return l.Of }

// ParamKind names a value that is bound per request.
type ParamKind uint8

// The parameters: the caller's account id and active organisation (missing for anonymous and for none), whether the session is
// multi-factor, the request's one time, shifted by a constant, and the organisation that rows are bound to: the active one, and a
// text that is no organisation's id for none, so that the bond is never unknown and, without one, holds on no row.
const (
	MeID ParamKind = iota + 1
	MeOrg
	MeMFA
	Now
	Today // now as a date, UTC
	Within
)

// Param is a value bound per request.
type Param struct {
	Kind  ParamKind
	Shift time.Duration // Now and Today only
	Of    Type
}

// Type returns the parameter's type.
func (p *Param) Type() Type { return p.Of }

// Path reads a field of a root, following references: row.patient.team is Root RowRoot, Refs [patient], Field team.
type Path struct {
	Root  Root
	Var   int    // for ElemRoot
	Refs  []Step // references followed, in order
	Field string // the last field; system fields are id, created, updated, version
	From  string // the collection in which Field is read
	Of    Type
}

// Step follows one reference.
type Step struct {
	Field string // the ref or account field
	In    string // the collection it is a field of
	To    string // the collection it points at
}

// Type returns the type of the last field.
func (p *Path) Type() Type { return p.Of }

// Shape is what rules know of a collection. The plan makes one per collection.
type Shape struct {
	Name   string // as in the declaration
	Table  string // in the database, unquoted
	PerOrg bool   // rows belong to one organisation (field org); what a rule asks of others stays within the caller's
	Fields []ShapeField
}

// ShapeField is one field of a Shape; system fields included.
type ShapeField struct {
	Name     string
	Column   string
	Type     Type
	Optional bool
	Side     string // for lists: the side table with columns row_id, position, value ("" when it has none); elements never missing
}

// Scope is what an expression may mention.
type Scope struct {
	Self   string // the collection of row and new; "" for none
	Row    bool   // row is available
	New    bool   // new is available
	Me     bool   // me and has_role are available
	Sealed bool   // sealed fields may be read as new.f (checks, judged in memory)
	Filter bool   // a client's filter: no exists, no reference path, no me, bounds of RULINGS
	Shapes map[string]*Shape
	Roles  []string          // in bit order
	Let    map[string]string // named conditions of the collection, by source text
}

// Bindings are the values of one request.
type Bindings struct {
	Me    types.ID
	Org   types.ID
	MFA   bool
	Roles types.RoleSet
	Now   time.Time
}

// SQL is a fragment: text with `?` and its arguments in order. Arguments are literals or parameters bound at execution.
type SQL struct {
	Text string
	Args []Arg
}

// Arg is a constant (Param zero) or a parameter.
type Arg struct {
	Value types.Value
	Param ParamKind
	Shift time.Duration
}

// Bind gives the argument's value for a request.
func (a Arg) Bind(b *Bindings) types.Value {
	switch a.Param {
	case MeID:
		return types.IDValue(b.Me)
	case MeOrg:
		return types.IDValue(b.Org)
	case MeMFA:
		return types.BoolValue(b.MFA)
	case Within:
		return types.TextValue(string(b.Org))
	case Now:
		return types.IntValue(types.Micros(b.Now.Add(a.Shift)))
	case Today:
		return types.TextValue(b.Now.Add(a.Shift).UTC().Format(time.DateOnly))
	}
	return a.Value
}
