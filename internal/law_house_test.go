package internal_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pkg is one package of the module as its files lie on disk, whatever system they are built for.
type pkg struct {
	dir   string // slash-separated, relative to the module; "." is the root package
	name  string
	fset  *token.FileSet
	files []*source // product files
	tests []*source
}

type source struct {
	path  string // relative to the module
	lines int
	test  bool
	ast   *ast.File
}

// house reads every package of the module. Folders with a go.mod of their own are other modules; testdata is not code.
func house(t *testing.T) []*pkg {
	t.Helper()
	pkgs, err := read(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 5 {
		t.Fatalf("read only %d packages: the laws would hold for want of anything to judge", len(pkgs))
	}
	return pkgs
}

func read(root fs.FS) ([]*pkg, error) {
	byDir := map[string]*pkg{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := path.Base(name)
			if base == "testdata" || base == "node_modules" || name != "." && (strings.HasPrefix(base, ".") && base != ".ci" || strings.HasPrefix(base, "_")) {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		return readFile(root, name, byDir)
	})
	var out []*pkg
	for _, p := range byDir {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	return out, err
}

func readFile(root fs.FS, name string, byDir map[string]*pkg) error {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	p := byDir[dir]
	if p == nil {
		p = &pkg{dir: dir, fset: token.NewFileSet()}
		byDir[dir] = p
	}
	f, err := parser.ParseFile(p.fset, name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	s := &source{path: name, lines: bytes.Count(src, []byte("\n")), test: strings.HasSuffix(name, "_test.go"), ast: f}
	if s.test {
		p.tests = append(p.tests, s)
		return nil
	}
	p.name, p.files = f.Name.Name, append(p.files, s)
	return nil
}

// at is the place of a node, for messages.
func (p *pkg) at(n ast.Node) string {
	pos := p.fset.Position(n.Pos())
	return pos.Filename + ":" + strconv.Itoa(pos.Line)
}

// imports are the paths that the product files import, each once.
func (p *pkg) imports() []string {
	var out []string
	for _, f := range p.files {
		for _, i := range f.ast.Imports {
			if v, err := strconv.Unquote(i.Path.Value); err == nil {
				out = append(out, v)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// importName is the name under which the file knows an import path, or "" when it does not import it.
func (s *source) importName(want string) string {
	for _, i := range s.ast.Imports {
		if v, _ := strconv.Unquote(i.Path.Value); v == want {
			if i.Name != nil {
				return i.Name.Name
			}
			return path.Base(want)
		}
	}
	return ""
}

// variables are the package-level variables by name.
func (p *pkg) variables() map[string]*ast.ValueSpec {
	out := map[string]*ast.ValueSpec{}
	for _, f := range p.files {
		for _, d := range f.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if n.Name != "_" {
						out[n.Name] = s.(*ast.ValueSpec)
					}
				}
			}
		}
	}
	return out
}

// interfaceMethods are the names of all methods that the package's own interfaces declare.
func (p *pkg) interfaceMethods() []string {
	var out []string
	for _, f := range p.files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						out = append(out, name.Name)
					}
				}
			}
			return true
		})
	}
	return out
}
