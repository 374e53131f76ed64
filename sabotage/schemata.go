package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Switch is the variable of the environment that names the saboteur at work in a joint build. Only the overlay reads
// it.
const Switch = "SABOTEUR"

// Joint is one overlay of the module in which many saboteurs lie side by side, each behind a switch: mutant schemata
// (Untch, Offutt and Harrold, 1993). One build then judges them all.
//
// A changed body stands beside its function F as a function of its own, zz_NAME_F, and F begins with a switch that
// hands over to it:
//
//	func F(a int) error { switch zzSaboteur { case "no-check": return zz_no_check_F(a) }; the body as it was }
//
// Siblings, not two blocks inside F: in a block of its own `x, err := f()` would declare another err than the result of
// that name, and a label would stand twice. F's own body stays where it was, so a recover in it still belongs to F; a
// changed body that calls recover itself would not, so it is left out. The changed value of a variable of the package
// stands beside it likewise:
//
//	var limit = zzPick(5, "no-limit", zz_no_limit_limit)
type Joint struct {
	In   map[string]bool   // the saboteurs that it holds
	Out  map[string]string // those that need a build of their own, and why
	root string
	file map[string]*joined
}

// joined is one file of the product with its switches.
type joined struct {
	now     *source
	swaps   []swap
	picks   []pick
	imports map[string]string // name in the file → the declaration that a changed body needs and the file lacks
	added   []string          // those declarations, in the order in which they came
}

// swap is one body that a saboteur changes.
type swap struct {
	by  string        // the saboteur
	of  *ast.FuncDecl // in the product's file
	src *source       // the file as the saboteur has it
	fn  *ast.FuncDecl // in src
}

// pick is one value of a variable that a saboteur changes.
type pick struct {
	by  string         // the saboteur
	of  *ast.ValueSpec // in the product's file
	src *source        // the file as the saboteur has it
	is  *ast.ValueSpec // in src
}

// NewJoint joins those of the saboteurs that change nothing but bodies of functions and values of variables.
func NewJoint(root string, saboteurs []*Saboteur) (*Joint, error) {
	j := &Joint{In: map[string]bool{}, Out: map[string]string{}, root: root, file: map[string]*joined{}}
	for _, s := range saboteurs {
		if err := j.add(s); err != nil {
			j.Out[s.Name] = err.Error()
			continue
		}
		j.In[s.Name] = true
	}
	return j, nil
}

// add takes a saboteur in, whole or not at all.
func (j *Joint) add(s *Saboteur) error {
	type change struct {
		at     *joined
		swaps  []swap
		picks  []pick
		wanted map[string]string
	}
	var changes []change
	for _, f := range s.Files {
		at, err := j.read(f.Path)
		if err != nil {
			return err
		}
		text, err := f.Apply(at.now.text)
		if err != nil {
			return fmt.Errorf("does not apply: %s: %w", f.Path, err)
		}
		changed, err := parse(text)
		if err != nil {
			return err
		}
		swaps, err := bodies(at.now, changed)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		picks, err := values(at.now, changed)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		wanted, err := at.lacks(changed)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		changes = append(changes, change{at, swaps, picks, wanted})
	}
	for _, c := range changes {
		for _, w := range c.swaps {
			w.by = s.Name
			c.at.swaps = append(c.at.swaps, w)
		}
		for _, p := range c.picks {
			p.by = s.Name
			c.at.picks = append(c.at.picks, p)
		}
		for _, name := range slices.Sorted(maps.Keys(c.wanted)) {
			c.at.imports[name] = c.wanted[name]
			c.at.added = append(c.at.added, c.wanted[name])
		}
	}
	return nil
}

func (j *Joint) read(path string) (*joined, error) {
	if f := j.file[path]; f != nil {
		return f, nil
	}
	if !strings.HasSuffix(path, ".go") {
		return nil, fmt.Errorf("%s is not Go", path)
	}
	text, err := os.ReadFile(filepath.Join(j.root, filepath.FromSlash(path)))
	if err != nil {
		return nil, err
	}
	src, err := parse(string(text))
	if err != nil {
		return nil, err
	}
	f := &joined{now: src, imports: map[string]string{}}
	for _, i := range src.tree.Imports {
		f.imports[imported(i)] = src.at(i)
	}
	j.file[path] = f
	return f, nil
}

// imported is the name by which a file calls an import; without one of its own, the path; for one that only takes
// effect, both.
func imported(i *ast.ImportSpec) string {
	path, _ := strconv.Unquote(i.Path.Value)
	switch {
	case i.Name == nil:
		return path
	case anonymous(i.Name.Name):
		return i.Name.Name + " " + path
	}
	return i.Name.Name
}

func anonymous(name string) bool { return strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") }

// lacks are the imports of the changed file that the joined file has not. One that the changed file dropped stays: the
// body as it was needs it.
func (f *joined) lacks(changed *source) (map[string]string, error) {
	out, had := map[string]string{}, map[string]bool{}
	for _, i := range changed.tree.Imports {
		name, spec := imported(i), changed.at(i)
		had[name] = true
		if f.imports[name] == spec {
			continue
		}
		if f.imports[name] != "" || anonymous(name) || i.Path.Value == `"C"` {
			return nil, fmt.Errorf("imports %s in another way", i.Path.Value)
		}
		for other, as := range f.imports {
			if last(other) == last(name) {
				return nil, fmt.Errorf("imports %s beside %s", i.Path.Value, as)
			}
		}
		out[name] = spec
	}
	for _, i := range f.now.tree.Imports {
		if name := imported(i); anonymous(name) && !had[name] {
			return nil, fmt.Errorf("drops the import of %s", i.Path.Value)
		}
	}
	return out, nil
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// chooserText is what each package with a switch gets, in a file of its own.
const chooserText = `package %s

import "os"

var zzSaboteur = os.Getenv(%q)

func zzPick[T any](was T, saboteur string, is T) T {
	if zzSaboteur == saboteur {
		return is
	}
	return was
}
`

// edit replaces text[from:to].
type edit struct {
	from, to int
	text     string
}

// Write writes the overlay below dir and returns the file that `go build -overlay` takes.
func (j *Joint) Write(dir string) (string, error) {
	replace := map[string]string{}
	put := func(path, text string) error {
		copied := filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(path)))
		replace[path] = copied
		return os.WriteFile(copied, []byte(text), 0o600)
	}
	for _, path := range slices.Sorted(maps.Keys(j.file)) {
		f := j.file[path]
		if len(f.swaps)+len(f.picks) == 0 {
			continue
		}
		original := filepath.Join(j.root, filepath.FromSlash(path))
		if err := put(original, f.print(filepath.Join(j.root, "sabotage"))); err != nil {
			return "", err
		}
		chooser := filepath.Join(filepath.Dir(original), "zz_saboteur.go")
		if replace[chooser] == "" {
			if err := put(chooser, fmt.Sprintf(chooserText, f.now.tree.Name.Name, Switch)); err != nil {
				return "", err
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "joint.json")
	return path, os.WriteFile(path, text, 0o600)
}

// print is the file with its switches. The lines of the product keep their numbers; those of a changed body are
// reported as lines of patches/NAME.patch, counted in the file as the saboteur has it.
func (f *joined) print(patches string) string {
	var edits []edit
	if len(f.added) > 0 {
		at := f.now.offset(f.now.tree.Name.End())
		edits = append(edits, edit{at, at, "; import (" + strings.Join(f.added, "; ") + ")"})
	}
	tail := "\n"
	beside := func(saboteur string, src *source, at token.Pos, text string) {
		tail += fmt.Sprintf("//line %s:%d\n%s\n", filepath.Join(patches, saboteur+".patch"), src.set.Position(at).Line, text)
	}
	by := map[*ast.FuncDecl][]swap{}
	for _, s := range f.swaps {
		by[s.of] = append(by[s.of], s)
		beside(s.by, s.src, s.fn.Pos(), s.sibling())
	}
	picked := map[*ast.ValueSpec][]pick{}
	for _, p := range f.picks {
		picked[p.of] = append(picked[p.of], p)
		beside(p.by, p.src, p.is.Pos(), "var "+p.name()+strings.TrimPrefix(p.src.at(p.is), p.is.Names[0].Name))
	}
	for of, picks := range picked {
		begin, end := "", ""
		for _, p := range picks {
			begin += "zzPick"
			if of.Type != nil {
				begin += "[" + f.now.at(of.Type) + "]"
			}
			begin += "("
			end += fmt.Sprintf(", %q, %s)", p.by, p.name())
		}
		from, to := f.now.offset(of.Values[0].Pos()), f.now.offset(of.Values[0].End())
		edits = append(edits, edit{from, from, begin}, edit{to, to, end})
	}
	for of, swaps := range by {
		call, names := f.now.forward(of)
		edits = append(edits, names...)
		var b strings.Builder
		b.WriteString(" switch zzSaboteur {")
		for _, s := range swaps {
			fmt.Fprintf(&b, " case %q: ", s.by)
			if of.Type.Results != nil && len(of.Type.Results.List) > 0 {
				b.WriteString("return ")
			}
			b.WriteString(call(s.name()))
			if of.Type.Results == nil || len(of.Type.Results.List) == 0 {
				b.WriteString("; return")
			}
			b.WriteString(";")
		}
		b.WriteString("};")
		at := f.now.offset(of.Body.Lbrace) + 1
		edits = append(edits, edit{at, at, b.String()})
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	text := f.now.text
	for _, e := range edits {
		text = text[:e.from] + e.text + text[e.to:]
	}
	return text + tail
}

func (s swap) name() string { return "zz_" + strings.ReplaceAll(s.by, "-", "_") + "_" + s.of.Name.Name }
func (p pick) name() string {
	return "zz_" + strings.ReplaceAll(p.by, "-", "_") + "_" + p.of.Names[0].Name
}

// sibling is the changed body as a function of its own, with the changed file's names of parameters.
func (s swap) sibling() string {
	text := "func "
	if s.fn.Recv != nil {
		text += s.src.at(s.fn.Recv) + " "
	}
	text += s.name()
	if s.fn.Type.TypeParams != nil {
		text += s.src.at(s.fn.Type.TypeParams)
	}
	text += s.src.at(s.fn.Type.Params) + " "
	if s.fn.Type.Results != nil {
		text += s.src.at(s.fn.Type.Results) + " "
	}
	return text + s.src.at(s.fn.Body)
}

// forward gives the parameters of a function names where they have none, and returns what writes the call that passes
// them all on.
func (s *source) forward(fn *ast.FuncDecl) (call func(name string) string, edits []edit) {
	naming := func(list *ast.FieldList, prefix string) (out []string) {
		for _, f := range list.List {
			at := s.offset(f.Type.Pos())
			if len(f.Names) == 0 {
				name := fmt.Sprint(prefix, len(out))
				out = append(out, name)
				edits = append(edits, edit{at, at, name + " "})
			}
			for _, n := range f.Names {
				name := n.Name
				if name == "_" {
					name = fmt.Sprint(prefix, len(out))
					edits = append(edits, edit{s.offset(n.Pos()), s.offset(n.End()), name})
				}
				out = append(out, name)
			}
			if _, ok := f.Type.(*ast.Ellipsis); ok {
				out[len(out)-1] += "..."
			}
		}
		return out
	}
	receiver := ""
	if fn.Recv != nil {
		receiver = naming(fn.Recv, "zzReceiver")[0] + "."
	}
	arguments, types := strings.Join(naming(fn.Type.Params, "zzParameter"), ", "), ""
	if fn.Type.TypeParams != nil {
		var names []string
		for _, f := range fn.Type.TypeParams.List {
			for _, n := range f.Names {
				names = append(names, n.Name)
			}
		}
		types = "[" + strings.Join(names, ", ") + "]"
	}
	return func(name string) string { return receiver + name + types + "(" + arguments + ")" }, edits
}
