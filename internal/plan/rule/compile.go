package rule

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/fastness-dev/fastness/internal/plan/slip"
	"github.com/fastness-dev/fastness/internal/types"
)

// Bounds of an expression, in bytes of source and levels of nesting.
const (
	maxSource       = 8 << 10
	maxDepth        = 32
	maxFilterSource = 1 << 10
	maxFilterDepth  = 8
	maxComparisons  = 16 // of a filter
)

// celParser is cel-go without macros: has and exists stay calls, which the lowering below reads by itself.
var celParser = sync.OnceValues(func() (*cel.Env, error) { return cel.NewCustomEnv(cel.ClearMacros()) })

// Compile parses CEL and lowers it to an Expr, checking every name and type against the scope. What the lowering does not
// list is refused. The error is an *Error.
func Compile(scope *Scope, src string) (Expr, error) {
	return compile(scope, src, nil)
}

func compile(scope *Scope, src string, within []string) (Expr, error) {
	limit, depth := maxSource, maxDepth
	if scope.Filter {
		limit, depth = maxFilterSource, maxFilterDepth
	}
	if len(src) > limit {
		return nil, &Error{1, 1, fmt.Sprintf("an expression has at most %d bytes; shorten it", limit)}
	}
	env, err := celParser()
	if err != nil {
		return nil, err
	}
	parsed, issues := env.Parse(src)
	if issues.Err() != nil {
		if line, col, say := slip.Find(src); say != "" {
			return nil, &Error{line, col, say}
		}
		first := issues.Errors()[0]
		return nil, &Error{first.Location.Line(), first.Location.Column() + 1, "cannot be read as CEL: " + brief(first.Message)}
	}
	c := &compiler{scope: scope, src: src, ast: parsed.NativeRep(), within: within, depth: depth}
	e := c.condition(c.ast.Expr(), 0)
	if c.err != nil {
		return nil, c.err
	}
	return e, nil
}

// brief drops the parser's list of everything that could have stood there.
func brief(message string) string {
	said, _, _ := strings.Cut(strings.TrimPrefix(message, "Syntax error: "), " expecting {")
	return said
}

// compiler lowers one syntax tree. The first error stops it.
type compiler struct {
	scope       *Scope
	src         string
	ast         *ast.AST
	vars        []variable
	within      []string // lets being expanded
	depth       int
	comparisons int
	err         error
}

// variable is the variable of an exists.
type variable struct{ name, collection string }

func (c *compiler) fail(e ast.Expr, format string, args ...any) {
	if c.err != nil {
		return
	}
	line, col := c.place(e)
	c.err = &Error{line, col, fmt.Sprintf(format, args...)}
}

// place is where the word of an expression stands: the field of a path and the name of a function, where the parser tells its point
// and its bracket.
func (c *compiler) place(e ast.Expr) (line, col int) {
	at := c.ast.SourceInfo().GetStartLocation(e.ID())
	line, col = max(at.Line(), 1), max(at.Column()+1, 1)
	lines := strings.Split(c.src, "\n")
	text := []rune(lines[min(line, len(lines))-1])
	switch {
	case col > len(text):
	case e.Kind() == ast.SelectKind && text[col-1] == '.':
		return line, col + 1
	case e.Kind() == ast.CallKind && text[col-1] == '(':
		col = slip.Back(text, col)
	}
	return line, col
}

// condition lowers an expression in the place of a condition.
func (c *compiler) condition(e ast.Expr, depth int) Expr {
	if depth > c.depth {
		c.fail(e, "nested deeper than %d; split it into lets", c.depth)
	}
	if c.err != nil {
		return &Fixed{}
	}
	switch e.Kind() {
	case ast.CallKind:
		return c.call(e, depth+1)
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().Value().(bool); ok {
			return fixed(b)
		}
	case ast.IdentKind:
		if e.AsIdent() != "row" && e.AsIdent() != "new" && e.AsIdent() != "me" {
			return c.let(e)
		}
	case ast.SelectKind:
		op := c.operand(e, depth)
		if c.err == nil && op.Type().Kind != BoolType {
			c.fail(e, "this is %s and not a condition; compare it with something", op.Type())
		}
		return &Flag{op}
	}
	c.fail(e, "this is not a condition; compare it with something")
	return &Fixed{}
}

func fixed(b bool) Expr {
	if b {
		return &Fixed{Yes}
	}
	return &Fixed{No}
}

// let expands a named condition.
func (c *compiler) let(e ast.Expr) Expr {
	name := e.AsIdent()
	src, ok := c.scope.Let[name]
	if !ok {
		c.unknown(e, name)
		return &Fixed{}
	}
	if slices.Contains(c.within, name) {
		c.fail(e, "the let %q uses itself; take one of the uses out", name)
		return &Fixed{}
	}
	out, err := compile(c.scope, src, append(slices.Clone(c.within), name))
	if err != nil {
		c.fail(e, "in let %q at %v", name, err)
		return &Fixed{}
	}
	return out
}

// unknown refuses a name that stands for nothing.
func (c *compiler) unknown(e ast.Expr, name string) {
	self := c.scope.Shapes[c.scope.Self]
	known := self != nil && slices.ContainsFunc(self.Fields, func(f ShapeField) bool { return f.Name == name })
	if say := slip.Name(name, c.scope.Row, c.scope.New, known); say != "" {
		c.fail(e, "unknown name %q; %s", name, say)
		return
	}
	c.fail(e, "unknown name %q%s", name, slip.Suggest(name, c.names()))
}

// names lists what may start a path or stand as a condition, for suggestions.
func (c *compiler) names() []string {
	var out []string
	if c.scope.Row {
		out = append(out, "row")
	}
	if c.scope.New {
		out = append(out, "new")
	}
	if c.scope.Me {
		out = append(out, "me", "has_role")
	}
	for name := range c.scope.Let {
		out = append(out, name)
	}
	slices.Sort(out)
	return append(out, "has", "now", "today")
}

var comparisons = map[string]Op{
	operators.Equals: Equal, operators.NotEquals: NotEqual, operators.Less: Less, operators.LessEquals: LessEqual,
	operators.Greater: Greater, operators.GreaterEquals: GreaterEqual,
}

// call lowers operators and functions that give a condition.
func (c *compiler) call(e ast.Expr, depth int) Expr {
	call := e.AsCall()
	args := call.Args()
	if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind && call.Target().AsIdent() == "auth" {
		c.fail(call.Target(), "auth.%s() belongs to Supabase; write me.id, the caller, or has_role('editor')", call.FunctionName())
		return &Fixed{}
	}
	if op, ok := comparisons[call.FunctionName()]; ok {
		return c.compare(e, op, args[0], args[1], depth)
	}
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd:
		return &And{[]Expr{c.condition(args[0], depth), c.condition(args[1], depth)}}
	case operators.LogicalOr:
		return &Or{[]Expr{c.condition(args[0], depth), c.condition(args[1], depth)}}
	case operators.LogicalNot:
		return &Not{c.condition(args[0], depth)}
	case operators.In:
		return c.in(e, args[0], args[1], depth)
	case "has":
		return c.has(e, call)
	case "has_role":
		return c.hasRole(e, call)
	case "unchanged":
		return c.unchanged(e, call)
	case "startsWith":
		return c.startsWith(e, call, depth)
	case "exists":
		return c.exists(e, call, depth)
	case operators.Conditional:
		c.fail(e, "`? :` is not part of rules; write (a && b) || (!a && c)")
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate:
		c.fail(e, "rules have no arithmetic except now ± duration('…'); keep the result in a field")
	case operators.Index:
		c.fail(e, "rules have no look-up by index; name a field")
	case "matches", "size", "contains", "endsWith":
		c.fail(e, "%q is not part of rules; use ==, in or startsWith", name)
	default:
		c.fail(e, "unknown function %q%s", name, slip.Suggest(name, []string{"has", "has_role", "unchanged", "startsWith", "exists"}))
	}
	return &Fixed{}
}

func (c *compiler) hasRole(e ast.Expr, call ast.CallExpr) Expr {
	if !c.scope.Me {
		c.fail(e, "has_role is not available here")
		return &Fixed{}
	}
	name, ok := literalText(call)
	if !ok {
		c.fail(e, "has_role takes one quoted role; write has_role('editor')")
		return &Fixed{}
	}
	i := slices.Index(c.scope.Roles, name)
	if i < 0 {
		c.fail(e, "unknown role %q%s", name, slip.Suggest(name, c.scope.Roles))
		return &Fixed{}
	}
	return &HasRole{types.RoleSet(1) << i}
}

func literalText(call ast.CallExpr) (string, bool) {
	if call.IsMemberFunction() || len(call.Args()) != 1 || call.Args()[0].Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := call.Args()[0].AsLiteral().Value().(string)
	return s, ok
}

func (c *compiler) has(e ast.Expr, call ast.CallExpr) Expr {
	if call.IsMemberFunction() || len(call.Args()) != 1 || call.Args()[0].Kind() != ast.SelectKind {
		c.fail(e, "has takes one field; write has(row.field)")
		return &Fixed{}
	}
	p, ok := c.path(call.Args()[0]).(*Path)
	if !ok {
		c.fail(e, "has takes a field of a row; write has(row.field)")
		return &Fixed{}
	}
	return &Has{*p}
}

// unchanged takes a field's name: unchanged(status), or a path unchanged(row.status).
func (c *compiler) unchanged(e ast.Expr, call ast.CallExpr) Expr {
	if !c.scope.Row || !c.scope.New {
		c.fail(e, "unchanged compares row with new and works in update rules and checks only")
		return &Fixed{}
	}
	if !call.IsMemberFunction() && len(call.Args()) == 1 {
		arg, field := call.Args()[0], ""
		switch {
		case arg.Kind() == ast.IdentKind:
			field = arg.AsIdent()
		case arg.Kind() == ast.SelectKind && arg.AsSelect().Operand().Kind() == ast.IdentKind:
			field = arg.AsSelect().FieldName()
		}
		if field != "" {
			if _, ok := c.field(arg, c.scope.Self, field); ok {
				return &Unchanged{field}
			}
			return &Fixed{}
		}
	}
	c.fail(e, "unchanged takes one field; write unchanged(status)")
	return &Fixed{}
}

func (c *compiler) startsWith(e ast.Expr, call ast.CallExpr, depth int) Expr {
	if !call.IsMemberFunction() || len(call.Args()) != 1 {
		c.fail(e, "startsWith belongs to a text; write row.title.startsWith('A')")
		return &Fixed{}
	}
	c.count(e)
	text, prefix := c.operand(call.Target(), depth), c.operand(call.Args()[0], depth)
	if c.err == nil && (text.Type().Kind != TextType || prefix.Type().Kind != TextType) {
		c.fail(e, "startsWith compares texts; this is %s and %s", text.Type(), prefix.Type())
	}
	return &StartsWith{text, prefix}
}

// exists asks another collection: articles.exists(a, a.author == row.id).
func (c *compiler) exists(e ast.Expr, call ast.CallExpr, depth int) Expr {
	if c.scope.Filter {
		c.fail(e, "a filter cannot ask another collection")
		return &Fixed{}
	}
	args := call.Args()
	if !call.IsMemberFunction() || len(args) != 2 || call.Target().Kind() != ast.IdentKind || args[0].Kind() != ast.IdentKind {
		c.fail(e, "exists asks a collection; write comments.exists(c, c.article == row.id)")
		return &Fixed{}
	}
	name, v := call.Target().AsIdent(), args[0].AsIdent()
	if _, ok := c.scope.Shapes[name]; !ok {
		c.fail(call.Target(), "unknown collection %q%s", name, slip.Suggest(name, c.collections()))
		return &Fixed{}
	}
	if slices.Contains([]string{"row", "new", "me", "now", "today"}, v) || slices.ContainsFunc(c.vars, func(x variable) bool { return x.name == v }) {
		c.fail(args[0], "%q has a meaning already; choose another variable", v)
		return &Fixed{}
	}
	c.vars = append(c.vars, variable{v, name})
	defer func() { c.vars = c.vars[:len(c.vars)-1] }()
	if len(c.vars) > 3 {
		c.fail(e, "exists nests at most three deep")
	}
	cond := c.condition(args[1], depth)
	if shape := c.scope.Shapes[name]; shape.PerOrg {
		cond = &And{[]Expr{InOrganisation(Path{Root: ElemRoot, Var: len(c.vars), From: name}), cond}}
	}
	return &Exists{Collection: name, Var: len(c.vars), Cond: cond}
}

// BindsOrganisation reports whether e is what InOrganisation makes.
func BindsOrganisation(e Expr) bool {
	c, ok := e.(*Compare)
	if !ok {
		return false
	}
	p, ok := c.Right.(*Param)
	return ok && p.Kind == Within
}

// InOrganisation is the condition that the row at the root of a path belongs to the caller's active organisation. It is never
// unknown, and false for a caller without one.
func InOrganisation(at Path) Expr {
	at.Field, at.Of = "org", Type{Kind: RefType, To: "organisations"}
	return &Compare{Op: Equal, Left: &at, Right: &Param{Kind: Within, Of: at.Of}}
}

func (c *compiler) collections() []string {
	var out []string
	for name := range c.scope.Shapes {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// count bounds the comparisons of a filter.
func (c *compiler) count(e ast.Expr) {
	if c.comparisons++; c.scope.Filter && c.comparisons > maxComparisons {
		c.fail(e, "a filter has at most %d comparisons", maxComparisons)
	}
}
