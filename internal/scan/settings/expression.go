package settings

import (
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/source"
)

// maxNesting is how deep expressions may lie in each other; what lies deeper is computed.
const maxNesting = 64

// expression reads one expression, and stands behind it. What it does not know it leaves where it is.
func (m *module) expression() value {
	if m.depth++; m.depth > maxNesting {
		m.depth--
		return value{}
	}
	defer func() { m.depth-- }()
	line := m.line()
	if m.is(source.Word, "lambda") {
		return value{line: line}
	}
	v := m.either(0)
	if m.is(source.Word, "if") {
		m.at++
		test := m.either(0)
		if !m.take(source.Word, "else") {
			return value{line: line}
		}
		other := m.expression()
		yes, known := test.truth()
		switch {
		case known && !yes:
			v = other
		case known:
		case test.shape == outside && v.shape != computed && other.shape != computed:
			v = value{shape: outside}
		default:
			v = value{}
		}
	}
	v.line, v.file = line, m.name
	return v
}

// ranks are how tight operators bind.
var ranks = map[string]int{"or": 1, "and": 2, "in": 4, "not": 4, "is": 4, "==": 4, "!=": 4, "<": 4, ">": 4, "<=": 4, ">=": 4, "|": 5, "^": 6, "&": 7, "<<": 8, ">>": 8,
	"+": 9, "-": 9, "*": 10, "/": 10, "//": 10, "%": 10, "@": 10}

// either reads operators that bind tighter than a rank. It goes forward in a loop, so that a long sum is no deep one.
func (m *module) either(above int) value {
	if m.depth++; m.depth > maxNesting {
		m.depth--
		return value{}
	}
	defer func() { m.depth-- }()
	a := m.unary()
	for {
		t := m.toks[m.at]
		rank := 0
		if t.Kind == source.Mark || t.Kind == source.Word {
			rank = ranks[t.Text]
		}
		if rank <= above {
			return a
		}
		m.at++
		if t.Text == "not" && !m.take(source.Word, "in") {
			return value{}
		}
		if t.Text == "is" {
			m.take(source.Word, "not")
		}
		b := m.either(rank)
		if rank != 4 {
			a = operate(t.Text, a, b)
		} else if a.shape == outside && b.shape != computed || b.shape == outside && a.shape != computed {
			a = value{shape: outside}
		} else {
			a = value{}
		}
		a.ref = ""
	}
}

// unary reads what stands before a value.
func (m *module) unary() value {
	not := 0
	for m.is(source.Word, "not") {
		m.at++
		not++
	}
	sign := int64(1)
	for m.is(source.Mark, "-") || m.is(source.Mark, "+") || m.is(source.Mark, "~") || m.is(source.Word, "await") {
		if m.is(source.Mark, "-") {
			sign = -sign
		}
		m.at++
	}
	v := m.postfix()
	if v.shape == integer {
		v.n *= sign
	}
	if not > 0 {
		yes, known := v.truth()
		switch {
		case known:
			return truthy(yes == (not%2 == 0))
		case v.shape != outside:
			return value{}
		}
	}
	return v
}

// postfix reads a value and what is asked of it: attributes, items, calls. What comes from outside stays so.
func (m *module) postfix() value {
	v := m.atom()
	for {
		t := m.toks[m.at]
		if t.Kind != source.Mark {
			return v
		}
		switch t.Text {
		case ".":
			next := m.toks[m.at+1]
			if next.Kind != source.Word {
				return value{}
			}
			m.at += 2
			was := v
			v = value{ref: was.ref + "." + next.Text}
			if was.ref == "" || len(v.ref) > 200 {
				v.ref = "." + next.Text
			}
			if was.shape == outside || m.fromOutside(v.ref) {
				v.shape = outside
			}
		case "[":
			m.at++
			key := m.expression()
			m.at = int(t.Pair) + 1
			was := v
			v = value{ref: was.ref + "[]"}
			if key.shape == text && len(was.ref)+len(key.text) < 200 {
				v.ref = was.ref + "[" + key.text + "]"
			}
			if was.shape == outside || m.fromOutside(was.ref) {
				v.shape = outside
			}
		case "(":
			v = m.called(v, t)
		case "**":
			m.at++
			m.either(10)
			v = value{}
		default:
			return v
		}
	}
}

// called reads the arguments of a call.
func (m *module) called(f value, open source.Token) value {
	var args []value
	named := map[string]value{}
	for m.at++; m.at < int(open.Pair); {
		was := m.at
		name := ""
		if t, next := m.toks[m.at], m.toks[m.at+1]; t.Kind == source.Word && next.Kind == source.Mark && next.Text == "=" {
			name = t.Text
			m.at += 2
		}
		spread := m.take(source.Mark, "*") || m.take(source.Mark, "**")
		v := m.expression()
		v.part = v.part || spread
		if name != "" {
			named[name] = v
		} else {
			args = append(args, v)
		}
		if m.at < int(open.Pair) && !m.take(source.Mark, ",") || m.at == was {
			m.at = int(open.Pair) // a comprehension, or what is not known
			named["*"] = value{}
		}
	}
	m.at = int(open.Pair) + 1
	m.hook(f, args, named, int(open.Line))
	v := value{}
	if f.ref != "" {
		v = m.call(f.ref, args, named)
	}
	if f.shape == outside {
		v.shape = outside
	}
	v.ref = f.ref + "()"
	return v
}

// atom reads a literal, a name, or what stands in brackets.
func (m *module) atom() value {
	t := m.toks[m.at]
	v := value{line: int(t.Line), file: m.name}
	switch t.Kind {
	case source.Number:
		m.at++
		v = whole(t.Text)
	case source.String, source.Formed:
		v.shape = text
		var whole strings.Builder
		for t = m.toks[m.at]; t.Kind == source.String || t.Kind == source.Formed; t = m.toks[m.at] {
			if t.Kind == source.Formed {
				v.shape = computed
			}
			whole.WriteString(plain(t))
			m.at++
		}
		v.text = whole.String()
	case source.Word:
		m.at++
		switch t.Text {
		case "True", "False":
			v = truthy(t.Text == "True")
		case "None":
			v.shape = none
		default:
			if known, ok := m.lookup(t.Text); ok {
				v = known
			}
			v.ref = t.Text
			if m.fromOutside(t.Text) && v.shape == computed {
				v.shape = outside
			}
		}
	case source.Mark:
		switch t.Text {
		case "(", "[":
			return m.sequence(t)
		case "{":
			return m.table(t)
		}
	}
	return v
}

// sequence reads a list, a tuple, or an expression in brackets.
func (m *module) sequence(open source.Token) value {
	out := value{shape: list, line: int(open.Line), file: m.name}
	commas := 0
	for m.at++; m.at < int(open.Pair); {
		was := m.at
		spread := m.take(source.Mark, "*")
		v := m.expression()
		switch {
		case spread && v.shape == list && len(out.items)+len(v.items) <= maxItems:
			out.items, out.part = append(out.items, v.items...), out.part || v.part
		case spread || len(out.items) >= maxItems:
			out.part = true
		default:
			out.items = append(out.items, v)
		}
		if m.take(source.Mark, ",") {
			commas++
		} else if m.at < int(open.Pair) || m.at == was {
			m.at = int(open.Pair) + 1 // a comprehension, or what is not known
			return value{line: out.line, file: m.name}
		}
	}
	m.at = int(open.Pair) + 1
	if open.Text == "(" && commas == 0 && len(out.items) == 1 && !out.part {
		return out.items[0]
	}
	return out
}

// table reads a dict or a set.
func (m *module) table(open source.Token) value {
	out := value{shape: dict, line: int(open.Line), file: m.name}
	for m.at++; m.at < int(open.Pair); {
		was := m.at
		if m.take(source.Mark, "**") {
			m.expression()
			out.part = true
		} else {
			key := m.expression()
			if m.take(source.Mark, ":") {
				v := m.expression()
				if key.shape != text || len(out.items) >= maxItems {
					out.part = true
				} else {
					out.keys, out.items = append(out.keys, key.text), append(out.items, v)
				}
			} else {
				out.shape, out.part = list, true
			}
		}
		if !m.take(source.Mark, ",") && (m.at < int(open.Pair) || m.at == was) {
			out.part = true
			break
		}
	}
	m.at = int(open.Pair) + 1
	return out
}

// is tells whether a token is next.
func (m *module) is(k source.Kind, text string) bool {
	t := m.toks[m.at]
	return t.Kind == k && t.Text == text
}

// take goes behind a token when it is next.
func (m *module) take(k source.Kind, text string) bool {
	if !m.is(k, text) {
		return false
	}
	m.at++
	return true
}

// line is that of the next source.Token.
func (m *module) line() int { return int(m.toks[m.at].Line) }
