package decl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/fastness-dev/fastness/internal/plan/slip"
)

// Bounds of a declaration.
const (
	maxBytes = 1 << 20
	maxDepth = 24
)

// ParseFile reads the declaration at path for an environment ("production" or "development").
func ParseFile(path, env string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("declaration: %w; give the path of a fastness.yaml, or make one with: fastness new NAME", err)
	}
	if info.Size() > maxBytes {
		return nil, &Error{File: filepath.Base(path), Pos: Pos{1, 1}, Message: "a declaration has at most 1 MiB; is this the right file?"}
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("declaration: %w", err)
	}
	return Parse(filepath.Base(path), src, env)
}

// Parse reads a declaration strictly. The error is an Errors or an *Error.
func Parse(name string, src []byte, env string) (*File, error) {
	r := &reader{name: name, lines: strings.Split(string(src), "\n")}
	body := r.open(src)
	if len(r.errs) > 0 {
		return nil, sorted(r.errs)
	}
	f := &File{Name: name}
	r.file(f, body, env)
	if len(r.errs) == 0 {
		r.verify(f)
	}
	r.errs = slices.DeleteFunc(r.errs, func(e *Error) bool {
		return slices.Contains(r.slips, e.Pos.Line) && !strings.HasPrefix(e.Message, "put the rule in quotes")
	})
	if err := sorted(r.errs); err != nil {
		return nil, err
	}
	f.lines = r.lines
	return f, nil
}

// reader walks the syntax tree of YAML and collects what is wrong.
type reader struct {
	name  string
	lines []string
	errs  Errors
	slips []int // lines with a rule that lacks its quotes

	defs     map[string]*schema // while the reader describes itself; see Schema
	reserved int                // words met that are not built
}

func (r *reader) fail(at Pos, format string, args ...any) {
	r.errs = append(r.errs, &Error{File: r.name, Pos: at, Message: fmt.Sprintf(format, args...), Line: excerpt(r.lines, at.Line)})
}

// excerpt is a line of the file for an error, "" when there is none or it is too long to show.
func excerpt(lines []string, line int) string {
	if line < 1 || line > len(lines) || len(lines[line-1]) > 200 {
		return ""
	}
	return strings.TrimRight(lines[line-1], "\r")
}

// Wrong is an error at a place of the file, found after it was read.
func (f *File) Wrong(at Pos, message string) *Error {
	return &Error{File: f.Name, Pos: at, Message: message, Line: excerpt(f.lines, at.Line)}
}

// open checks the text and gives the top of the tree.
func (r *reader) open(src []byte) ast.Node {
	switch {
	case len(src) > maxBytes:
		r.fail(Pos{1, 1}, "a declaration has at most 1 MiB; is this the right file?")
		return nil
	case !utf8.Valid(src):
		r.fail(Pos{1, 1}, "this is not UTF-8; save the file as UTF-8")
		return nil
	}
	for i, line := range r.lines {
		if at := strings.IndexByte(line, '\t'); at >= 0 && strings.TrimSpace(line[:at]) == "" {
			r.fail(Pos{i + 1, at + 1}, "YAML is indented with spaces; replace the tab")
			return nil
		}
		if at := strings.IndexByte(line, 0); at >= 0 {
			r.fail(Pos{i + 1, at + 1}, "a NUL byte; remove it")
			return nil
		}
		if depthOf(line) > maxDepth {
			r.fail(Pos{i + 1, 1}, "nested deeper than %d; this cannot be a declaration", maxDepth)
			return nil
		}
	}
	tree, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		r.fail(Pos{1, 1}, "a declaration is exactly one YAML document; remove the others")
		return nil
	}
	return tree.Docs[0].Body
}

// depthOf bounds nesting before the parser recurses: brackets open at once and indentation.
func depthOf(line string) int {
	open, most := 0, 0
	for _, c := range line {
		switch c {
		case '[', '{':
			open++
			most = max(most, open)
		case ']', '}':
			open--
		}
	}
	return max(most, (len(line)-len(strings.TrimLeft(line, " ")))/2)
}

var ruleWord = regexp.MustCompile(`\b(when|that):\s*([^"'|>\s].*?)\s*(}\s*)?$`)

// syntax reports what the YAML parser could not read; inside a rule the usual cause is a missing quote.
func (r *reader) syntax(err error) {
	at, message := Pos{1, 1}, err.Error()
	var se yaml.Error
	if errors.As(err, &se) {
		message = se.GetMessage()
		if t := se.GetToken(); t != nil && t.Position != nil {
			at = Pos{t.Position.Line, t.Position.Column}
		}
	}
	for line := at.Line; line >= max(at.Line-1, 1) && line <= len(r.lines); line-- {
		if m := ruleWord.FindStringSubmatchIndex(r.lines[line-1]); m != nil {
			r.quoteRule(line, m[4])
			return
		}
	}
	r.fail(at, "this is not YAML: %s", message)
}

// quoteRule says how the line reads with the rule in quotes. from is where the rule begins in the line. What else YAML made of that line
// is not reported: it comes from the same slip.
func (r *reader) quoteRule(line, from int) {
	text := r.lines[line-1]
	to := ruleEnd(text, from)
	rule := text[from:to]
	quote := `"`
	if strings.ContainsAny(rule, `"\\`) {
		quote = `'`
		rule = strings.ReplaceAll(rule, `'`, `''`)
	}
	r.fail(Pos{line, from + 1}, "put the rule in quotes: %s", strings.TrimSpace(text[:from]+quote+rule+quote+text[to:]))
	r.slips = append(r.slips, line)
}

// ruleEnd finds where a rule that stands without quotes ends in its line: at the comma or brace that ends the entry of a mapping in braces,
// at a comment, or with the line. Brackets and texts of the rule's own are passed over.
func ruleEnd(text string, from int) int {
	braces := strings.Contains(text[:from], "{")
	depth, inside := 0, byte(0)
	for i := from; i < len(text); i++ {
		c := text[i]
		switch {
		case inside != 0:
			if c == inside {
				inside = 0
			}
		case c == '\'' || c == '"':
			inside = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case (c == '}' || c == ',') && depth == 0 && braces, c == '#' && i > from && text[i-1] == ' ':
			return len(strings.TrimRight(text[:i], " "))
		case c == ')' || c == ']' || c == '}':
			depth--
		}
	}
	return len(strings.TrimRight(text, " \r"))
}

func pos(n ast.Node) Pos {
	if _, ok := n.(*probe); ok {
		return Pos{1, 1}
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return Pos{1, 1}
	}
	p := n.GetToken().Position
	return Pos{p.Line, p.Column}
}

// pair is one entry of a mapping.
type pair struct {
	key   string
	at    Pos
	value ast.Node
}

// mapping reads the entries of a mapping in order; duplicate keys, anchors, tags and merges are errors.
func (r *reader) mapping(n ast.Node, what string) []pair {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *probe:
		return probeMapping(m)
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	case nil, *ast.NullNode:
		return nil
	default:
		r.odd(n, what+" is a block of words; write `word: value` below it")
		return nil
	}
	var out []pair
	seen := map[string]bool{}
	for _, v := range values {
		key, ok := v.Key.(*ast.StringNode)
		if !ok {
			r.odd(v.Key, "a key is a plain word")
			continue
		}
		at := pos(key)
		if seen[key.Value] {
			r.fail(at, "duplicate key %q; remove one of the two", key.Value)
			continue
		}
		seen[key.Value] = true
		out = append(out, pair{key.Value, at, v.Value})
	}
	return out
}

// odd reports a node of the wrong kind, naming the YAML features that a declaration does not have.
func (r *reader) odd(n ast.Node, want string) {
	switch n.(type) {
	case *probe:
	case *ast.AnchorNode, *ast.AliasNode:
		r.fail(pos(n), "anchors and aliases are not part of a declaration; write the value out")
	case *ast.TagNode:
		r.fail(pos(n), "tags are not part of a declaration; remove it")
	case *ast.MergeKeyNode:
		r.fail(pos(n), "merge keys are not part of a declaration; write the values out")
	default:
		r.fail(pos(n), "%s", want)
	}
}

// words reads a mapping whose keys are known: each is handed to its function, any other is an error with a suggestion.
func (r *reader) words(n ast.Node, what string, known map[string]func(ast.Node)) {
	if p, ok := n.(*probe); ok {
		r.probeWords(p, known)
		return
	}
	for _, p := range r.mapping(n, what) {
		if read, ok := known[p.key]; ok {
			read(p.value)
			continue
		}
		names := make([]string, 0, len(known))
		for k := range known {
			names = append(names, k)
		}
		slices.Sort(names)
		r.unknown(p.at, "word", p.key, what, names)
	}
}

func (r *reader) unknown(at Pos, kind, got, where string, names []string) {
	if say := slip.Word(where, got); say != "" {
		r.fail(at, "unknown %s %q in %s; %s", kind, got, where, say)
		return
	}
	if w := nearest(got, names); w != "" {
		r.fail(at, "unknown %s %q; did you mean %q?", kind, got, w)
		return
	}
	r.fail(at, "unknown %s %q in %s; known: %s", kind, got, where, strings.Join(names, ", "))
}

// items reads a sequence.
func (r *reader) items(n ast.Node, what string) []ast.Node {
	if p, ok := n.(*probe); ok {
		p.s.Type, p.s.Items = "array", &schema{}
		return []ast.Node{&probe{s: p.s.Items}}
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.odd(n, what+" is a list; write [a, b]")
		return nil
	}
	return s.Values
}

// text reads a text: quoted, or plain when YAML reads it as a text.
func (r *reader) text(n ast.Node) Text {
	switch s := n.(type) {
	case *probe:
		s.s.Type = "string"
		return Text{}
	case *ast.StringNode:
		return Text{s.Value, pos(n)}
	case *ast.LiteralNode:
		return Text{s.Value.Value, pos(n)}
	}
	r.odd(n, "this must be a text; put it in quotes")
	return Text{}
}

func (r *reader) str(n ast.Node) string { return r.text(n).Value }

func (r *reader) strs(n ast.Node, what string) []string {
	out := []string{}
	for _, i := range r.items(n, what) {
		out = append(out, r.str(i))
	}
	return out
}

func (r *reader) texts(n ast.Node, what string) []Text {
	var out []Text
	for _, i := range r.items(n, what) {
		out = append(out, r.text(i))
	}
	return out
}

func (r *reader) flag(n ast.Node) bool {
	shape(n, func(s *schema) { s.Type = "boolean" })
	b, ok := n.(*ast.BoolNode)
	if !ok || (b.GetToken().Value != "true" && b.GetToken().Value != "false") {
		r.odd(n, "write true or false")
		return false
	}
	return b.Value
}

var plainInt = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,15})$`)

func (r *reader) number(n ast.Node) int64 {
	shape(n, func(s *schema) { s.Type = "integer" })
	i, ok := n.(*ast.IntegerNode)
	if !ok || !plainInt.MatchString(i.GetToken().Value) {
		r.odd(n, "write a whole number in decimal digits")
		return 0
	}
	v, _ := strconv.ParseInt(i.GetToken().Value, 10, 64)
	return v
}

// scalar reads a bound or a default: a whole number, true, false or a text, as it is written.
func (r *reader) scalar(n ast.Node) *Text {
	switch n := n.(type) {
	case *probe:
		n.s.Type = []string{"integer", "boolean", "string"}
		return &Text{}
	case *ast.IntegerNode:
		return &Text{strconv.FormatInt(r.number(n), 10), pos(n)}
	case *ast.BoolNode:
		return &Text{strconv.FormatBool(r.flag(n)), pos(n)}
	case *ast.FloatNode:
		r.fail(pos(n), "put numbers with a point in quotes: %q", n.GetToken().Value)
		return &Text{}
	}
	t := r.text(n)
	return &t
}

// expr reads a rule: a quoted text or a block scalar.
func (r *reader) expr(n ast.Node) Expr {
	switch s := n.(type) {
	case *probe:
		s.s.Type = "string"
		return Expr{}
	case *ast.StringNode:
		at := pos(n)
		if t := s.GetToken().Type; t != token.SingleQuoteType && t != token.DoubleQuoteType {
			if at.Line <= len(r.lines) {
				line := r.lines[at.Line-1]
				r.quoteRule(at.Line, min(at.Col-1, len(line)))
			}
			return Expr{}
		}
		e := Expr{Text: s.Value, Pos: Pos{at.Line, at.Col + 1}}
		if at.Line <= len(r.lines) && !strings.Contains(r.lines[at.Line-1], s.Value) { // over several lines, or with escapes
			e.parts = r.parts(s.Value, at.Line+1)
		}
		return e
	case *ast.LiteralNode:
		at, text := pos(n), strings.TrimRight(s.Value.Value, "\n")
		return Expr{text, Pos{at.Line + 1, 1}, r.parts(text, at.Line+1)}
	}
	line := pos(n)
	if line.Line <= len(r.lines) {
		if m := ruleWord.FindStringSubmatchIndex(r.lines[line.Line-1]); m != nil {
			r.quoteRule(line.Line, m[4])
			return Expr{}
		}
	}
	r.odd(n, `put the rule in quotes: "…"`)
	return Expr{}
}
