package account_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	called = regexp.MustCompile(`\bt "((?:[^"\\]|\\.)*)"`)
	fields = regexp.MustCompile(`field \$s "[^"]*" "([^"]*)"((?: "[^"]*"| \.[\w.]+)*)`)
	hint   = regexp.MustCompile(`"hint" "([^"]*)"`)
)

// TestCatalogIsWhole: every text that pages can say has a German form with the same blanks, and no form is left over.
func TestCatalogIsWhole(t *testing.T) {
	said := map[string]bool{"letter": true, "digit": true, "capital letter": true, "symbol": true, "read": true, "create": true, "update": true, "delete": true}
	for _, dir := range []string{".", "../page", "../membership"} {
		collect(t, dir, said)
	}
	have := map[string]string{}
	for _, path := range []string{"de.txt", "../page/de.txt"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for i, l := range lines {
			if strings.HasPrefix(l, "\t") {
				have[lines[i-1]] = l[1:]
			}
		}
	}
	blanks := regexp.MustCompile(`%[sd]`)
	for s := range said {
		if have[s] == "" {
			t.Errorf("no German for %q", s)
		}
		if strings.Join(blanks.FindAllString(s, -1), "") != strings.Join(blanks.FindAllString(have[s], -1), "") {
			t.Errorf("%q and %q do not take the same", s, have[s])
		}
	}
	for s := range have {
		if !said[s] {
			t.Errorf("nothing says %q", s)
		}
	}
	if len(said) < 200 {
		t.Errorf("found %d texts only", len(said))
	}
}

// collect finds texts: in templates by the function t and the labels of fields, in code as strings that read like sentences or stand
// where a text is looked up.
func collect(t *testing.T, dir string, said map[string]bool) {
	t.Helper()
	templates, err := filepath.Glob(dir + "/template/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range templates {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range called.FindAllStringSubmatch(string(text), -1) {
			said[m[1]] = true
		}
		for _, m := range fields.FindAllStringSubmatch(string(text), -1) {
			said[m[1]] = true
			if h := hint.FindStringSubmatch(m[2]); h != nil {
				said[h[1]] = true
			}
		}
	}
	sources, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool { return source(n, said) })
	}
}

// source looks at one node of code.
func source(n ast.Node, said map[string]bool) bool {
	word := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil && strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz") {
				said[s] = true
			}
		}
	}
	switch n := n.(type) {
	case *ast.CallExpr: // k.text(l, "…"), kit.Text(l, "…"), mine(ctx, r, "…"), ask(ctx, r, "…")
		name := ""
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
			name = sel.Sel.Name
		}
		at := map[string]int{"text": 1, "Text": 1, "mine": 2, "ask": 2, "askAt": 2}[name]
		if at > 0 && len(n.Args) > at {
			word(n.Args[at])
		}
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok {
			switch id.Name {
			case "Title", "Label", "Text", "Button", "title":
				word(n.Value)
			}
		}
	case *ast.AssignStmt:
		for i, l := range n.Lhs {
			if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "Title" && i < len(n.Rhs) {
				word(n.Rhs[i])
			}
			if id, ok := l.(*ast.Ident); ok && id.Name == "text" && i < len(n.Rhs) {
				word(n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, id := range n.Names {
			if c, ok := n.Values, true; ok && i < len(c) && (id.Name == "said" || id.Name == "wrong" || id.Name == "notices" || id.Name == "providerSaid") {
				for _, e := range c[i].(*ast.CompositeLit).Elts {
					word(e.(*ast.KeyValueExpr).Value)
				}
			}
		}
	case *ast.ImportSpec:
		return false
	}
	return true
}
