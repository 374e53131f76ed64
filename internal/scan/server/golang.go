package server

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	gotoken "go/token"
	"path"
	"strings"
)

var (
	goTLS     = rule{"go-tls-unverified", "certificates of other servers are not verified", "high", "CWE-295", "take InsecureSkipVerify out, and trust the authority in RootCAs"}
	goOldTLS  = rule{"go-tls-old", "MinVersion lets TLS 1.0 or 1.1 in", "medium", "CWE-327", "write MinVersion: tls.VersionTLS12 or later"}
	goPlain   = rule{"go-plain-http", "http.ListenAndServe serves without TLS and without time-outs", "low", "CWE-319", "make an http.Server with time-outs, and serve TLS unless a proxy on this machine does"}
	goTimes   = rule{"go-server-timeouts", "http.Server has no ReadHeaderTimeout: slow clients hold connections for ever", "medium", "CWE-400", "set ReadHeaderTimeout, ReadTimeout and IdleTimeout"}
	goSecure  = rule{"go-cookie-secure", "http.Cookie is not Secure: it goes over plain HTTP", "medium", "CWE-614", "set Secure: true"}
	goScripts = rule{"go-cookie-httponly", "http.Cookie is not HttpOnly: scripts read it", "medium", "CWE-1004", "set HttpOnly: true"}
)

// gofile is a file of Go while it is read.
type gofile struct {
	s            *Reader
	name         string
	set          *gotoken.FileSet
	web, tls     string // the local names of net/http and crypto/tls
	sent         map[ast.Node]bool
	assigned     map[string]map[string]ast.Expr // by the variable: its fields that are set later
	literalNames map[ast.Node]string
}

// Go reads a file of Go by the parser of its standard library.
func (s *Reader) Go(name string, src []byte) {
	set := gotoken.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		line := 0
		if list, ok := err.(scanner.ErrorList); ok && len(list) > 0 {
			line = list[0].Pos.Line
		}
		s.unknown(name, line, "it is no Go; mend the file")
		return
	}
	f := &gofile{s: s, name: name, set: set, sent: map[ast.Node]bool{}, assigned: map[string]map[string]ast.Expr{}, literalNames: map[ast.Node]string{}}
	for _, i := range file.Imports {
		local := path.Base(strings.Trim(i.Path.Value, `"`))
		if i.Name != nil {
			local = i.Name.Name
		}
		switch i.Path.Value {
		case `"net/http"`:
			f.web = local
		case `"crypto/tls"`:
			f.tls = local
		}
	}
	ast.Inspect(file, f.prepare)
	ast.Inspect(file, f.look)
}

// prepare notes fields that are set behind a literal, and cookies that a client sends.
func (f *gofile) prepare(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "AddCookie" && len(n.Args) == 1 {
			f.sent[bare(n.Args[0])] = true
		}
	case *ast.AssignStmt:
		for i, l := range n.Lhs {
			if i >= len(n.Rhs) {
				break
			}
			switch l := l.(type) {
			case *ast.Ident:
				f.literalNames[bare(n.Rhs[i])] = l.Name
			case *ast.SelectorExpr:
				if x, ok := l.X.(*ast.Ident); ok {
					if f.assigned[x.Name] == nil {
						f.assigned[x.Name] = map[string]ast.Expr{}
					}
					f.assigned[x.Name][l.Sel.Name] = n.Rhs[i]
				}
			}
		}
	case *ast.ValueSpec:
		for i, v := range n.Values {
			if i < len(n.Names) {
				f.literalNames[bare(v)] = n.Names[i].Name
			}
		}
	}
	return true
}

// bare is an expression without its address operator.
func bare(x ast.Expr) ast.Node {
	if u, ok := x.(*ast.UnaryExpr); ok && u.Op == gotoken.AND {
		return u.X
	}
	return x
}

// of tells whether an expression is a name of a package.
func of(x ast.Expr, pack, name string) bool {
	sel, ok := x.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name || pack == "" {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pack
}

func (f *gofile) line(n ast.Node) int { return f.set.Position(n.Pos()).Line }

// look judges a node.
func (f *gofile) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		if of(n.Fun, f.web, "ListenAndServe") {
			f.s.fault(&goPlain, f.name, f.line(n))
		}
	case *ast.KeyValueExpr:
		if k, ok := n.Key.(*ast.Ident); ok {
			f.field(k.Name, n.Value)
		}
	case *ast.AssignStmt:
		for i, l := range n.Lhs {
			if sel, ok := l.(*ast.SelectorExpr); ok && i < len(n.Rhs) {
				f.field(sel.Sel.Name, n.Rhs[i])
			}
		}
	case *ast.CompositeLit:
		switch {
		case of(n.Type, f.web, "Server"):
			f.server(n)
		case of(n.Type, f.web, "Cookie") && !f.sent[n]:
			f.cookie(n)
		}
	}
	return true
}

// field judges a field of TLS, wherever it is set.
func (f *gofile) field(name string, v ast.Expr) {
	switch {
	case name == "InsecureSkipVerify":
		f.answer(no(v), &goTLS, v, name)
	case name == "MinVersion" && f.tls != "":
		for _, old := range []string{"VersionSSL30", "VersionTLS10", "VersionTLS11"} {
			if of(v, f.tls, old) {
				f.s.fault(&goOldTLS, f.name, f.line(v))
			}
		}
	}
}

// yes answers fine for true, fault for false, and untold for what is computed.
func yes(x ast.Expr) answer {
	if id, ok := x.(*ast.Ident); ok && id.Name == "true" {
		return fine
	} else if ok && id.Name == "false" {
		return fault
	}
	return untold
}

// no answers fault for true, fine for false, and untold for what is computed.
func no(x ast.Expr) answer {
	switch yes(x) {
	case fine:
		return fault
	case fault:
		return fine
	}
	return untold
}

// answer records what a rule says of a field.
func (f *gofile) answer(a answer, r *rule, n ast.Node, field string) {
	switch a {
	case fine:
	case fault:
		f.s.fault(r, f.name, f.line(n))
	case untold:
		f.s.unknown(f.name, f.line(n), field+" is computed, so it could not be told; write it out", r.ID)
	}
}

// value finds a field of a literal, there or in an assignment behind it. A literal without names has all its fields.
func (f *gofile) value(n *ast.CompositeLit, field string) (v ast.Expr, named bool) {
	for _, e := range n.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return nil, false
		}
		if k, ok := kv.Key.(*ast.Ident); ok && k.Name == field {
			return kv.Value, true
		}
	}
	if name := f.literalNames[n]; name != "" && f.assigned[name] != nil {
		return f.assigned[name][field], true
	}
	return nil, true
}

// server judges a literal of http.Server.
func (f *gofile) server(n *ast.CompositeLit) {
	header, named := f.value(n, "ReadHeaderTimeout")
	if whole, _ := f.value(n, "ReadTimeout"); header == nil && whole == nil && named {
		f.s.fault(&goTimes, f.name, f.line(n))
	}
}

// cookie judges a literal of http.Cookie. One that only deletes is none.
func (f *gofile) cookie(n *ast.CompositeLit) {
	if age, _ := f.value(n, "MaxAge"); age != nil {
		if u, ok := age.(*ast.UnaryExpr); ok && u.Op == gotoken.SUB {
			return
		}
	}
	for field, r := range map[string]*rule{"Secure": &goSecure, "HttpOnly": &goScripts} {
		switch v, named := f.value(n, field); {
		case !named:
		case v == nil:
			f.s.fault(r, f.name, f.line(n))
		default:
			f.answer(yes(v), r, v, field)
		}
	}
}
