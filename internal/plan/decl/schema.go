package decl

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Schema describes the language as JSON Schema (draft 2020-12), by which editors complete a declaration. It is not written by hand: the
// reader reads a probe instead of a file, and what it asks of the probe is the schema. What only package plan or the second look at the
// whole file can say (names that must exist, rules that must compile) is not in it.
func Schema() []byte {
	r := &reader{name: "schema", defs: map[string]*schema{}}
	top := &schema{}
	r.file(&File{}, &probe{s: top}, "production")
	top.Draft, top.Title = "https://json-schema.org/draft/2020-12/schema", "A declaration of Fastness (fastness.yaml)"
	top.Required, top.Defs = []string{"version", "service"}, r.defs
	top.Properties["version"].Enum = []any{1}
	top.Properties["service"].Required = []string{"name"}
	out, err := json.MarshalIndent(top, "", " ")
	if err != nil {
		return nil // a struct of strings and maps always has a form
	}
	return append(out, '\n')
}

// schema is the part of JSON Schema that is needed.
type schema struct {
	Draft         string             `json:"$schema,omitempty"`
	Ref           string             `json:"$ref,omitempty"`
	Title         string             `json:"title,omitempty"`
	Type          any                `json:"type,omitempty"` // a word or several
	Properties    map[string]*schema `json:"properties,omitempty"`
	Additional    any                `json:"additionalProperties,omitempty"` // false or a schema
	PropertyNames *schema            `json:"propertyNames,omitempty"`
	Required      []string           `json:"required,omitempty"`
	Items         *schema            `json:"items,omitempty"`
	Enum          []any              `json:"enum,omitempty"`
	Const         string             `json:"const,omitempty"`
	Pattern       string             `json:"pattern,omitempty"`
	Minimum       *int64             `json:"minimum,omitempty"`
	Maximum       *int64             `json:"maximum,omitempty"`
	AnyOf         []*schema          `json:"anyOf,omitempty"`
	AllOf         []*schema          `json:"allOf,omitempty"`
	If            *schema            `json:"if,omitempty"`
	Then          *schema            `json:"then,omitempty"`
	Defs          map[string]*schema `json:"$defs,omitempty"`
}

// probe stands where a node of a file would stand, and notes what is asked of it.
type probe struct {
	ast.Node // nil: whoever asks a probe for more than the readers do is told so by a panic in the tests
	s        *schema
}

// shape notes more about a probe; on a node of a file it does nothing.
func shape(n ast.Node, note func(*schema)) {
	if p, ok := n.(*probe); ok {
		note(p.s)
	}
}

func shapePattern(n ast.Node, form *regexp.Regexp) {
	shape(n, func(s *schema) { s.Pattern = form.String() })
}

func shapeEnum(n ast.Node, values []string) {
	shape(n, func(s *schema) {
		for _, v := range values {
			s.Enum = append(s.Enum, v)
		}
	})
}

// probeWords describes a mapping whose keys are known. Words that are reserved and not built are left out, so that they are refused.
func (r *reader) probeWords(p *probe, known map[string]func(ast.Node)) {
	p.s.Type, p.s.Additional, p.s.Properties = []string{"object", "null"}, false, map[string]*schema{}
	for _, word := range slices.Sorted(maps.Keys(known)) {
		child, before := &probe{s: &schema{}}, r.reserved
		known[word](child)
		if r.reserved == before {
			p.s.Properties[word] = child.s
		}
		r.reserved = before // of a block only its own words
	}
}

// probeMapping describes a mapping of names that the team chooses.
func probeMapping(p *probe) []pair {
	child := &probe{s: &schema{}}
	p.s.Type, p.s.Additional = []string{"object", "null"}, child.s
	return []pair{{"name", Pos{1, 1}, child}}
}

// needs are the words that a field of a type cannot do without.
var needs = map[string][]string{"text": {"max"}, "list": {"of", "max"}, "ref": {"to"}, "enum": {"values"}, "state": {"start", "steps"}}

// probeField describes a field once; a list's elements are fields too.
func (r *reader) probeField(p *probe, known map[string]func(ast.Node)) {
	p.s.Ref = "#/$defs/field"
	if r.defs["field"] != nil {
		return
	}
	f := &schema{}
	r.defs["field"] = f
	r.probeWords(&probe{s: f}, known)
	f.Type, f.Required = "object", []string{"type"}
	for _, t := range Types() {
		var words []any
		for _, w := range slices.Concat(common, typeWords[t]) {
			words = append(words, w)
		}
		f.AllOf = append(f.AllOf, &schema{If: &schema{Properties: map[string]*schema{"type": {Const: t}}, Required: []string{"type"}},
			Then: &schema{PropertyNames: &schema{Enum: words}, Required: needs[t]}})
	}
}
