package source

import (
	"slices"
	"strings"
)

// Script cuts a source of JavaScript. Templates are strings; one with parts to fill in is computed.
func Script(src []byte) ([]Token, error) {
	l := &lexer{src: string(src), line: 1}
	l.out = make([]Token, 0, len(src)/6+8)
	for l.at < len(l.src) {
		if err := l.scriptToken(); err != nil {
			return nil, err
		}
	}
	if len(l.open) > 0 {
		return nil, &Broken{int(l.out[l.open[0]].Line), "the bracket is never closed; mend the file"}
	}
	return l.out, nil
}

// scriptToken takes one token.
func (l *lexer) scriptToken() error {
	c := l.src[l.at]
	from := l.at
	switch {
	case c == '\n' || c == '\r':
		l.turn()
	case c == ' ' || c == '\t' || c == '\f' || c == '\v':
		l.at++
	case strings.HasPrefix(l.src[l.at:], "//") || strings.HasPrefix(l.src[l.at:], "#!") && l.at == 0:
		for l.at < len(l.src) && l.src[l.at] != '\n' && l.src[l.at] != '\r' {
			l.at++
		}
	case strings.HasPrefix(l.src[l.at:], "/*"):
		first := l.line
		for l.at += 2; !strings.HasPrefix(l.src[l.at:], "*/"); {
			if l.at >= len(l.src) {
				return &Broken{first, "the comment is never closed; mend the file"}
			}
			if l.src[l.at] == '\n' || l.src[l.at] == '\r' {
				l.turn()
			} else {
				l.at++
			}
		}
		l.at += 2
	case letter(c) || c == '$' || c == '#' || c == '@':
		for l.at++; l.at < len(l.src) && (letter(l.src[l.at]) || digit(l.src[l.at]) || l.src[l.at] == '$'); l.at++ {
		}
		l.add(Word, l.src[from:l.at])
	case digit(c):
		for l.at < len(l.src) && (letter(l.src[l.at]) || digit(l.src[l.at]) || l.src[l.at] == '.') {
			l.at++
		}
		l.add(Number, l.src[from:l.at])
	case c == '"' || c == '\'':
		return l.str("", 0)
	case c == '`':
		return l.template(0)
	case c == '/' && l.beforeRegexp():
		return l.regexp()
	case c == '.' && strings.HasPrefix(l.src[l.at:], "..."):
		l.at += 3
		l.add(Mark, "...")
	default:
		l.at++
		for l.at < len(l.src) && strings.ContainsRune("=!<>", rune(c)) && l.src[l.at] == '=' || l.at < len(l.src) && c == '=' && l.src[l.at] == '>' && l.at == from+1 {
			l.at++
		}
		l.add(Mark, l.src[from:l.at])
		return pairUp(l.out, &l.open)
	}
	return nil
}

// beforeRegexp tells whether a slash begins a regular expression: no value stands before it.
func (l *lexer) beforeRegexp() bool {
	if len(l.out) == 0 {
		return true
	}
	switch t := l.out[len(l.out)-1]; t.Kind {
	case Mark:
		return t.Text != ")" && t.Text != "]" && t.Text != "}"
	case Word:
		return slices.Contains([]string{"return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do"}, t.Text)
	}
	return false
}

// regexp takes a regular expression; a slash that closes none is division.
func (l *lexer) regexp() error {
	class := false
	for at := l.at + 1; at < len(l.src); at++ {
		switch c := l.src[at]; {
		case c == '\n' || c == '\r':
			return &Broken{l.line, "the regular expression is never closed; mend the file"}
		case c == '\\':
			at++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			l.at = at + 1
			l.add(Formed, "")
			return nil
		}
	}
	return &Broken{l.line, "the regular expression is never closed; mend the file"}
}

// template takes a string in backquotes, and the sources within it.
func (l *lexer) template(depth int) error {
	first := l.line
	if depth > maxForms {
		return &Broken{first, "templates lie too deep in each other; mend the file"}
	}
	l.at++
	from, k := l.at, String
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\\' && l.at+1 < len(l.src):
			l.at++
			if l.src[l.at] == '\n' || l.src[l.at] == '\r' {
				l.turn()
			} else {
				l.at++
			}
		case c == '\n' || c == '\r':
			l.turn()
		case c == '`':
			if depth == 0 {
				l.out = append(l.out, Token{Text: l.src[from:l.at], Line: int32(first), Kind: k})
			}
			l.at++
			return nil
		case strings.HasPrefix(l.src[l.at:], "${"):
			k = Formed
			l.at += 2
			if err := l.hole(depth + 1); err != nil {
				return err
			}
		default:
			l.at++
		}
	}
	return &Broken{first, "the template is never closed; mend the file"}
}

// hole goes over what fills a template, up to its closing bracket.
func (l *lexer) hole(depth int) error {
	first := l.line
	for level := 1; l.at < len(l.src); {
		switch c := l.src[l.at]; c {
		case '{':
			level++
			l.at++
		case '}':
			l.at++
			if level--; level == 0 {
				return nil
			}
		case '"', '\'':
			if err := l.str("", depth); err != nil {
				return err
			}
		case '`':
			if err := l.template(depth); err != nil {
				return err
			}
		case '\n', '\r':
			l.turn()
		default:
			l.at++
		}
	}
	return &Broken{first, "the template is never closed; mend the file"}
}
