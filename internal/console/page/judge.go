package page

import (
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
)

// A team's template says and asks nothing but what the shipped template of its name says and asks: the parse trees of both are walked,
// and what stands between {{ and }} in the team's must stand so in the shipped one, within the same range and with, which give the dot
// its meaning. Its own are the markup, the order, texts (t), icons, and the labels and hints of fields. Its forms are the shipped ones,
// field by field, so that each can be sent and understood.

// source is the text of one template.
type source struct{ name, text string }

// fail is an error at a place: "pages/page-sign-in.html:3: …".
func (s source) fail(at int, format string, args ...any) error {
	line := 1 + strings.Count(s.text[:max(0, min(at, len(s.text)))], "\n")
	return fmt.Errorf("pages/%s:%d: %s", s.name, line, fmt.Sprintf(format, args...))
}

// wrap gives an error of the template packages, which name file and line themselves.
func (s source) wrap(err error) error {
	text := err.Error()
	for _, p := range []string{"html/template:", "template: ", "template:"} {
		text = strings.TrimPrefix(text, p)
	}
	if !strings.Contains(text, ".html:") {
		text = s.name + ":1: " + text
	}
	return fmt.Errorf("pages/%s; compare it with the shipped page", text)
}

// must is what a page is about besides its forms: a person cannot find his codes, or what went wrong, without it.
var must = map[string][]string{
	"shell.html":        {`lang="{{.Lang}}"`, `href="{{.Style}}"`, script, "{{t .Notice}}", "{{range .Errors}}", "{{.Message}}"},
	"page-problem.html": {"{{.Data.Message}}"},
	"page-ask.html":     {"{{t .Data.Text}}"},
	"page-app.html":     {"{{.Data.QR}}", "{{.Data.Secret}}"},
	"page-codes.html":   {"{{range .Data.Codes}}", "{{.}}"},
	"page-token.html":   {"{{.Data.Secret}}"},
	"page-sign-in.html": {"{{range .Data.Providers}}", `"{{.Start}}"`},
}

const script = `<script src="{{.Script}}" defer></script>`

var (
	remark    = regexp.MustCompile(`(?s)<!--.*?(?:-->|\z)`)
	forbidden = regexp.MustCompile(`(?i)</?(script|style|iframe|object|embed|base)\b|[\s"'/](style|on[a-z]+|formaction|formmethod|http-equiv)\s*=|javascript:`)
	formTag   = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`(?i)<(?:input|select|textarea|button)\b[^>]*>|\{\{(?:field|template) [^}]*\}\}`)
	target    = regexp.MustCompile(`action="[^"]*"`)
	attribute = regexp.MustCompile(`([\w-]+)="([^"]*)"`)
	shared    = regexp.MustCompile(`\{\{template [^}]*\}\}`)
)

// judge compares a template with the shipped one. said gathers the texts that it says, each with the error that is due if there is no
// German for it.
func (s source) judge(from source, said map[string]error) error {
	shipped := &reading{source: from, used: map[string]bool{}, said: map[string]error{}}
	if err := shipped.read(); err != nil {
		return err
	}
	own := &reading{source: s, may: shipped.used, used: map[string]bool{}, said: said}
	if err := own.read(); err != nil {
		return err
	}
	have, want := remark.ReplaceAllString(own.flat.String(), ""), shipped.flat.String()
	if m := forbidden.FindString(strings.ReplaceAll(have, script, "")); m != "" {
		return s.fail(strings.Index(s.text, m), "%q does nothing under the pages' Content-Security-Policy, or sends people elsewhere; leave it out", strings.TrimSpace(m))
	}
	for _, part := range append(shared.FindAllString(want, -1), must[s.name]...) {
		if !strings.Contains(have, part) {
			return s.fail(0, "this page is about %s and does not hold it; take it over from the shipped one", part)
		}
	}
	ours, theirs := forms(want), forms(have)
	for _, form := range slices.Sorted(maps.Keys(ours)) {
		if !theirs[form] {
			return s.fail(strings.Index(s.text, target.FindString(form)), "the server needs %s; the forms here are: %s", form, strings.Join(slices.Sorted(maps.Keys(theirs)), "; "))
		}
	}
	for _, form := range slices.Sorted(maps.Keys(theirs)) {
		if !ours[form] {
			return s.fail(strings.Index(s.text, target.FindString(form)), "the shipped page has no %s, and nobody would understand what it sends; leave it out", form)
		}
	}
	return nil
}

// forms are the forms of a page: where each goes, and the fields that it sends.
func forms(flat string) map[string]bool {
	out := map[string]bool{}
	for _, f := range formTag.FindAllStringSubmatch(flat, -1) {
		fields := []string{}
		for _, tag := range inputTag.FindAllString(f[2], -1) {
			if tag[0] == '{' {
				fields = append(fields, tag)
			} else if a := attributes(tag, "type", "name", "value"); strings.Contains(a, "name=") {
				fields = append(fields, a)
			}
		}
		slices.Sort(fields)
		out["<form "+attributes(f[1], "method", "action", "data-passkey", "data-options")+"> with "+strings.Join(fields, ", ")] = true
	}
	return out
}

func attributes(tag string, names ...string) string {
	var out []string
	for _, a := range attribute.FindAllStringSubmatch(tag, -1) {
		if name := strings.ToLower(a[1]); slices.Contains(names, name) {
			out = append(out, name+`="`+a[2]+`"`)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// reading is a walk through a template. may is nil in the shipped one, which says what it likes.
type reading struct {
	source
	may, used map[string]bool
	said      map[string]error
	flat      strings.Builder // the markup of all branches, with the values between
}

// read parses a template: a page is one definition of "content", the shell is none.
func (r *reading) read() error {
	t, err := template.New(r.name).Funcs((&Kit{}).functions(English)).Parse(r.text)
	if err != nil {
		return r.wrap(err)
	}
	body := "content"
	if r.name == "shell.html" {
		body = r.name
	}
	for _, d := range t.Templates() {
		if d.Name() != body && d.Tree != nil && !parse.IsEmptyTree(d.Tree.Root) {
			return r.fail(0, "a page is one {{define \"content\"}}…{{end}}, the shell none; leave everything else out")
		}
	}
	if t = t.Lookup(body); t == nil || t.Tree == nil || parse.IsEmptyTree(t.Tree.Root) { // an empty one replaces nothing
		return r.fail(0, "a page is one {{define \"content\"}}…{{end}}; write it so")
	}
	return r.list(t.Tree.Root, "")
}

// list walks on. in names the ranges and withs around, which give the dot its meaning.
func (r *reading) list(l *parse.ListNode, in string) error {
	for i := 0; l != nil && i < len(l.Nodes); i++ {
		if err := r.node(l.Nodes[i], in); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) node(n parse.Node, in string) error {
	switch n := n.(type) {
	case *parse.TextNode:
		r.flat.Write(n.Text)
		return nil
	case *parse.ActionNode:
		return r.say(n.Pipe, in, "")
	case *parse.IfNode:
		return r.branch(&n.BranchNode, in, "if ")
	case *parse.WithNode:
		return r.branch(&n.BranchNode, in, "with ")
	case *parse.RangeNode:
		return r.branch(&n.BranchNode, in, "range ")
	case *parse.TemplateNode:
		if c := fieldCall(n); c != nil {
			return r.field(c, in)
		}
		r.write(n.String())
		return r.allow(n.Pos, in, strings.Trim(n.String(), "{}"))
	}
	return r.fail(int(n.Position()), "a page is made of text, values, if, with, range and shared parts; leave the rest out")
}

func (r *reading) branch(n *parse.BranchNode, in, kind string) error {
	if err := r.say(n.Pipe, in, kind); err != nil {
		return err
	}
	within := in
	if kind != "if " {
		within += kind + n.Pipe.String() + " "
	}
	if err := r.list(n.List, within); err != nil {
		return err
	}
	return r.list(n.ElseList, in)
}

// say judges an expression: one that the shipped template has at such a place, a text, or an icon.
func (r *reading) say(p *parse.PipeNode, in, kind string) error {
	what := kind + p.String()
	if kind == "" || kind == "range " {
		r.write("{{" + what + "}}")
	}
	if c := p.Cmds[0]; kind == "" && len(p.Cmds) == 1 && len(p.Decl) == 0 && len(c.Args) > 1 {
		if text, ok := c.Args[1].(*parse.StringNode); ok && c.Args[0].String() == "icon" && icons[text.Text] != "" && len(c.Args) == 2 {
			return nil
		} else if ok && c.Args[0].String() == "t" {
			r.note(text)
			what = "t"
			for _, a := range c.Args[2:] {
				what += " " + a.String()
			}
			if len(blank.FindAllString(text.Text, -1)) != len(c.Args)-2 {
				return r.fail(int(p.Pos), "%q is given %d values; give it as many as it takes", text.Text, len(c.Args)-2)
			}
			if what == "t" {
				return nil
			}
		}
	}
	return r.allow(p.Pos, in, what)
}

// note keeps a text that the template says.
func (r *reading) note(n *parse.StringNode) {
	r.said[n.Text] = r.fail(int(n.Pos), "%q has no German; write it into pages/de.txt, and the German on the next line behind a tab", n.Text)
}

// fieldCall is the call of a field that the template itself describes: {{template "input" field $s "NAME" "LABEL" …}}.
func fieldCall(n *parse.TemplateNode) *parse.CommandNode {
	if n.Name != "input" || n.Pipe == nil || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) < 4 || n.Pipe.Cmds[0].Args[0].String() != "field" {
		return nil
	}
	for _, a := range n.Pipe.Cmds[0].Args[2:4] {
		if _, ok := a.(*parse.StringNode); !ok {
			return nil
		}
	}
	return n.Pipe.Cmds[0]
}

// field judges such a call. Label, hint and what helps to type are its own; name and kind are part of the form.
func (r *reading) field(c *parse.CommandNode, in string) error {
	if err := r.allow(c.Pos, in, "field "+c.Args[1].String()); err != nil {
		return err
	}
	kind := ""
	for i, a := range c.Args[3:] {
		text, ok := a.(*parse.StringNode)
		switch before := c.Args[i+2].String(); {
		case !ok:
			if err := r.allow(c.Pos, in, "option "+a.String()); err != nil {
				return err
			}
		case i == 0 || before == `"hint"`:
			r.note(text)
		case before == `"kind"`:
			kind = " kind " + text.Quoted
		}
	}
	r.write("{{field " + c.Args[2].String() + kind + "}}")
	return nil
}

// write adds a value to the markup, without what would part the markup there.
func (r *reading) write(value string) {
	r.flat.WriteString(strings.NewReplacer(`"`, "'", "<", "", ">", "").Replace(value))
}

// houseSays is what every page may say of itself.
var houseSays = map[string]bool{".Heading": true, ".Lang": true, ".Service": true, ".Person": true, `if eq .Lang "de"`: true, `if eq .Lang "en"`: true,
	"$.Lang": true, "$.Service": true, "$.Person": true, `if eq $.Lang "de"`: true, `if eq $.Lang "en"`: true}

// allow demands that the shipped template has the same where the dot is the same.
func (r *reading) allow(at parse.Pos, in, what string) error {
	r.used[in+what] = true
	if r.may == nil || r.may[in+what] || houseSays[what] && (in == "" || strings.Contains(what, "$.")) {
		return nil
	}
	if in != "" {
		in = " within " + strings.TrimSpace(in)
	}
	return r.fail(int(at), "the shipped page has no {{%s}}%s; use values, choices and variables as it writes them", what, in)
}
