package rule

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"golang.org/x/text/unicode/norm"

	"github.com/fastness-dev/fastness/internal/plan/slip"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxInt is the largest integer that JSON carries exactly: 2^53 - 1 (RFC 8259 section 6).
const maxInt = 1<<53 - 1

// String names the type for messages.
func (t Type) String() string {
	switch t.Kind {
	case BoolType:
		return "a bool"
	case IntType:
		return "an int"
	case DecimalType:
		return "a decimal"
	case TextType:
		return "a text"
	case TimeType:
		return "a time"
	case DateType:
		return "a date"
	case RefType:
		return "a reference to " + t.To
	case ListType:
		return "a list"
	case JSONType:
		return "json"
	case SealedType:
		return "a sealed value"
	}
	return "nothing"
}

// operand lowers an expression in the place of a value.
func (c *compiler) operand(e ast.Expr, depth int) Operand {
	if c.err != nil {
		return &Literal{}
	}
	switch e.Kind() {
	case ast.SelectKind:
		return c.path(e)
	case ast.LiteralKind:
		return c.literal(e)
	case ast.ListKind:
		return c.list(e, depth)
	case ast.IdentKind:
		switch e.AsIdent() {
		case "now":
			return &Param{Kind: Now, Of: Type{Kind: TimeType}}
		case "today":
			return &Param{Kind: Today, Of: Type{Kind: DateType}}
		}
		c.unknown(e, e.AsIdent())
	case ast.CallKind:
		return c.shifted(e)
	default:
		c.fail(e, "this cannot be a value of a rule")
	}
	return &Literal{}
}

func (c *compiler) literal(e ast.Expr) Operand {
	switch v := e.AsLiteral().Value().(type) {
	case string:
		if strings.ContainsRune(v, 0) || !utf8.ValidString(v) {
			c.fail(e, "text is valid UTF-8 without NUL")
		}
		return &Literal{types.TextValue(norm.NFC.String(v)), Type{Kind: TextType}} // as text is stored
	case int64:
		if v > maxInt || v < -maxInt {
			c.fail(e, "an int lies within ±(2^53-1); use a decimal field for larger numbers")
		}
		return &Literal{types.IntValue(v), Type{Kind: IntType}}
	case bool:
		return &Literal{types.BoolValue(v), Type{Kind: BoolType}}
	case float64:
		c.fail(e, "numbers with a point are written in quotes: '0.5'")
	default:
		if e.AsLiteral().Type().TypeName() == "null_type" {
			c.fail(e, slip.Missing)
		}
		c.fail(e, "this kind of literal is not part of rules; use a quoted text, an int, true or false")
	}
	return &Literal{}
}

func (c *compiler) list(e ast.Expr, depth int) Operand {
	l := &Literal{Value: types.ListValue(), Of: Type{Kind: ListType}}
	for _, item := range e.AsList().Elements() {
		op, ok := c.operand(item, depth+1).(*Literal)
		if !ok || op.Of.Kind == ListType {
			c.fail(item, "a list in a rule holds literals only")
			return l
		}
		if l.Of.Elem != nil && l.Of.Elem.Kind != op.Of.Kind {
			c.fail(item, "the elements of a list have one type")
		}
		l.Of.Elem = &op.Of
		l.Value.Items = append(l.Value.Items, op.Value)
	}
	if len(l.Value.Items) == 0 || len(l.Value.Items) > 100 {
		c.fail(e, "a list in a rule has 1 to 100 elements")
	}
	return l
}

// shifted lowers now ± duration('…'), timestamp('…') and duration constants.
func (c *compiler) shifted(e ast.Expr) Operand {
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.Add, operators.Subtract:
		p, ok := c.operand(call.Args()[0], 0).(*Param)
		if !ok || (p.Kind != Now && p.Kind != Today) || call.Args()[1].Kind() != ast.CallKind || call.Args()[1].AsCall().FunctionName() != "duration" {
			break
		}
		text, ok := literalText(call.Args()[1].AsCall())
		d, err := time.ParseDuration(text)
		if !ok || err != nil || d < 0 || d > 100*366*24*time.Hour {
			c.fail(call.Args()[1], "a duration is written like duration('720h')")
			return &Literal{}
		}
		if call.FunctionName() == operators.Subtract {
			d = -d
		}
		return &Param{Kind: p.Kind, Shift: p.Shift + d, Of: p.Of}
	case "timestamp":
		text, ok := literalText(call)
		at, err := time.Parse(time.RFC3339, text)
		if !ok || err != nil {
			c.fail(e, "a time is written like timestamp('2026-01-31T12:00:00Z')")
			return &Literal{}
		}
		return &Literal{types.IntValue(types.Micros(at)), Type{Kind: TimeType}}
	}
	if c.err == nil {
		c.call(e, 0) // says what is wrong with it
	}
	c.fail(e, "a condition cannot be compared; use && and ||")
	return &Literal{}
}

// path lowers row.a.b, new.a, v.a and me.id.
func (c *compiler) path(e ast.Expr) Operand {
	var names []string
	at := e
	for at.Kind() == ast.SelectKind && !at.AsSelect().IsTestOnly() {
		names = append(names, at.AsSelect().FieldName())
		at = at.AsSelect().Operand()
	}
	if at.Kind() != ast.IdentKind {
		c.fail(e, "a path starts from row, new, me or a variable of exists")
		return &Literal{}
	}
	slices.Reverse(names)
	p := &Path{}
	collection := c.scope.Self
	switch root := at.AsIdent(); {
	case root == "me" && c.scope.Me:
		return c.me(e, names)
	case root == "row" && c.scope.Row:
		p.Root = RowRoot
	case root == "new" && c.scope.New:
		p.Root = NewRoot
	default:
		i := slices.IndexFunc(c.vars, func(v variable) bool { return v.name == root })
		if i < 0 {
			c.unknown(at, root)
			return &Literal{}
		}
		p.Root, p.Var, collection = ElemRoot, i+1, c.vars[i].collection
	}
	return c.walk(e, p, collection, names)
}

func (c *compiler) walk(e ast.Expr, p *Path, collection string, names []string) Operand {
	for i, name := range names {
		f, ok := c.field(e, collection, name)
		if !ok {
			return &Literal{}
		}
		if i == len(names)-1 {
			p.Field, p.From, p.Of = name, collection, f.Type
			break
		}
		if f.Type.Kind != RefType {
			c.fail(e, "%s.%s is %s and points at nothing; end the path there", collection, name, f.Type)
			return &Literal{}
		}
		p.Refs = append(p.Refs, Step{Field: name, In: collection, To: f.Type.To})
		collection = f.Type.To
	}
	if len(p.Refs) > 3 || (c.scope.Filter && len(p.Refs) > 0) {
		c.fail(e, "this path follows too many references; a rule follows at most three, a filter none")
	}
	if p.Of.Kind == SealedType && (!c.scope.Sealed || p.Root != NewRoot || len(p.Refs) > 0) {
		c.fail(e, "%s.%s is encrypted; only a check may read it, as new.%s", p.From, p.Field, p.Field)
	}
	return p
}

// field finds a field of a collection.
func (c *compiler) field(e ast.Expr, collection, name string) (ShapeField, bool) {
	shape := c.scope.Shapes[collection]
	if shape == nil {
		c.fail(e, "nothing is known of collection %q", collection)
		return ShapeField{}, false
	}
	var names []string
	for _, f := range shape.Fields {
		if f.Name == name {
			return f, true
		}
		names = append(names, f.Name)
	}
	c.fail(e, "unknown field %q of %s%s", name, collection, slip.Suggest(name, names))
	return ShapeField{}, false
}

func (c *compiler) me(e ast.Expr, names []string) Operand {
	if len(names) == 1 {
		switch names[0] {
		case "id":
			return &Param{Kind: MeID, Of: Type{Kind: RefType, To: "accounts"}}
		case "org":
			return &Param{Kind: MeOrg, Of: Type{Kind: RefType, To: "organisations"}}
		case "mfa":
			return &Param{Kind: MeMFA, Of: Type{Kind: BoolType}}
		}
	}
	c.fail(e, "me has id, org and mfa; reach profile fields through a reference such as row.author.name")
	return &Literal{}
}

func (c *compiler) compare(e ast.Expr, op Op, left, right ast.Expr, depth int) Expr {
	c.count(e)
	c.null(op, left, right)
	c.null(op, right, left)
	l, r := c.operand(left, depth), c.operand(right, depth)
	if c.err != nil {
		return &Fixed{}
	}
	l, r = c.match(left, l, r.Type()), c.match(right, r, l.Type())
	if c.err != nil {
		return &Fixed{}
	}
	t, u := l.Type(), r.Type()
	if t.Kind != u.Kind || t.To != u.To || (t.Kind == DecimalType && t.Digits != u.Digits) {
		c.fail(e, "%s never compares with %s; compare values of one type", t, u)
	}
	switch {
	case t.Kind == ListType || t.Kind == JSONType || t.Kind == SealedType && !c.scope.Sealed:
		c.fail(e, "%s is not compared; use in or has", t)
	case op > NotEqual && (t.Kind == BoolType || t.Kind == RefType):
		c.fail(e, "%s has no order; use == or !=", t)
	}
	if f := optionalPair(c, l, r); f != "" && op == Equal {
		c.fail(e, "new.%s == row.%s is unknown when the field is missing; write unchanged(%s)", f, f, f)
	}
	return &Compare{op, l, r}
}

// null refuses a comparison with null and says what to write.
func (c *compiler) null(op Op, of, with ast.Expr) {
	if with.Kind() != ast.LiteralKind || with.AsLiteral().Type().TypeName() != "null_type" {
		return
	}
	var names []string
	for ; of.Kind() == ast.SelectKind; of = of.AsSelect().Operand() {
		names = append([]string{of.AsSelect().FieldName()}, names...)
	}
	if of.Kind() == ast.IdentKind {
		names = append([]string{of.AsIdent()}, names...)
	}
	c.fail(with, "%s", slip.Null(strings.Join(names, "."), op == NotEqual))
}

// optionalPair names the optional field that is compared with itself across row and new.
func optionalPair(c *compiler, l, r Operand) string {
	p, ok := l.(*Path)
	q, also := r.(*Path)
	if !ok || !also || p.Field != q.Field || len(p.Refs)+len(q.Refs) > 0 || p.Root == q.Root || p.Root == ElemRoot || q.Root == ElemRoot {
		return ""
	}
	if f, found := c.field(nil, p.From, p.Field); found && f.Optional {
		return p.Field
	}
	return ""
}

func (c *compiler) in(e, elem, list ast.Expr, depth int) Expr {
	c.count(e)
	l, r := c.operand(elem, depth), c.operand(list, depth)
	if c.err != nil {
		return &Fixed{}
	}
	if r.Type().Kind != ListType || r.Type().Elem == nil {
		c.fail(e, "in looks into a list; this is %s", r.Type())
		return &Fixed{}
	}
	if lit, ok := r.(*Literal); ok {
		r = c.matchList(list, lit, l.Type())
	}
	l = c.match(elem, l, *r.Type().Elem)
	if c.err == nil && (l.Type().Kind != r.Type().Elem.Kind || l.Type().To != r.Type().Elem.To) {
		c.fail(e, "%s is never in a list of %s", l.Type(), *r.Type().Elem)
	}
	return &In{l, r}
}

func (c *compiler) matchList(e ast.Expr, l *Literal, want Type) *Literal {
	out := &Literal{Value: types.ListValue(), Of: Type{Kind: ListType, Elem: &want}}
	for _, item := range l.Value.Items {
		if m, ok := c.match(e, &Literal{item, *l.Of.Elem}, want).(*Literal); ok {
			out.Value.Items = append(out.Value.Items, m.Value)
		}
	}
	return out
}

var decimalForm = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,9})?$`)

// match gives a literal the type of what it is compared with.
func (c *compiler) match(e ast.Expr, op Operand, want Type) Operand {
	l, ok := op.(*Literal)
	if !ok || l.Of.Kind == want.Kind && want.Kind != TextType || l.Of.Kind == ListType {
		return op
	}
	text := l.Value.Text
	switch {
	case want.Kind == TextType && l.Of.Kind == TextType:
		if len(want.Values) > 0 && !slices.Contains(want.Values, text) {
			c.fail(e, "%q is not one of the declared values%s", text, slip.Suggest(text, want.Values))
		}
	case want.Kind == RefType && l.Of.Kind == TextType:
		return &Literal{l.Value, want}
	case want.Kind == DateType && l.Of.Kind == TextType:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			c.fail(e, "a date is written like '2026-01-31'")
		}
		return &Literal{l.Value, want}
	case want.Kind == TimeType && l.Of.Kind == TextType:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			c.fail(e, "a time is written like '2026-01-31T12:00:00Z'")
		}
		return &Literal{types.IntValue(types.Micros(at)), want}
	case want.Kind == DecimalType && l.Of.Kind == IntType:
		text = strconv.FormatInt(l.Value.Int, 10)
		fallthrough
	case want.Kind == DecimalType && l.Of.Kind == TextType:
		n, err := Scale(text, want.Digits)
		if err != nil {
			c.fail(e, "%v", err)
		}
		return &Literal{types.IntValue(n), want}
	}
	return op
}

// Scale reads a decimal such as "-12.50" as an integer scaled by 10^digits. It refuses more digits than that.
func Scale(text string, digits int) (int64, error) {
	if !decimalForm.MatchString(text) {
		return 0, fmt.Errorf("a decimal is written like '12.50'")
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > digits {
		return 0, fmt.Errorf("this decimal has at most %d digits after the point", digits)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil || n > math.MaxInt64/2 || n < math.MinInt64/2 {
		return 0, fmt.Errorf("this decimal is too large")
	}
	return n, nil
}
