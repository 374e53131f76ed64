package mail

import (
	"fmt"
	htmltemplate "html/template"
	"io"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// source is the text of one template file.
type source struct{ name, text string }

// fail is an error at a place: "mail/confirm.de.txt:3: …".
func (s source) fail(at parse.Pos, format string, args ...any) error {
	line := 1 + strings.Count(s.text[:min(int(at), len(s.text))], "\n")
	return fmt.Errorf("mail/%s:%d: %s", s.name, line, fmt.Sprintf(format, args...))
}

// wrap gives an error of the template packages, which name file and line themselves ("template: confirm.de.txt:3: …").
func (s source) wrap(err error) error {
	text := err.Error()
	for _, p := range []string{"html/template:", "template: ", "template:"} {
		text = strings.TrimPrefix(text, p)
	}
	return fmt.Errorf("mail/%s; write values as {{.Name}} and choices as {{if .Name}}…{{end}}", text)
}

// letter makes a text template that says nothing but what it may, and runs it once.
func (s source) letter(may []string) (*template.Template, error) {
	if !strings.HasPrefix(s.text, "Subject: ") {
		return nil, s.fail(0, "%s", errForm)
	}
	t, err := template.New(s.name).Parse(s.text)
	if err != nil {
		return nil, s.wrap(err)
	}
	if err := s.check(len(t.Templates()), t.Tree, may); err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := t.Execute(&b, sample); err != nil {
		return nil, s.wrap(err)
	}
	if _, _, err := split(b.String()); err != nil {
		return nil, s.fail(0, "%s", err)
	}
	return t, nil
}

// page makes an HTML template, which escapes each value for the place where it stands, and runs it once.
func (s source) page(may []string, with any) (*htmltemplate.Template, error) {
	t, err := htmltemplate.New(s.name).Parse(s.text)
	if err != nil {
		return nil, s.wrap(err)
	}
	if err := s.check(len(t.Templates()), t.Tree, may); err != nil {
		return nil, err
	}
	if err := t.Execute(io.Discard, with); err != nil {
		return nil, s.wrap(err)
	}
	return t, nil
}

// check judges a template before it ever runs: a value of the list or a choice by one, nothing else. No functions, no
// loops, no templates within templates; what a letter is about must be in it.
func (s source) check(templates int, tree *parse.Tree, may []string) error {
	if templates > 1 {
		return s.fail(0, "a letter is one template; leave define and block out")
	}
	used := map[string]bool{}
	var walk func(n parse.Node) error
	list := func(l *parse.ListNode) error {
		if l == nil {
			return nil
		}
		for _, n := range l.Nodes {
			if err := walk(n); err != nil {
				return err
			}
		}
		return nil
	}
	walk = func(n parse.Node) error {
		switch n := n.(type) {
		case *parse.TextNode, *parse.CommentNode:
			return nil
		case *parse.ActionNode:
			return s.value(n.Pipe, may, used)
		case *parse.IfNode:
			if err := s.value(n.Pipe, may, map[string]bool{}); err != nil {
				return err
			}
			if err := list(n.List); err != nil {
				return err
			}
			return list(n.ElseList)
		}
		return s.fail(n.Position(), "a letter holds text, values {{.Name}} and choices {{if .Name}}…{{end}}; leave the rest out")
	}
	if tree == nil || tree.Root == nil {
		return s.fail(0, "the file is empty; write the letter or remove the file")
	}
	if err := list(tree.Root); err != nil {
		return err
	}
	for _, name := range may {
		if bare, must := strings.CutSuffix(name, "!"); must && !used[bare] {
			return s.fail(0, "this letter is about {{.%s}} and does not say it; put it in", bare)
		}
	}
	return nil
}

// value accepts exactly {{.Name}} with a name of the list.
func (s source) value(p *parse.PipeNode, may []string, used map[string]bool) error {
	if len(p.Decl) == 0 && len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 1 {
		if f, ok := p.Cmds[0].Args[0].(*parse.FieldNode); ok && len(f.Ident) == 1 {
			name := f.Ident[0]
			if slices.Contains(may, name) || slices.Contains(may, name+"!") {
				used[name] = true
				return nil
			}
			words := make([]string, len(may))
			for i, m := range may {
				words[i] = "." + strings.TrimSuffix(m, "!")
			}
			return s.fail(p.Pos, "this letter does not know .%s; it may say %s", name, strings.Join(words, ", "))
		}
	}
	return s.fail(p.Pos, "a value is written {{.Name}}, without functions; write it so")
}
