package naive

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The tree of a rule.
type (
	node   any
	binary struct {
		op          string
		left, right node
	}
	negation struct{ of node }
	literal  struct{ is any } // string, int64, bool, []any
	word     string
	path     []string // at least two names
	shift    struct {
		of string // now or today
		by time.Duration
	}
	call struct {
		on   node // what stands before the point; nil for none
		name string
		args []node
	}
)

// token is a word, a number, a quoted text (kind 's') or a sign.
type token struct {
	kind byte // 'w' word, 'n' number, 's' text, 'o' sign, 0 end
	text string
}

type parser struct {
	tokens []token
	at     int
}

// parse reads the text of a rule.
func parse(src string) (node, error) {
	tokens, err := scan(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != 0 {
		return nil, fmt.Errorf("naive: %q is too much", p.peek().text)
	}
	return n, nil
}

func scan(src string) ([]token, error) {
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			i++
		case c == '\'' || c == '"':
			text, n, err := quoted(src[i:])
			if err != nil {
				return nil, err
			}
			out, i = append(out, token{'s', text}), i+n
		case c == '_' || unicode.IsLetter(rune(c)):
			end := i
			for end < len(src) && (src[end] == '_' || src[end] >= '0' && src[end] <= '9' || unicode.IsLetter(rune(src[end]))) {
				end++
			}
			out, i = append(out, token{'w', src[i:end]}), end
		case c >= '0' && c <= '9':
			end := i
			for end < len(src) && src[end] >= '0' && src[end] <= '9' {
				end++
			}
			out, i = append(out, token{'n', src[i:end]}), end
		default:
			n := 1
			if i+1 < len(src) && strings.Contains(" && || == != <= >= ", " "+src[i:i+2]+" ") {
				n = 2
			}
			out, i = append(out, token{'o', src[i : i+n]}), i+n
		}
	}
	return out, nil
}

// quoted reads a text in quotes, with CEL's escapes \\ \' \" \n, and says how many bytes it took.
func quoted(src string) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(src); i++ {
		switch {
		case src[i] == src[0]:
			return b.String(), i + 1, nil
		case src[i] == '\\' && i+1 < len(src):
			i++
			if src[i] == 'n' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(src[i])
			}
		default:
			b.WriteByte(src[i])
		}
	}
	return "", 0, errEnd
}

func (p *parser) peek() token {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return token{}
}

// take steps over a sign or a word of the grammar.
func (p *parser) take(text string) bool {
	t := p.peek()
	if (t.kind == 'o' || t.kind == 'w') && t.text == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) or() (node, error) { return p.chain("||", p.and) }

func (p *parser) and() (node, error) { return p.chain("&&", p.relation) }

func (p *parser) chain(op string, below func() (node, error)) (node, error) {
	left, err := below()
	for err == nil && p.take(op) {
		var right node
		right, err = below()
		left = binary{op, left, right}
	}
	return left, err
}

func (p *parser) relation() (node, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">", "in"} {
		if p.take(op) {
			right, err := p.unary()
			return binary{op, left, right}, err
		}
	}
	return left, nil
}

func (p *parser) unary() (node, error) {
	if p.take("!") {
		n, err := p.unary()
		return negation{n}, err
	}
	if p.take("(") {
		n, err := p.or()
		if err == nil && !p.take(")") {
			err = errEnd
		}
		return n, err
	}
	if p.take("[") {
		return p.list()
	}
	return p.primary()
}

func (p *parser) list() (node, error) {
	items := []any{}
	for !p.take("]") {
		n, err := p.unary()
		if err != nil {
			return nil, err
		}
		l, ok := n.(literal)
		if !ok {
			return nil, fmt.Errorf("naive: a list holds literals")
		}
		items = append(items, l.is)
		p.take(",")
	}
	return literal{items}, nil
}

func (p *parser) primary() (node, error) {
	t := p.peek()
	p.at++
	switch {
	case t.kind == 's':
		return literal{t.text}, nil
	case t.kind == 'n' || t.kind == 'o' && t.text == "-":
		if t.text == "-" {
			t.text += p.peek().text
			p.at++
		}
		n, err := strconv.ParseInt(t.text, 10, 64)
		return literal{n}, err
	case t.kind == 'w' && (t.text == "true" || t.text == "false"):
		return literal{t.text == "true"}, nil
	case t.kind == 'w':
		return p.named(t.text)
	case t.kind == 0:
		return nil, errEnd
	}
	return nil, fmt.Errorf("naive: %q does not begin a value", t.text)
}

// named reads what begins with a word: a call, a path, a method, a shifted time.
func (p *parser) named(name string) (node, error) {
	if p.take("(") {
		args, err := p.args()
		return call{nil, name, args}, err
	}
	names := []string{name}
	for p.take(".") {
		t := p.peek()
		p.at++
		if t.kind != 'w' {
			return nil, errEnd
		}
		if p.take("(") {
			args, err := p.args()
			return call{nameOf(names), t.text, args}, err
		}
		names = append(names, t.text)
	}
	if len(names) == 1 && (name == "now" || name == "today") {
		return p.shifted(name)
	}
	return nameOf(names), nil
}

func nameOf(names []string) node {
	if len(names) == 1 {
		return word(names[0])
	}
	return path(names)
}

func (p *parser) args() ([]node, error) {
	var out []node
	for !p.take(")") {
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		p.take(",")
	}
	return out, nil
}

func (p *parser) shifted(name string) (node, error) {
	sign := time.Duration(0)
	switch {
	case p.take("+"):
		sign = 1
	case p.take("-"):
		sign = -1
	default:
		return word(name), nil
	}
	n, err := p.unary()
	if err != nil {
		return nil, err
	}
	c, ok := n.(call)
	if !ok || c.name != "duration" || len(c.args) != 1 {
		return nil, fmt.Errorf("naive: only a duration is added to %s", name)
	}
	d, err := time.ParseDuration(fmt.Sprint(c.args[0].(literal).is))
	return shift{name, sign * d}, err
}
