package server

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/scan/source"
)

// NodeWords are those that a file of JavaScript or TypeScript holds when it matters here.
var NodeWords = []string{"'express", `"express`, "cookie-session", "rejectUnauthorized", "NODE_TLS_REJECT_UNAUTHORIZED", "'cors'", `"cors"`, "'helmet'", `"helmet"`, "x-powered-by"}

// rules of Node, by what they are about.
var (
	nodeTLS      = rule{"node-tls-unverified", "certificates of other servers are not verified", "high", "CWE-295", "take it out, and give the certificate of the authority as ca"}
	nodeHelmet   = rule{"express-headers", "no helmet: answers have none of the headers that protect pages", "medium", "CWE-693", "add app.use(helmet())"}
	nodePowered  = rule{"express-powered-by", "answers name Express", "low", "CWE-200", "add app.disable('x-powered-by'), or helmet"}
	nodeSecret   = rule{"express-session-secret", "the secret of sessions stands in the source", "high", "CWE-798", "make a new secret and read it from the environment"}
	nodeSecure   = rule{"express-session-secure", "the cookie of the session is not secure: it goes over plain HTTP", "medium", "CWE-614", "set secure: true for the cookie"}
	nodeHTTPOnly = rule{"express-session-httponly", "scripts read the cookie of the session", "medium", "CWE-1004", "take httpOnly: false out"}
	nodeCORS     = rule{"express-cors-any", "CORS answers every origin", "medium", "CWE-942", "give cors the list of origins"}
)

// node is what a project does with Express, by the folder of the nearest package.json.
type node struct {
	folders []string
	apps    []use
	calms   []use // what takes the name of Express out of answers
	helmets []use
}

// use is a place that uses something.
type use struct {
	file string
	line int
}

// Manifest notes where a package of Node begins.
func (s *Reader) Manifest(name string, _ []byte) {
	s.node.folders = append(s.node.folders, path.Dir(name))
}

// Judge judges what the files of one package do together.
func (s *Reader) Judge() {
	near := map[string]bool{}
	for _, f := range s.node.folders {
		near[f] = true
	}
	pack := func(name string) string {
		dir := path.Dir(name)
		for ; dir != "." && !near[dir]; dir = path.Dir(dir) {
		}
		return dir
	}
	has := map[string]bool{}
	for _, u := range s.node.helmets {
		has["helmet "+pack(u.file)] = true
	}
	for _, u := range s.node.calms {
		has["calm "+pack(u.file)] = true
	}
	for _, u := range s.node.apps {
		switch p := pack(u.file); {
		case has["helmet "+p]:
		case has["calm "+p]:
			s.fault(&nodeHelmet, u.file, u.line)
		default:
			s.fault(&nodeHelmet, u.file, u.line)
			s.fault(&nodePowered, u.file, u.line)
		}
	}
}

// script is a file of JavaScript while it is read.
type script struct {
	s       *Reader
	name    string
	toks    []source.Token
	modules map[string]string // by the local name
	known   map[string]value  // of names that are assigned once
}

// Script reads a file of JavaScript or TypeScript.
func (s *Reader) Script(name string, src []byte) {
	toks, err := source.Script(src)
	if err != nil {
		var b *source.Broken
		errors.As(err, &b)
		s.unknown(name, b.Line, b.Text)
		return
	}
	f := &script{s: s, name: name, toks: toks, modules: map[string]string{}, known: map[string]value{}}
	for i := range toks {
		f.imported(i)
	}
	for i, t := range toks {
		if t.Kind == source.Word || t.Kind == source.String {
			f.look(i, t)
		}
	}
}

// tok is a token, or an empty one behind the end.
func (f *script) tok(i int) source.Token {
	if i < 0 || i >= len(f.toks) {
		return source.Token{}
	}
	return f.toks[i]
}

func (f *script) mark(i int, text string) bool {
	return f.tok(i).Kind == source.Mark && f.tok(i).Text == text
}

// imported notes the local name of a module, and names that stand for one value.
func (f *script) imported(i int) {
	t := f.toks[i]
	switch {
	case t.Kind == source.Word && t.Text == "require" && f.mark(i+1, "(") && f.tok(i+2).Kind == source.String:
		if f.tok(i+2).Text == "helmet" {
			f.s.node.helmets = append(f.s.node.helmets, use{f.name, int(t.Line)})
		}
		if f.mark(i-1, "=") && f.tok(i-2).Kind == source.Word {
			f.modules[f.tok(i-2).Text] = f.tok(i + 2).Text
		}
	case t.Kind == source.Word && t.Text == "from" && f.tok(i+1).Kind == source.String:
		module := f.tok(i + 1).Text
		if module == "helmet" {
			f.s.node.helmets = append(f.s.node.helmets, use{f.name, int(t.Line)})
		}
		if f.tok(i-1).Kind == source.Word {
			f.modules[f.tok(i-1).Text] = module
		}
	case t.Kind == source.Word && (t.Text == "const" || t.Text == "let" || t.Text == "var") && f.tok(i+1).Kind == source.Word && f.mark(i+2, "="):
		name := f.tok(i + 1).Text
		if _, twice := f.known[name]; twice {
			f.known[name] = value{}
			return
		}
		stop := i + 3
		for stop < len(f.toks) && stop < i+40 && !f.mark(stop, ";") && f.tok(stop).Line == f.tok(i+3).Line {
			stop++
		}
		f.known[name] = f.value(i+3, stop)
	}
}

// value says what source.Tokens are, up to a place.
func (f *script) value(from, to int) value {
	t := f.tok(from)
	v := value{line: int(t.Line)}
	switch {
	case t.Kind == source.Word && t.Text == "process" && f.mark(from+1, ".") && f.tok(from+2).Text == "env",
		t.Kind == source.Word && t.Text == "import" && f.mark(from+1, ".") && f.tok(from+2).Text == "meta":
		v.shape = outside
	case f.mark(from, "[") && int(t.Pair) == to-1:
		v.shape = list
		for i := from + 1; i < to-1 && len(v.items) < 256; i++ {
			begin := i
			for i < to-1 && !f.mark(i, ",") {
				i = max(i, int(f.tok(i).Pair)) + 1
			}
			v.items = append(v.items, f.value(begin, i))
		}
	case to-from == 2 && f.mark(from, "!") && f.tok(from+1).Kind == source.Number:
		v = truthy(f.tok(from+1).Text == "0")
	case to-from != 1:
	case t.Kind == source.String:
		v.shape, v.text = text, t.Text
	case t.Kind == source.Number:
		v = whole(t.Text)
	case t.Text == "true" || t.Text == "false":
		v = truthy(t.Text == "true")
	case t.Text == "null" || t.Text == "undefined":
		v.shape = none
	case t.Kind == source.Word:
		v = f.known[t.Text]
	}
	v.line = int(t.Line)
	return v
}

// object reads the members of an object, each with the places of its value; rest says that others were spread in.
func (f *script) object(open int) (members map[string][2]int, rest bool) {
	members = map[string][2]int{}
	last := int(f.tok(open).Pair)
	for i := open + 1; i < last; i++ {
		begin := i
		for i < last && !f.mark(i, ",") {
			i = max(i, int(f.tok(i).Pair)) + 1
		}
		switch key := f.tok(begin); {
		case f.mark(begin, "..."):
			rest = true
		case (key.Kind == source.Word || key.Kind == source.String) && f.mark(begin+1, ":"):
			members[key.Text] = [2]int{begin + 2, i}
		case key.Kind == source.Word && i == begin+1:
			members[key.Text] = [2]int{begin, i}
		}
	}
	return members, rest
}

// look judges what begins at a token.
func (f *script) look(i int, t source.Token) {
	line := int(t.Line)
	switch module := f.modules[t.Text]; {
	case t.Text == "rejectUnauthorized" && (f.mark(i+1, ":") || f.mark(i+1, "=")):
		f.judge(&nodeTLS, off, i+2, f.stop(i+2))
	case t.Text == "NODE_TLS_REJECT_UNAUTHORIZED":
		at := i + 1
		if f.mark(at, "]") {
			at++
		}
		if v := f.value(at+1, at+2); (f.mark(at, "=") || f.mark(at, ":")) && (v.text == "0" || v.shape == integer && v.n == 0 || v.shape == boolean) {
			f.s.fault(&nodeTLS, f.name, line)
		}
	case (t.Text == "disable" || t.Text == "set") && f.mark(i+1, "(") && f.tok(i+2).Text == "x-powered-by":
		if t.Text == "disable" || f.tok(i+4).Text == "false" {
			f.s.node.calms = append(f.s.node.calms, use{f.name, line})
		}
	case t.Kind != source.Word || !f.mark(i+1, "(") || f.mark(i-1, "."):
	case module == "express":
		f.s.node.apps = append(f.s.node.apps, use{f.name, line})
	case module == "cors":
		f.cors(i+1, line)
	case module == "express-session" || module == "cookie-session":
		f.session(i+1, line, module == "cookie-session")
	}
}

// stop is where the value that begins at a token ends.
func (f *script) stop(i int) int {
	from := i
	for i < len(f.toks) && i < from+40 && !f.mark(i, ",") && !f.mark(i, "}") && !f.mark(i, ";") && !f.mark(i, ")") && (i == from || f.tok(i).Line == f.tok(from).Line) {
		i = max(i, int(f.tok(i).Pair)) + 1
	}
	return i
}

// judge judges the value of a member.
func (f *script) judge(r *rule, by func(value) answer, from, to int) {
	v := f.value(from, to)
	if v.shape == outside {
		return
	}
	switch by(v) {
	case fault:
		f.s.fault(r, f.name, v.line)
	case untold:
		f.s.unknown(f.name, v.line, "the value is computed, so it could not be told; write it out, or read it from the environment", r.ID)
	}
}

// cors judges the origins that a call of cors lets in.
func (f *script) cors(open, line int) {
	switch {
	case f.mark(open+1, ")"):
		f.s.fault(&nodeCORS, f.name, line)
	case f.mark(open+1, "{"):
		members, rest := f.object(open + 1)
		at, ok := members["origin"]
		if ok {
			f.judge(&nodeCORS, func(v value) answer {
				switch {
				case v.shape == text && v.text != "*", v.shape == boolean && v.n == 0:
					return fine
				case v.shape == list && !v.has("*"):
					return fine
				case v.shape == computed:
					return untold
				}
				return fault
			}, at[0], at[1])
		} else if !rest {
			f.s.fault(&nodeCORS, f.name, line)
		}
		if !ok && rest {
			f.s.unknown(f.name, line, "the origins are computed, so it could not be told; write origin out", nodeCORS.ID)
		}
	default:
		f.s.unknown(f.name, line, "the origins are computed, so it could not be told; write origin out", nodeCORS.ID)
	}
}

// session judges what a session is made with. cookie-session decides by itself whether a cookie is secure, unless it is told.
func (f *script) session(open, line int, flat bool) {
	if !f.mark(open+1, "{") {
		f.s.unknown(f.name, line, "the options of the session are computed, so it could not be told; write them out", nodeSecret.ID, nodeSecure.ID)
		return
	}
	members, rest := f.object(open + 1)
	secret := func(v value) answer {
		if v.shape == list {
			if slices.ContainsFunc(v.items, func(x value) bool { return literal(x) == fault }) {
				return fault
			}
			if slices.ContainsFunc(v.items, func(x value) bool { return x.shape == computed }) {
				return untold
			}
			return fine
		}
		return literal(v)
	}
	for _, k := range []string{"secret", "keys"} {
		if at, ok := members[k]; ok {
			f.judge(&nodeSecret, secret, at[0], at[1])
		}
	}
	cookie, more, there := members, rest, true
	if !flat {
		var at [2]int
		at, there = members["cookie"]
		if there && !f.mark(at[0], "{") {
			f.s.unknown(f.name, line, "the cookie of the session is computed, so it could not be told; write it out", nodeSecure.ID)
			return
		}
		if there {
			cookie, more = f.object(at[0])
		}
	}
	secure := func(v value) answer {
		if v.shape == text && strings.EqualFold(v.text, "auto") {
			return fine
		}
		return off(v)
	}
	at, ok := cookie["secure"]
	switch {
	case there && ok:
		f.judge(&nodeSecure, secure, at[0], at[1])
	case more:
		f.s.unknown(f.name, line, "the options of the session are computed, so it could not be told; write secure out", nodeSecure.ID)
	case !flat:
		f.s.fault(&nodeSecure, f.name, line)
	}
	if at, ok := cookie["httpOnly"]; ok && there {
		f.judge(&nodeHTTPOnly, off, at[0], at[1])
	}
}
