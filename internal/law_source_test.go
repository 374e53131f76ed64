package internal_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestTimeComesFromTheClock(t *testing.T) { report(t, clockReaders(house(t))) }

// clockReaders finds calls of package time that read or wait on the machine's clock. Deadlines of sockets and contexts count
// elapsed time and are not meant; tickers and sleeps would make a virtual clock useless.
func clockReaders(pkgs []*pkg) []string {
	reads := []string{"Now", "Since", "Until"}
	var out []string
	for _, p := range pkgs {
		if slices.ContainsFunc(clocks, func(c struct{ in, because string }) bool {
			return p.dir == c.in || strings.HasPrefix(p.dir, c.in+"/")
		}) {
			continue
		}
		for _, f := range p.files {
			name := f.importName("time")
			ast.Inspect(f.ast, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && name != "" && x.Name == name && x.Obj == nil && slices.Contains(reads, sel.Sel.Name) {
					out = append(out, fmt.Sprintf("%s: time.%s: take a types.Clock instead", p.at(sel), sel.Sel.Name))
				}
				return true
			})
		}
	}
	return out
}

func TestOneDoorOut(t *testing.T) { report(t, outbound(house(t))) }

// outbound finds connections that are opened past internal/types/dial, by package net, crypto/tls or net/http.
func outbound(pkgs []*pkg) []string {
	opens := map[string][]string{"net": {"Dial", "DialTimeout", "DialTCP", "DialIP", "Dialer"}, "crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
		"net/http": {"Get", "Post", "PostForm", "Head", "Client", "Transport", "DefaultClient", "DefaultTransport"}}
	var out []string
	for _, p := range pkgs {
		if slices.ContainsFunc(doors, func(d struct{ in, because string }) bool { return p.dir == d.in || strings.HasPrefix(p.dir, d.in+"/") }) {
			continue
		}
		for _, f := range p.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				for path, names := range opens {
					x, ok := sel.X.(*ast.Ident)
					if name := f.importName(path); ok && name != "" && x.Name == name && x.Obj == nil && slices.Contains(names, sel.Sel.Name) {
						out = append(out, fmt.Sprintf("%s: %s.%s: take a dial.Door instead", p.at(sel), name, sel.Sel.Name))
					}
				}
				return true
			})
		}
	}
	return out
}

func TestForeignJSONIsReadExactly(t *testing.T) {
	pkgs := house(t)
	report(t, lenientReaders(pkgs))
	used := strings.Join(lenientReaders(pkgs, "all"), "\n") + "\n"
	for name := range lenient {
		if !strings.Contains(used, " "+name+" ") {
			t.Errorf("the exception %s is of nobody any more; take it out of the table", name)
		}
	}
}

// lenientReaders finds functions that read JSON with encoding/json, and such as tell its second version to be as lenient as the first. With
// "all" the exceptions of the table are among them. Tools that are not the product (benches, saboteurs, the continuous run) read their own.
func lenientReaders(pkgs []*pkg, all ...string) []string {
	reads := map[string][]string{"encoding/json": {"Unmarshal", "NewDecoder", "Decoder"},
		"github.com/go-json-experiment/json":          {"MatchCaseInsensitiveNames"},
		"github.com/go-json-experiment/json/jsontext": {"AllowDuplicateNames", "AllowInvalidUTF8"}}
	var out []string
	for _, p := range pkgs {
		if top, _, _ := strings.Cut(p.dir, "/"); slices.Contains([]string{"bench", "sabotage", ".ci"}, top) {
			continue
		}
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				name := p.dir + "." + called(d)
				if lenient[name] != "" && len(all) == 0 {
					continue
				}
				ast.Inspect(d, func(n ast.Node) bool {
					sel, ok := n.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					for path, names := range reads {
						x, ok := sel.X.(*ast.Ident)
						if from := f.importName(path); ok && from != "" && x.Name == from && x.Obj == nil && slices.Contains(names, sel.Sel.Name) {
							out = append(out, fmt.Sprintf("%s: %s reads with %s.%s: take plan/exact for what others write", p.at(sel), name, from, sel.Sel.Name))
						}
					}
					return true
				})
			}
		}
	}
	return out
}

// called is a function's name, behind that of its receiver's type; "" for other declarations.
func called(d ast.Decl) string {
	fn, ok := d.(*ast.FuncDecl)
	if !ok {
		return ""
	}
	if fn.Recv != nil {
		of := fn.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if id, ok := of.(*ast.Ident); ok {
			return id.Name + "." + fn.Name.Name
		}
	}
	return fn.Name.Name
}

func TestNoInit(t *testing.T) { report(t, initFunctions(house(t))) }

func initFunctions(pkgs []*pkg) []string {
	var out []string
	for _, p := range pkgs {
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					out = append(out, fmt.Sprintf("%s: func init: nothing happens by being imported; let the caller call it", p.at(fn)))
				}
			}
		}
	}
	return out
}

func TestNoGlobalState(t *testing.T) { report(t, globalState(house(t))) }

// globalState finds package-level variables that are locks, counters or lazily filled (by type), and those that a function
// assigns to. A sync.Pool is scratch memory and sync.OnceValue a constant that is dear to make, so both pass.
func globalState(pkgs []*pkg) []string {
	var out []string
	for _, p := range pkgs {
		vars := p.variables()
		complain := func(name string, at ast.Node, what string) {
			if state[p.dir+"."+name] == "" {
				out = append(out, fmt.Sprintf("%s: %s is global state (%s): make it a field of what uses it", p.at(at), name, what))
			}
		}
		for name, spec := range vars {
			if kind := guard(spec); kind != "" {
				complain(name, spec, kind)
			}
		}
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				for _, target := range assigned(fn.Body) {
					if spec := vars[target.Name]; spec != nil && (target.Obj == nil || target.Obj.Decl == spec) {
						complain(target.Name, target, "assigned in "+fn.Name.Name)
					}
				}
			}
		}
	}
	return out
}

// guard names the type of a variable that can only be there to change, or "".
func guard(spec *ast.ValueSpec) string {
	found := ""
	look := func(n ast.Node) bool {
		if _, body := n.(*ast.FuncLit); body {
			return false
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "atomic" || x.Name == "sync" && !slices.Contains([]string{"Pool", "OnceValue", "OnceValues"}, sel.Sel.Name)) {
			found = x.Name + "." + sel.Sel.Name
		}
		return true
	}
	if spec.Type != nil {
		ast.Inspect(spec.Type, look)
	}
	for _, v := range spec.Values {
		ast.Inspect(v, look)
	}
	return found
}

// assigned returns the root identifiers of everything that body assigns to with = or an operator, or steps with ++ and --.
func assigned(body ast.Node) []*ast.Ident {
	var out []*ast.Ident
	add := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.Ident:
				out = append(out, x)
				return
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			default:
				return
			}
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				for _, l := range s.Lhs {
					add(l)
				}
			}
		case *ast.IncDecStmt:
			add(s.X)
		}
		return true
	})
	return out
}

func TestSizes(t *testing.T) { report(t, sizes(house(t))) }

func sizes(pkgs []*pkg) []string {
	var out []string
	judge := func(what, key string, is, max int) {
		if is > max && large[key] == "" {
			out = append(out, fmt.Sprintf("%s has %d lines, more than %d: a noun is missing", what, is, max))
		}
	}
	for _, p := range pkgs {
		total := 0
		for _, f := range append(slices.Clone(p.files), p.tests...) {
			if ast.IsGenerated(f.ast) {
				continue
			}
			judge("file "+f.path, f.path, f.lines, maxFile)
			if f.test {
				continue
			}
			total += f.lines
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					n := p.fset.Position(fn.End()).Line - p.fset.Position(fn.Pos()).Line + 1
					key := f.path + ":" + fn.Name.Name
					judge("function "+key, key, n, maxFunction)
				}
			}
		}
		judge("package "+p.dir, p.dir, total, maxPackage)
	}
	return out
}

func TestExportedNamesAreDocumented(t *testing.T) { report(t, undocumented(house(t))) }

// promised are methods whose contract the standard library states; they need a comment only where they differ from it.
var promised = []string{"Error", "Unwrap", "Is", "As", "String", "GoString", "Format", "LogValue", "MarshalText", "UnmarshalText",
	"MarshalJSON", "UnmarshalJSON", "ServeHTTP", "Read", "Write", "Close", "Len", "Less", "Swap", "ReadFrom", "WriteTo"}

// undocumented finds exported functions, methods of exported types, types, constants and variables without a comment. A block of
// declarations may share one comment, and a method may rest on the interface of its own package that states its contract.
func undocumented(pkgs []*pkg) []string {
	var out []string
	for _, p := range pkgs {
		if p.name == "main" {
			continue
		}
		missing := func(n ast.Node, name string) {
			out = append(out, fmt.Sprintf("%s: %s has no comment: say its shape, units and errors", p.at(n), name))
		}
		contract := append(p.interfaceMethods(), promised...)
		for _, f := range p.files {
			if ast.IsGenerated(f.ast) {
				continue
			}
			for _, d := range f.ast.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Recv != nil && slices.Contains(contract, d.Name.Name) {
						continue
					}
					if d.Name.IsExported() && exportedReceiver(d) && d.Doc.Text() == "" {
						missing(d, d.Name.Name)
					}
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if name := bareSpec(d, s); name != "" {
							missing(s, name)
						}
					}
				}
			}
		}
	}
	return out
}

// bareSpec returns the exported name of s when neither it nor its block is explained.
func bareSpec(d *ast.GenDecl, s ast.Spec) string {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc.Text() == "" && s.Comment.Text() == "" && d.Doc.Text() == "" {
			return s.Name.Name
		}
	case *ast.ValueSpec:
		if d.Doc.Text() != "" || s.Doc.Text() != "" || s.Comment.Text() != "" {
			return ""
		}
		for _, n := range s.Names {
			if n.IsExported() {
				return n.Name
			}
		}
	}
	return ""
}

// exportedReceiver tells whether fn is a function or a method of an exported type.
func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return true
	}
	typ := fn.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func TestPackagesHaveAMap(t *testing.T) { report(t, mapless(house(t))) }

// mapless finds packages without a package comment, and those with two, which would be two maps.
func mapless(pkgs []*pkg) []string {
	var out []string
	for _, p := range pkgs {
		n := 0
		for _, f := range p.files {
			if f.ast.Doc.Text() != "" {
				n++
			}
		}
		if n != 1 && len(p.files) > 0 {
			out = append(out, fmt.Sprintf("%s: %d package comments, want one: it is the map of the package and states its policy", p.dir, n))
		}
	}
	return out
}
