package settings

import (
	"errors"
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/source"
)

// pythonWords are those that a file of Python holds when it matters here.
var pythonWords = []string{"flask", "Flask", "INSTALLED_APPS", "ROOT_URLCONF", "MIDDLEWARE", "ALLOWED_HOSTS", "SECURE_", "SESSION_COOKIE_", "WTF_CSRF", "class Config"}

// maxImports is how long a chain of settings that import each other may be.
const maxImports = 16

// Limits of what a file takes from others with a star.
const (
	maxStars = 8
	maxNames = 2000
)

// module is a file of Python, as far as its assignments say what it sets.
type module struct {
	s       *search
	name    string
	toks    []source.Token
	at      int
	depth   int  // of expressions
	mode    mode // of the statement that is being read
	inside  int  // functions around it
	vars    map[string]value
	class   *class // the class that is being read
	classes []*class
	events  []event          // what is set on an application of Flask
	modules map[string]bool  // that are imported
	stars   []string         // files whose names were all taken
	dynamic *value           // the first place after which any setting may be another; nil: none
	outer   map[string]value // what a function sees of its file
	chain   int              // how many modules import this one
	guarded int              // bodies of try around the statement
	merges  int              // stars so far
}

// mode says whether a statement is executed.
type mode byte

const (
	run   mode = iota
	maybe      // under a condition that cannot be told
	skip
)

// class is a class and what it sets.
type class struct {
	name, file string
	bases      []string
	vars       map[string]value
	line       int
}

// event is a call or an assignment that matters to Flask.
type event struct {
	key   string // a setting; "()" for what hands settings over from elsewhere, "app" for an application, "run" for app.run
	value value
	line  int
}

// python reads a file of Python, once.
func (s *search) python(name string, src []byte) {
	if settingsName(name) || djangoNames.Match(src) {
		s.named = append(s.named, name)
	}
	if _, known := s.modules[name]; !known {
		s.load(name, src, 0)
	}
}

// unsure records a place after which any setting may be another.
func (m *module) unsure(line int) {
	if m.dynamic == nil {
		m.dynamic = &value{file: m.name, line: line}
	}
}

// load reads a file; a broken one is unknown, and has no names.
func (s *search) load(name string, src []byte, chain int) *module {
	m := &module{s: s, name: name, vars: map[string]value{}, modules: map[string]bool{}, chain: chain}
	s.modules[name] = nil
	var err error
	if m.toks, err = source.Python(src); err != nil {
		var b *source.Broken
		errors.As(err, &b)
		s.unknown(name, b.Line, b.Text)
		m.unsure(b.Line)
	} else {
		m.block()
	}
	m.toks = nil
	s.modules[name] = m
	s.flask.take(m)
	return m
}

// lookup finds a name.
func (m *module) lookup(name string) (value, bool) {
	if m.class != nil {
		if v, ok := m.class.vars[name]; ok {
			return v, true
		}
	}
	v, ok := m.vars[name]
	if !ok {
		v, ok = m.outer[name]
	}
	return v, ok
}

// block reads statements up to the end of their block.
func (m *module) block() {
	for {
		switch t := m.toks[m.at]; t.Kind {
		case source.End:
			return
		case source.Dedent:
			m.at++
			return
		case source.Indent: // a match, or what is not known
			was := m.mode
			m.mode = max(was, maybe)
			m.at++
			m.block()
			m.mode = was
		case source.Newline:
			m.at++
		default:
			m.statement()
		}
	}
}

// header finds the colon that ends the head of a compound statement, and stands behind it; without one it goes to the end of the line.
func (m *module) header() bool {
	for {
		switch t := m.toks[m.at]; {
		case t.Kind == source.Newline || t.Kind == source.End:
			return false
		case t.Kind == source.Mark && t.Text == ":":
			m.at++
			return true
		case t.Kind == source.Mark && t.Pair > 0:
			m.at = int(t.Pair) + 1
		default:
			m.at++
		}
	}
}

// suite reads what a compound statement holds, in a mode.
func (m *module) suite(as mode) {
	was := m.mode
	m.mode = max(was, as)
	defer func() { m.mode = was }()
	if !m.header() {
		return
	}
	if m.toks[m.at].Kind != source.Newline {
		m.simple()
		return
	}
	m.at++
	if m.toks[m.at].Kind == source.Indent {
		m.at++
		m.block()
	}
}

// statement reads one statement. Blocks lie at most as deep as the tokenizer lets them.
func (m *module) statement() {
	t := m.toks[m.at]
	if t.Kind == source.Mark && t.Text == "@" {
		m.toEnd()
		return
	}
	if t.Kind != source.Word {
		m.simple()
		return
	}
	switch t.Text {
	case "if":
		m.choice()
	case "try":
		m.guarded++
		m.suite(run)
		m.guarded--
		for m.is(source.Word, "except") || m.is(source.Word, "else") || m.is(source.Word, "finally") {
			as := run
			if m.is(source.Word, "except") {
				as = maybe
			}
			m.suite(as)
		}
	case "for", "while":
		m.suite(maybe)
		if m.is(source.Word, "else") {
			m.suite(maybe)
		}
	case "with":
		m.suite(run)
	case "async":
		m.at++
	case "def":
		class, vars, outer := m.class, m.vars, m.outer
		if m.inside == 0 {
			m.outer = vars
		}
		m.class, m.vars = nil, map[string]value{}
		m.inside++
		m.suite(run)
		m.inside--
		m.class, m.vars, m.outer = class, vars, outer
	case "class":
		m.classed()
	default:
		m.simple()
	}
}

// choice reads if, elif and else. What the value of DEBUG decides is decided as in production, unless the source sets it.
func (m *module) choice() {
	taken := skip // of branches before: skip is none, maybe cannot be told, run is one
	for first := true; m.is(source.Word, "if") || m.is(source.Word, "elif"); first = false {
		if !first && m.is(source.Word, "if") {
			return // the next statement
		}
		m.at++
		as := maybe
		switch yes, known := m.condition(); {
		case taken == run || known && !yes:
			as = skip
		case known && taken == skip:
			as, taken = run, run
		default:
			taken = maybe
		}
		m.suite(as)
	}
	if m.is(source.Word, "else") {
		m.suite(map[mode]mode{run: skip, maybe: maybe, skip: run}[taken])
	}
}

// condition reads what decides a branch.
func (m *module) condition() (yes, known bool) {
	not := false
	from := m.at
	for m.take(source.Word, "not") {
		not = !not
	}
	t := m.toks[m.at]
	last := t.Text
	for m.toks[m.at].Kind == source.Word && m.toks[m.at+1].Kind == source.Mark && m.toks[m.at+1].Text == "." && m.toks[m.at+2].Kind == source.Word {
		m.at += 2
		last = m.toks[m.at].Text
	}
	if next := m.toks[m.at+1]; t.Kind == source.Word && next.Kind == source.Mark && next.Text == ":" {
		switch v, _ := m.lookup(t.Text); {
		case last == "DEBUG" && v.shape == outside, last == "TYPE_CHECKING":
			return not, true
		}
	}
	m.at = from
	return m.expression().truth()
}

// classed reads a class.
func (m *module) classed() {
	c := &class{file: m.name, line: m.line(), vars: map[string]value{}}
	m.at++
	c.name = m.toks[m.at].Text
	m.at++
	if t := m.toks[m.at]; t.Kind == source.Mark && t.Text == "(" {
		for at := m.at + 1; at < int(t.Pair); at++ {
			if m.toks[at].Kind == source.Word {
				c.bases = append(c.bases, m.toks[at].Text)
			}
		}
		m.at = int(t.Pair) + 1
	}
	was := m.class
	m.class = c
	m.suite(run)
	m.class = was
	if m.mode != skip && m.inside == 0 {
		m.classes = append(m.classes, c)
	}
}

// toEnd goes behind the logical line.
func (m *module) toEnd() {
	for m.toks[m.at].Kind != source.Newline && m.toks[m.at].Kind != source.End {
		m.at++
	}
}

// simple reads the statements of one line.
func (m *module) simple() {
	for {
		switch t := m.toks[m.at]; {
		case t.Kind == source.Word && t.Text == "from":
			m.imports()
		case t.Kind == source.Word && t.Text == "import":
			for m.at++; m.toks[m.at].Kind == source.Word || m.is(source.Mark, ".") || m.is(source.Mark, ","); m.at++ {
				m.modules[m.toks[m.at].Text] = true
			}
		case t.Kind == source.Word && t.Text == "del":
			m.at++
			delete(m.vars, m.toks[m.at].Text)
		case t.Kind == source.Word && (t.Text == "return" || t.Text == "raise" || t.Text == "assert" || t.Text == "yield"):
			m.at++
			m.expression()
		default:
			m.assignment()
		}
		if !m.take(source.Mark, ";") {
			break
		}
	}
	m.toEnd()
}

// assignment reads an expression, and what is assigned to it.
func (m *module) assignment() {
	var targets []value
	line := m.line()
	v := m.target()
	if m.take(source.Mark, ":") { // an annotation
		m.expression()
	}
	for m.is(source.Mark, "=") {
		targets = append(targets, v)
		m.at++
		v = m.expression()
	}
	if t := m.toks[m.at]; t.Kind == source.Mark && len(t.Text) > 1 && strings.HasSuffix(t.Text, "=") && ranks[t.Text[:len(t.Text)-1]] > 4 {
		m.at++
		was := v
		v = operate(t.Text[:len(t.Text)-1], was, m.expression())
		targets = append(targets, was)
	}
	if m.is(source.Mark, ",") {
		v = value{}
	}
	for _, t := range targets {
		m.set(t, v, line)
	}
}

// target reads the left side of an assignment. Several at once are computed.
func (m *module) target() value {
	v := m.expression()
	for m.take(source.Mark, ",") {
		m.forget(v)
		v = m.expression()
		m.forget(v)
		v = value{}
	}
	return v
}

// forget makes what is assigned with others at once computed.
func (m *module) forget(t value) {
	if t.ref != "" {
		m.set(t, value{}, t.line)
	}
}

// set keeps what a name is. A value under a condition is computed.
func (m *module) set(t, v value, line int) {
	if m.mode == skip || t.ref == "" {
		return
	}
	if m.mode == maybe && v.shape != outside {
		v = value{}
	}
	v.line, v.file, v.ref = line, m.name, ""
	name, rest, nested := strings.Cut(t.ref, "[")
	switch {
	case strings.HasSuffix(name, ".config") && nested || strings.HasSuffix(name, ".debug") || strings.HasSuffix(name, ".secret_key") || strings.HasSuffix(name, ".testing"):
		m.events = append(m.events, event{configKey(t.ref), v, line})
	case strings.Contains(name, "."):
	case name == "globals()" || name == "locals()" || name == "vars()":
		m.unsure(line)
	case nested:
		m.within(name, rest, v)
	case m.class != nil:
		m.class.vars[name] = v
	default:
		m.vars[name] = v
	}
}

// within sets an item of a name. Of databases the passwords alone matter.
func (m *module) within(name, key string, v value) {
	was, _ := m.lookup(name)
	switch {
	case strings.HasSuffix(key, "[PASSWORD]") || was.shape != dict && was.shape != list:
		v = value{shape: dict, part: true, keys: []string{strings.Trim(key[strings.LastIndex(key, "[")+1:], "[]")}, items: []value{v}, line: v.line, file: v.file}
		if was.shape == dict {
			v = join(was, v)
		}
		v.line, v.file = m.toLine(was, v), m.name
	case was.shape == dict:
		was.part = true
		v = was
	default:
		v = value{line: v.line, file: v.file}
	}
	if m.class != nil {
		m.class.vars[name] = v
	} else {
		m.vars[name] = v
	}
}

// toLine is the line of a value that was, or else of the one that comes.
func (m *module) toLine(was, v value) int {
	if was.line > 0 {
		return was.line
	}
	return v.line
}

// hook looks at a call: lists that grow, applications of Flask, and what makes every setting uncertain.
func (m *module) hook(f value, args []value, named map[string]value, line int) {
	if m.mode == skip {
		return
	}
	m.flaskCall(f, args, named, line)
	name, method, _ := strings.Cut(f.ref, ".")
	switch {
	case m.inside > 0:
	case f.ref == "exec" || f.ref == "execfile" || f.ref == "setattr" || strings.HasPrefix(f.ref, "globals().") || strings.HasPrefix(f.ref, "locals().") ||
		f.ref == "include" || f.ref == "django_heroku.settings":
		m.unsure(line)
	case name != strings.ToUpper(name) || method == "":
	case method == "append" || method == "insert" || method == "extend":
		was, ok := m.lookup(name)
		if !ok || len(args) == 0 {
			return
		}
		more := args[len(args)-1]
		if method != "extend" {
			more = value{shape: list, items: []value{more}}
		}
		m.set(value{ref: name}, operate("+", was, more), was.line)
	case method == "remove" || method == "pop" || method == "update" || method == "clear" || method == "setdefault":
		if _, ok := m.lookup(name); ok {
			m.set(value{ref: name}, value{}, line)
		}
	}
}
