package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"slices"
	"strings"
)

// source is a file of Go.
type source struct {
	text string
	set  *token.FileSet
	tree *ast.File
}

func parse(text string) (*source, error) {
	s := &source{text: text, set: token.NewFileSet()}
	var err error
	s.tree, err = parser.ParseFile(s.set, "", text, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

// at is the text of a node, comments included.
func (s *source) at(n ast.Node) string { return s.text[s.offset(n.Pos()):s.offset(n.End())] }

func (s *source) offset(p token.Pos) int { return s.set.PositionFor(p, false).Offset }

// bodies are the functions whose bodies differ; an error where more of a function does.
func bodies(was, is *source) ([]swap, error) {
	if a, b := directives(was), directives(is); !slices.Equal(a, b) || was.tree.Name.Name != is.tree.Name.Name {
		return nil, errors.New("changes a directive")
	}
	before, after := functions(was), functions(is)
	var out []swap
	for key, fn := range after {
		if before[key] == nil {
			return nil, fmt.Errorf("adds the function %s", fn.Name.Name)
		}
	}
	for key, of := range before {
		fn := after[key]
		switch {
		case fn == nil:
			return nil, fmt.Errorf("removes the function %s", of.Name.Name)
		case signature(of) != signature(fn):
			return nil, fmt.Errorf("changes the signature of %s", of.Name.Name)
		case of.Body == nil && fn.Body == nil:
		case of.Body == nil || fn.Body == nil:
			return nil, fmt.Errorf("%s has no body in Go", of.Name.Name)
		case was.at(of.Body) == is.at(fn.Body) && named(of) == named(fn):
		case asksForItsCaller(fn.Body):
			return nil, fmt.Errorf("%s calls recover or asks for its caller", of.Name.Name)
		case blankType(of):
			return nil, fmt.Errorf("%s has a type parameter without a name", of.Name.Name)
		default:
			out = append(out, swap{of: of, src: is, fn: fn})
		}
	}
	slices.SortFunc(out, func(a, b swap) int { return int(a.of.Pos() - b.of.Pos()) })
	return out, nil
}

// directives are the comments that speak to the compiler.
func directives(s *source) (out []string) {
	for _, group := range s.tree.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//line ") || strings.HasPrefix(c.Text, "//export ") {
				out = append(out, c.Text)
			}
		}
	}
	return out
}

// values are the variables of the package whose values differ; an error where anything else outside functions does.
func values(was, is *source) ([]pick, error) {
	var out []pick
	before, after := others(was), others(is)
	if len(before) != len(after) {
		return nil, errors.New("adds or removes a declaration")
	}
	for i, a := range before {
		b := after[i]
		if show(a) == show(b) {
			continue
		}
		if a.Tok != token.VAR || b.Tok != token.VAR || len(a.Specs) != len(b.Specs) {
			return nil, fmt.Errorf("changes a declaration by %s", a.Tok)
		}
		for k := range a.Specs {
			of, now := a.Specs[k].(*ast.ValueSpec), b.Specs[k].(*ast.ValueSpec)
			switch {
			case show(of) == show(now):
			case len(of.Values) != 1 || len(now.Values) != 1 || len(of.Names) != 1 || len(now.Names) != 1, of.Names[0].Name != now.Names[0].Name,
				of.Names[0].Name == "_", kind(of) != kind(now):
				return nil, fmt.Errorf("changes more of the variable %s than its value", of.Names[0].Name)
			default:
				out = append(out, pick{of: of, src: is, is: now})
			}
		}
	}
	return out, nil
}

// others are the declarations that are neither functions nor imports.
func others(s *source) (out []*ast.GenDecl) {
	for _, d := range s.tree.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok != token.IMPORT {
			out = append(out, g)
		}
	}
	return out
}

// kind is the type that a variable is declared with, if any.
func kind(v *ast.ValueSpec) string {
	if v.Type == nil {
		return ""
	}
	return show(v.Type)
}

// show prints a node without regard to its lines.
func show(n ast.Node) string {
	var b strings.Builder
	if err := (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, token.NewFileSet(), n); err != nil {
		return err.Error()
	}
	return b.String()
}

// functions are the functions and methods of a file by a name that is theirs alone: `init` and `_` may stand more than
// once.
func functions(s *source) map[string]*ast.FuncDecl {
	out := map[string]*ast.FuncDecl{}
	for _, d := range s.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		key, n := fn.Name.Name, 0
		if fn.Recv != nil {
			key = show(fn.Recv.List[0].Type) + "." + key
		}
		for out[fmt.Sprint(key, " ", n)] != nil {
			n++
		}
		out[fmt.Sprint(key, " ", n)] = fn
	}
	return out
}

// signature is what a caller sees of a function: the types, not the names of its parameters.
func signature(fn *ast.FuncDecl) string {
	var b strings.Builder
	if fn.Type.TypeParams != nil {
		for _, f := range fn.Type.TypeParams.List {
			for _, n := range f.Names {
				fmt.Fprint(&b, n.Name, " ", show(f.Type), ",")
			}
		}
	}
	for _, list := range []*ast.FieldList{fn.Recv, fn.Type.Params, fn.Type.Results} {
		b.WriteString("|")
		if list == nil {
			continue
		}
		for _, f := range list.List {
			for range max(1, len(f.Names)) {
				b.WriteString(show(f.Type) + ",")
			}
		}
	}
	return b.String()
}

// named are the names of parameters and results.
func named(fn *ast.FuncDecl) string {
	var out []string
	for _, list := range []*ast.FieldList{fn.Recv, fn.Type.Params, fn.Type.Results} {
		if list != nil {
			for _, f := range list.List {
				for _, n := range f.Names {
					out = append(out, n.Name)
				}
			}
		}
		out = append(out, "|")
	}
	return strings.Join(out, " ")
}

// asksForItsCaller tells whether a body, closures aside, calls recover or runtime.Caller: it would find another
// function above it.
func asksForItsCaller(body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "recover" {
				found = true
			}
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "Caller") && show(sel.X) == "runtime" {
				found = true
			}
		}
		return true
	})
	return found
}

func blankType(fn *ast.FuncDecl) bool {
	if fn.Type.TypeParams == nil {
		return false
	}
	return slices.ContainsFunc(fn.Type.TypeParams.List, func(f *ast.Field) bool {
		return slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return n.Name == "_" })
	})
}
