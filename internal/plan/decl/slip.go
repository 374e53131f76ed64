package decl

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// reason reads why callers who are not signed in may use a rule.
func (r *reader) reason(n ast.Node) string {
	switch s := n.(type) {
	case *ast.BoolNode, *ast.NullNode:
		r.fail(pos(n), "public takes the reason why callers who are not signed in may use the rule; write public: \"the reason\", or leave it out")
		return ""
	case *ast.StringNode:
		if strings.TrimSpace(s.Value) == "" {
			r.fail(pos(n), "public takes the reason why callers who are not signed in may use the rule; write it, or leave public out")
		}
	}
	return r.str(n)
}

// part is where a part of a rule begins: at which byte of its text, and where in the file.
type part struct {
	from int
	at   Pos
}

// At is where in the file a place of the rule stands; line and col count from 1 inside its text.
func (e Expr) At(line, col int) Pos {
	text, offset := e.Text, 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text, '\n')
		if i < 0 {
			break
		}
		text, offset = text[i+1:], offset+i+1
	}
	for ; col > 1 && text != ""; col-- {
		_, n := utf8.DecodeRuneInString(text)
		text, offset = text[n:], offset+n
	}
	at := part{0, e.Pos}
	for _, p := range e.parts {
		if p.from <= offset {
			at = p
		}
	}
	return Pos{at.at.Line, at.at.Col + utf8.RuneCountInString(e.Text[at.from:offset]) + col - 1}
}

// parts finds the lines of the file that a text of several lines was made of. from is the first of them, counted from 1.
func (r *reader) parts(text string, from int) []part {
	var out []part
	for at := 0; from <= len(r.lines) && at < len(text); from++ {
		line := strings.TrimSpace(r.lines[from-1])
		if line == "" {
			continue
		}
		i := strings.Index(text[at:], line)
		if i < 0 { // the last line, with the quote that ends the text
			line = strings.TrimRight(line, `"'}], `)
			i = strings.Index(text[at:], line)
		}
		if i < 0 {
			break
		}
		indent := utf8.RuneCountInString(r.lines[from-1]) - utf8.RuneCountInString(strings.TrimLeft(r.lines[from-1], " "))
		out = append(out, part{at + i, Pos{from, indent + 1}})
		at += i + len(line)
	}
	return out
}
