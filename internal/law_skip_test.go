package internal_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// spared are the tests that may skip by themselves, with the reason. Every other test that this machine cannot run
// ends by hosttest.Missing, which fails where nothing may be skipped (CI=true).
var spared = map[string]string{
	"cmd/fastness.TestDiskFull": "many containers forbid mounting; the limit on the size of files shows the same",
}

// TestSkipsAreLoud: a tool that is missing under CI=true fails by name, in every test.
func TestSkipsAreLoud(t *testing.T) {
	pkgs := house(t)
	report(t, quietSkips(pkgs))
	used := strings.Join(quietSkips(pkgs, "all"), "\n") + "\n"
	for name := range spared {
		if !strings.Contains(used, " "+name+" ") {
			t.Errorf("the exception %s skips nothing any more; take it out of the table", name)
		}
	}
}

// quietSkips finds tests, and packages for tests, that skip or look for a program past internal/types/hosttest. With
// "all" the exceptions of the table are among them.
func quietSkips(pkgs []*pkg, all ...string) []string {
	var out []string
	for _, p := range pkgs {
		if p.dir == "internal/types/hosttest" {
			continue
		}
		files := slices.Clone(p.tests)
		if strings.HasSuffix(p.dir, "test") {
			files = append(files, p.files...)
		}
		for _, f := range files {
			looks := f.importName("os/exec")
			for _, d := range f.ast.Decls {
				name := p.dir + "." + called(d)
				if spared[name] != "" && len(all) == 0 {
					continue
				}
				ast.Inspect(d, func(n ast.Node) bool {
					call, ok := n.(*ast.CallExpr)
					if !ok {
						return true
					}
					sel, ok := call.Fun.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					x, _ := sel.X.(*ast.Ident)
					looked := sel.Sel.Name == "LookPath" && x != nil && looks != "" && x.Name == looks
					if looked || slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
						out = append(out, fmt.Sprintf("%s: %s calls %s: take hosttest.Tool, File or Missing", p.at(sel), name, sel.Sel.Name))
					}
					return true
				})
			}
		}
	}
	return out
}
