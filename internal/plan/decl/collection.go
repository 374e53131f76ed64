package decl

import (
	"maps"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// collection reads the words of one collection; accounts has fewer.
func (r *reader) collection(c *Collection, n ast.Node, accounts bool) {
	if c.Pos.Line == 0 {
		c.Pos = pos(n)
	}
	known := map[string]func(ast.Node){
		"fields": func(n ast.Node) {
			for _, p := range r.mapping(n, "fields") {
				f := Field{Name: p.key, Pos: p.at}
				r.field(&f, p.value)
				c.Fields = append(c.Fields, f)
			}
		},
		"let": func(n ast.Node) {
			for _, p := range r.mapping(n, "let") {
				c.Let = append(c.Let, Let{p.key, r.expr(p.value)})
			}
		},
		"check": func(n ast.Node) {
			for _, i := range r.items(n, "check") {
				k := Check{Pos: pos(i)}
				r.words(i, "a check", map[string]func(ast.Node){"that": func(n ast.Node) { k.That = r.expr(n) },
					"else": func(n ast.Node) { k.Else = r.str(n) }})
				shape(i, func(s *schema) { s.Required = []string{"that", "else"} })
				c.Check = append(c.Check, k)
			}
		},
		"allow": func(n ast.Node) {
			for _, i := range r.items(n, "allow") {
				c.Allow = append(c.Allow, r.allow(i))
			}
		},
	}
	if !accounts {
		r.collectionWords(c, known)
	}
	r.words(n, "a collection", known)
}

func (r *reader) collectionWords(c *Collection, known map[string]func(ast.Node)) {
	lists := func(dst *[][]string, what string) func(ast.Node) {
		return func(n ast.Node) {
			for _, i := range r.items(n, what) {
				*dst = append(*dst, r.strs(i, what))
			}
		}
	}
	known["was"] = func(n ast.Node) { c.Was = r.str(n) }
	known["per"] = func(n ast.Node) { c.Per = r.oneOf(n, "per", "organisation") }
	known["ids"] = func(n ast.Node) { c.IDs = r.oneOf(n, "ids", "random") }
	known["if_match"] = func(n ast.Node) { c.IfMatch = r.oneOf(n, "if_match", "required") }
	known["unique"] = lists(&c.Unique, "unique")
	known["index"] = lists(&c.Index, "index")
	for _, word := range []string{"subject", "retain", "log", "break_glass"} {
		known[word] = func(n ast.Node) { r.unbuilt(pos(n), word) }
	}
}

func (r *reader) allow(n ast.Node) Allow {
	a := Allow{Pos: pos(n)}
	r.words(n, "a rule", map[string]func(ast.Node){
		"to": func(n ast.Node) {
			actions := []ast.Node{n}
			if s, ok := n.(*ast.SequenceNode); ok {
				actions = s.Values
			}
			for _, i := range actions {
				a.To = append(a.To, r.oneOf(i, "action", "read", "create", "update", "delete"))
			}
			shape(n, func(s *schema) {
				one := *s
				*s = schema{AnyOf: []*schema{&one, {Type: "array", Items: &one}}}
			})
		},
		"only": func(n ast.Node) {
			a.Only = []string{}
			for _, t := range r.texts(n, "only") {
				a.Only, a.onlyAt = append(a.Only, t.Value), append(a.onlyAt, t.Pos)
			}
		},
		"when":   func(n ast.Node) { a.When = r.expr(n) },
		"fresh":  func(n ast.Node) { a.Fresh = r.duration(n) },
		"public": func(n ast.Node) { a.Public = r.reason(n) },
	})
	shape(n, func(s *schema) { s.Required = []string{"to"} })
	if s, ok := n.(*ast.MappingNode); ok && len(s.Values) > 0 {
		a.Pos = pos(s.Values[0].Key)
	}
	if len(a.To) == 0 {
		r.fail(a.Pos, "this rule does not say what it grants; add to: read")
	}
	return a
}

// types and the words each takes beyond those of every field.
var common = []string{"type", "optional", "default", "fixed", "indexed", "personal", "sensitive", "encrypted", "because", "was", "fill", "from", "search"}

var typeWords = map[string][]string{
	"text": {"unique", "min", "max", "pattern"}, "int": {"unique", "min", "max"}, "decimal": {"unique", "digits", "min", "max"},
	"bool": {}, "date": {"unique", "min", "max"}, "time": {"unique", "min", "max"}, "enum": {"values"}, "email": {"unique"},
	"url": {"unique"}, "uuid": {"unique"}, "json": {"max"}, "html": {"profile", "images", "max"}, "list": {"of", "min", "max", "on_delete"},
	"account": {"unique", "on_delete", "hidden"}, "ref": {"to", "unique", "on_delete", "hidden"}, "state": {"start", "steps"},
}

// imageHost is a host, and a port if it is not 443.
var imageHost = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[0-9]{1,5})?$`)

// hosts reads the hosts of images.
func (r *reader) hosts(n ast.Node) []string {
	var out []string
	for _, i := range r.items(n, "images") {
		shapePattern(i, imageHost)
		host := r.str(i)
		if !imageHost.MatchString(host) {
			r.fail(pos(i), "images names hosts in lower case such as cdn.example; write %q without https:// and path", host)
		}
		out = append(out, host)
	}
	return out
}

// alias is what types are called elsewhere.
var alias = map[string]string{"string": "text", "str": "text", "varchar": "text", "char": "text", "integer": "int", "number": "int", "float": "decimal",
	"double": "decimal", "numeric": "decimal", "money": "decimal", "boolean": "bool", "datetime": "time", "timestamp": "time", "array": "list",
	"reference": "ref", "relation": "ref", "user": "account", "object": "json", "richtext": "html", "choice": "enum", "select": "enum"}

// unknownType suggests what was meant.
func (r *reader) unknownType(n ast.Node, got string) {
	meant := alias[got]
	if meant == "" && nearest(got, Types()) == "" {
		meant = alias[nearest(got, slices.Sorted(maps.Keys(alias)))]
	}
	if meant == "" {
		r.unknown(pos(n), "type", got, "type", Types())
		return
	}
	r.fail(pos(n), "unknown type %q; did you mean %q?", got, meant)
}

// Types lists the field types, for messages and the schema.
func Types() []string {
	var out []string
	for t := range typeWords {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

func (r *reader) field(f *Field, n ast.Node) {
	f.At = map[string]Pos{}
	flag := func(dst *bool) func(ast.Node) { return func(n ast.Node) { *dst = r.flag(n) } }
	scalar := func(dst **Text) func(ast.Node) { return func(n ast.Node) { *dst = r.scalar(n) } }
	set := func(dst *string) func(ast.Node) { return func(n ast.Node) { *dst = r.str(n) } }
	known := map[string]func(ast.Node){
		"type": func(n ast.Node) {
			shapeEnum(n, Types())
			if f.Type = r.str(n); f.Type == "file" {
				r.unbuilt(pos(n), "file")
			} else if !slices.Contains(Types(), f.Type) {
				r.unknownType(n, f.Type)
			}
		},
		"optional": flag(&f.Optional), "fixed": flag(&f.Fixed), "unique": flag(&f.Unique), "indexed": flag(&f.Indexed),
		"personal": flag(&f.Personal), "sensitive": flag(&f.Sensitive),
		"encrypted": func(n ast.Node) {
			if s, ok := n.(*ast.StringNode); ok && s.Value == "end_to_end" {
				r.unbuilt(pos(n), "encrypted: end_to_end")
				return
			}
			f.Encrypted = r.flag(n)
		},
		"default": scalar(&f.Default), "fill": scalar(&f.Fill), "min": scalar(&f.Min), "max": scalar(&f.Max),
		"pattern": scalar(&f.Pattern), "digits": func(n ast.Node) { f.Digits = r.between(n, 0, 9) },
		"of":      func(n ast.Node) { f.Of = &Field{Pos: pos(n)}; r.field(f.Of, n) },
		"search":  func(n ast.Node) { r.unbuilt(pos(n), "search") },
		"because": set(&f.Because), "was": set(&f.Was), "to": set(&f.To),
		"from":      func(n ast.Node) { f.From = r.from(n) },
		"on_delete": func(n ast.Node) { f.OnDelete = r.oneOf(n, "on_delete", "refuse", "cascade", "clear") },
		"hidden":    func(n ast.Node) { f.Hidden = r.oneOf(n, "hidden", "cascade", "clear") },
		"values":    func(n ast.Node) { f.Values = r.strs(n, "values") },
		"start":     set(&f.Start),
		"steps": func(n ast.Node) {
			for _, p := range r.mapping(n, "steps") {
				f.Steps = append(f.Steps, Step{p.key, r.strs(p.value, "steps")})
			}
		},
		"profile": func(n ast.Node) { f.Profile = r.oneOf(n, "profile", "basic", "rich") },
		"images":  func(n ast.Node) { f.Images = r.hosts(n) },
	}
	if p, ok := n.(*probe); ok {
		r.probeField(p, known)
		return
	}
	for _, p := range r.mapping(n, "a field") {
		read, ok := known[p.key]
		if !ok {
			r.unknown(p.at, "word", p.key, "a field", append(slices.Clone(common), "unique", "min", "max", "pattern", "digits", "of", "to", "on_delete", "hidden", "values", "start", "steps", "profile", "images"))
			continue
		}
		f.At[p.key] = p.at
		read(p.value)
	}
	if f.Type == "" && len(r.errs) == 0 {
		r.fail(f.Pos, "field %q has no type; add type: text", f.Name)
	}
	if at, ok := f.At["images"]; ok && f.Type == "html" && f.Profile != "rich" {
		r.fail(at, "only profile: rich keeps images; add it, or remove images")
	}
	if extra, ok := typeWords[f.Type]; ok {
		for word, at := range f.At {
			if !slices.Contains(common, word) && !slices.Contains(extra, word) {
				r.fail(at, "a field of type %s takes no %q; remove it", f.Type, word)
			}
		}
	}
}

// from reads the earlier form of a field.
func (r *reader) from(n ast.Node) *From {
	f := &From{Pos: pos(n), Map: map[string]string{}}
	form := func(d *Field) map[string]func(ast.Node) {
		return map[string]func(ast.Node){
			"type":   func(n ast.Node) { d.Type = r.oneOf(n, "type", Types()...) },
			"digits": func(n ast.Node) { d.Digits = r.between(n, 0, 9) },
		}
	}
	known := form(&f.Field)
	known["encrypted"] = func(n ast.Node) { f.Field.Encrypted = r.flag(n) }
	known["profile"] = func(n ast.Node) { f.Field.Profile = r.oneOf(n, "profile", "basic", "rich") }
	known["of"] = func(n ast.Node) {
		f.Field.Of = &Field{Pos: pos(n)}
		r.words(n, "of", form(f.Field.Of))
	}
	known["map"] = func(n ast.Node) {
		for _, p := range r.mapping(n, "map") {
			f.Map[p.key] = r.str(p.value)
		}
	}
	r.words(n, "from", known)
	shape(n, func(s *schema) { s.Required = []string{"type"} })
	if f.Field.Type == "" && len(r.errs) == 0 {
		r.fail(f.Pos, "from does not say the earlier type; write from: {type: text}")
	}
	return f
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
