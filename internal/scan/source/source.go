// Package source cuts sources of Python and JavaScript into tokens, in one pass and without executing anything. Brackets are paired, so that
// a reader can go over what it does not know.
package source

import (
	"fmt"
	"strings"
)

// Kind is the kind of a token.
type Kind byte

// Kinds.
const (
	End     Kind = iota
	Word         // a name or keyword
	Number       // a number, as it is written
	String       // its text is what stands between the quotes
	Formed       // a string that is put together when the program runs, or one of bytes
	Mark         // an operator or bracket
	Newline      // the end of a logical line
	Indent
	Dedent
)

// Token is one word of a source.
type Token struct {
	Text string // a piece of the source
	Line int32
	Pair int32 // the place of the bracket that closes this one
	Kind Kind
	Raw  bool // a string whose backslashes are themselves
}

// Limits of nesting, which are those of Python itself.
const (
	maxBrackets = 200
	maxIndents  = 100
	maxForms    = 16 // strings within the fields of strings
)

// Broken is an error on a line of a source. Its text ends with what to do.
type Broken struct {
	Line int
	Text string
}

// Error implements error.
func (b *Broken) Error() string { return b.Text }

// lexer cuts a source of Python into tokens, in one pass.
type lexer struct {
	src     string
	at      int
	line    int
	out     []Token
	open    []int32 // places of brackets that are open
	indents []int
}

// Python cuts a source of Python. An error names the line; lines end with LF, CR or both.
func Python(src []byte) ([]Token, error) {
	l := &lexer{src: strings.TrimPrefix(string(src), "\ufeff"), line: 1, indents: []int{0}}
	l.out = make([]Token, 0, len(l.src)/6+8)
	for fresh := true; l.at < len(l.src); {
		if fresh && len(l.open) == 0 {
			if err := l.indentation(); err != nil {
				return nil, err
			}
		}
		var err error
		if fresh, err = l.next(); err != nil {
			return nil, err
		}
	}
	if len(l.open) > 0 {
		return nil, &Broken{int(l.out[l.open[0]].Line), "the bracket is never closed; mend the file"}
	}
	l.add(Newline, "")
	for range l.indents[1:] {
		l.add(Dedent, "")
	}
	l.add(End, "")
	return l.out, nil
}

func (l *lexer) add(k Kind, text string) {
	l.out = append(l.out, Token{Text: text, Line: int32(l.line), Kind: k})
}

// indentation opens and closes blocks by the white space that begins a line. An empty line does neither.
func (l *lexer) indentation() error {
	width, at := 0, l.at
	for ; at < len(l.src); at++ {
		switch l.src[at] {
		case ' ':
			width++
			continue
		case '\t':
			width += 8 - width%8
			continue
		case '\f':
			width = 0
			continue
		}
		break
	}
	l.at = at
	if at == len(l.src) || l.src[at] == '#' || l.src[at] == '\n' || l.src[at] == '\r' {
		return nil
	}
	top := l.indents[len(l.indents)-1]
	if width > top {
		if len(l.indents) > maxIndents {
			return &Broken{l.line, fmt.Sprintf("blocks lie more than %d deep; mend the file", maxIndents)}
		}
		l.indents = append(l.indents, width)
		l.add(Indent, "")
		return nil
	}
	for width < l.indents[len(l.indents)-1] {
		l.indents = l.indents[:len(l.indents)-1]
		l.add(Dedent, "")
	}
	if width != l.indents[len(l.indents)-1] {
		return &Broken{l.line, "the indentation fits no block; mend the file"}
	}
	return nil
}

// next takes one token, and tells whether a line begins behind it.
func (l *lexer) next() (bool, error) {
	for l.at < len(l.src) && (l.src[l.at] == ' ' || l.src[l.at] == '\t' || l.src[l.at] == '\f') {
		l.at++
	}
	if l.at >= len(l.src) {
		return false, nil
	}
	c := l.src[l.at]
	switch {
	case c == '\n' || c == '\r':
		if len(l.open) == 0 && len(l.out) > 0 && l.out[len(l.out)-1].Kind != Newline {
			l.add(Newline, "")
		}
		l.turn()
		return true, nil
	case c == '#':
		for l.at < len(l.src) && l.src[l.at] != '\n' && l.src[l.at] != '\r' {
			l.at++
		}
		return false, nil
	case c == '\\':
		l.at++
		if l.at < len(l.src) && (l.src[l.at] == '\n' || l.src[l.at] == '\r') {
			l.turn()
			return false, nil
		}
		return false, &Broken{l.line, "a backslash stands in no string; mend the file"}
	case letter(c):
		return false, l.name()
	case digit(c) || c == '.' && l.at+1 < len(l.src) && digit(l.src[l.at+1]):
		from := l.at
		for l.at < len(l.src) && (letter(l.src[l.at]) || digit(l.src[l.at]) || l.src[l.at] == '.') {
			l.at++
		}
		l.add(Number, l.src[from:l.at])
	case c == '"' || c == '\'':
		return false, l.str("", 0)
	default:
		return false, l.mark()
	}
	return false, nil
}

// turn goes behind the end of a line.
func (l *lexer) turn() {
	if l.src[l.at] == '\r' && l.at+1 < len(l.src) && l.src[l.at+1] == '\n' {
		l.at++
	}
	l.at++
	l.line++
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// name takes a name, or the string whose prefix it is.
func (l *lexer) name() error {
	from := l.at
	for l.at < len(l.src) && (letter(l.src[l.at]) || digit(l.src[l.at])) {
		l.at++
	}
	text := l.src[from:l.at]
	if len(text) <= 2 && l.at < len(l.src) && (l.src[l.at] == '"' || l.src[l.at] == '\'') {
		prefix := strings.ToLower(text)
		switch prefix {
		case "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt":
			return l.str(prefix, 0)
		}
	}
	l.add(Word, text)
	return nil
}

// str takes a string; depth counts the strings around it, whose fields it stands in.
func (l *lexer) str(prefix string, depth int) error {
	first, quote := l.line, l.src[l.at:l.at+1]
	if strings.HasPrefix(l.src[l.at:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	l.at += len(quote)
	from, fields := l.at, strings.ContainsAny(prefix, "ft")
	filled := false
	for l.at < len(l.src) {
		c := l.src[l.at]
		switch {
		case c == '\\' && l.at+1 < len(l.src):
			l.at++
			if l.src[l.at] == '\n' || l.src[l.at] == '\r' {
				l.turn()
			} else {
				l.at++
			}
		case c == quote[0] && strings.HasPrefix(l.src[l.at:], quote):
			if depth == 0 {
				k := String
				if filled || strings.Contains(prefix, "b") {
					k = Formed
				}
				l.out = append(l.out, Token{Text: l.src[from:l.at], Line: int32(first), Kind: k, Raw: strings.Contains(prefix, "r")})
			}
			l.at += len(quote)
			return nil
		case c == '\n' || c == '\r':
			if len(quote) == 1 {
				return &Broken{first, "the string is never closed; mend the file"}
			}
			l.turn()
		case fields && c == '{' && strings.HasPrefix(l.src[l.at:], "{{"):
			l.at += 2
		case fields && c == '{':
			filled = true
			if err := l.field(quote, depth+1); err != nil {
				return err
			}
		default:
			l.at++
		}
	}
	return &Broken{first, "the string is never closed; mend the file"}
}

// field goes over a field of a string, up to its closing bracket. Strings in it may use the quotes of the string around it.
func (l *lexer) field(quote string, depth int) error {
	first := l.line
	if depth > maxForms {
		return &Broken{first, fmt.Sprintf("strings lie more than %d deep in each other; mend the file", maxForms)}
	}
	level, form := 0, false // form: behind the colon that begins how the value is written
	for l.at < len(l.src) {
		c := l.src[l.at]
		if form && (c == '"' || c == '\'') && !strings.HasPrefix(l.src[l.at:], quote) {
			l.at++
			continue
		}
		switch c {
		case '{', '(', '[':
			level++
			l.at++
		case ':':
			form = form || level == 1
			l.at++
		case '}', ')', ']':
			level--
			l.at++
			if level == 0 {
				return nil
			}
		case '"', '\'':
			prefix := ""
			if l.at > 0 && (l.src[l.at-1]|0x20 == 'f' || l.src[l.at-1]|0x20 == 'r') {
				prefix = strings.ToLower(l.src[l.at-1 : l.at])
			}
			if err := l.str(prefix, depth); err != nil {
				return err
			}
		case '\n', '\r':
			if len(quote) == 1 && level == 0 {
				return &Broken{first, "the field of a string is never closed; mend the file"}
			}
			l.turn()
		default:
			l.at++
		}
	}
	return &Broken{first, "the field of a string is never closed; mend the file"}
}

// marks of more than one letter.
var marks = []string{"**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", "==", "!=", "<=", ">=", "->", ":=", "<>"}

// mark takes an operator, and pairs brackets.
func (l *lexer) mark() error {
	text := l.src[l.at : l.at+1]
	for _, m := range marks {
		if m[0] == text[0] && strings.HasPrefix(l.src[l.at:], m) {
			text = m
			break
		}
	}
	l.at += len(text)
	l.add(Mark, text)
	return pairUp(l.out, &l.open)
}

// pairUp pairs the bracket that was taken last.
func pairUp(out []Token, open *[]int32) error {
	at := int32(len(out) - 1)
	switch text := out[at].Text; text {
	case "(", "[", "{":
		if len(*open) == maxBrackets {
			return &Broken{int(out[at].Line), fmt.Sprintf("brackets lie more than %d deep; mend the file", maxBrackets)}
		}
		*open = append(*open, at)
	case ")", "]", "}":
		if len(*open) == 0 {
			return &Broken{int(out[at].Line), "a bracket is closed that was never opened; mend the file"}
		}
		from := (*open)[len(*open)-1]
		*open = (*open)[:len(*open)-1]
		if was := out[from].Text; was == "(" && text != ")" || was == "[" && text != "]" || was == "{" && text != "}" {
			return &Broken{int(out[at].Line), "a bracket is closed by one of another kind; mend the file"}
		}
		out[from].Pair = at
	}
	return nil
}
