package migration

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
)

// Form is what the database records of a field: its type and every word that says something of its values.
type Form struct {
	Type      string              `json:"type"`
	Digits    int                 `json:"digits,omitempty"`
	Of        *Form               `json:"of,omitempty"`
	Optional  bool                `json:"optional,omitempty"`
	Fixed     bool                `json:"fixed,omitempty"`
	Unique    bool                `json:"unique,omitempty"`
	Indexed   bool                `json:"indexed,omitempty"`
	Personal  bool                `json:"personal,omitempty"`
	Sensitive bool                `json:"sensitive,omitempty"`
	Encrypted bool                `json:"encrypted,omitempty"`
	Min       string              `json:"min,omitempty"`
	Max       string              `json:"max,omitempty"`
	Pattern   string              `json:"pattern,omitempty"`
	Profile   string              `json:"profile,omitempty"`
	Images    []string            `json:"images,omitempty"`
	To        string              `json:"to,omitempty"` // the id of the collection that is pointed at
	OnDelete  string              `json:"on_delete,omitempty"`
	Values    []string            `json:"values,omitempty"`
	Start     string              `json:"start,omitempty"`
	Steps     map[string][]string `json:"steps,omitempty"`
	Was       string              `json:"was,omitempty"` // the name that the word was said when it was last obeyed, or meant nothing
}

// formOf is the form of a compiled field; ids gives the ids of collections.
func formOf(f *plan.Field, ids map[string]string) Form {
	d := f.Decl
	form := Form{Type: d.Type, Digits: f.Digits, Optional: f.Optional, Fixed: f.Fixed, Unique: f.Unique, Indexed: f.Indexed,
		Personal: f.Personal, Sensitive: f.Sensitive, Encrypted: f.Encrypted, Pattern: f.Pattern, Profile: f.Profile, Images: f.Images,
		OnDelete: d.OnDelete, Values: f.Values, Start: f.Start, Steps: f.Steps, Was: d.Was}
	if f.Elem != nil {
		of := formOf(f.Elem, ids)
		form.Of = &of
	}
	if f.To != "" {
		form.To = ids[f.To]
	}
	if d.Min != nil {
		form.Min = d.Min.Value
	}
	if d.Max != nil {
		form.Max = d.Max.Value
	}
	return form
}

// field is the form as far as stored values are read by it.
func (f Form) field() *plan.Field {
	out := &plan.Field{Type: plan.TypeOf(f.Type), Digits: f.Digits, Optional: true, Encrypted: f.Encrypted}
	if f.Of != nil {
		out.Elem = f.Of.field()
	}
	return out
}

// plain is the form without what says nothing of values.
func (f Form) plain() Form {
	f.Was = ""
	return f
}

// String is the type in English: "decimal with 2 digits", "list of text", "text, encrypted".
func (f Form) String() string {
	s := f.Type
	if f.Type == "decimal" {
		s = fmt.Sprintf("decimal with %d digits", f.Digits)
	}
	if f.Of != nil {
		s = "list of " + f.Of.String()
	}
	if f.Encrypted {
		s += ", encrypted"
	}
	return s
}

// stored says how values of the form lie in a column: what differs in it cannot be read as the other.
func (f Form) stored() string {
	switch {
	case f.Encrypted:
		// A sealed value is the JSON of the value, so that its type counts as on the wire.
		return "sealed " + f.wire()
	case f.Of != nil:
		return "list of " + f.Of.stored()
	}
	switch f.Type {
	case "int", "bool", "time", "json", "html":
		return f.Type
	case "decimal":
		return f.String()
	}
	return "text"
}

// wire says what values of the form are in JSON.
func (f Form) wire() string {
	switch {
	case f.Of != nil:
		return "list of " + f.Of.wire()
	case f.Type == "int" || f.Type == "bool" || f.Type == "json" || f.Type == "html":
		return f.Type
	case f.Type == "decimal":
		return fmt.Sprintf("decimal with %d digits", f.Digits)
	}
	return "string"
}

// binds reports whether going from one form to the other can leave a stored value without its place: everything but words that
// concern new values only.
func binds(was, now Form) bool {
	for _, f := range []*Form{&was, &now} {
		f.Fixed, f.Unique, f.Indexed, f.Personal, f.Sensitive, f.OnDelete, f.Start, f.Steps = false, false, false, false, false, "", "", nil
	}
	was.Optional = was.Optional && !now.Optional // only what becomes mandatory binds
	now.Optional = false
	if was.Of != nil && now.Of != nil && !binds(*was.Of, *now.Of) {
		was.Of, now.Of = nil, nil
	}
	return !equal(was, now)
}

func equal(a, b Form) bool {
	if (a.Of == nil) != (b.Of == nil) || a.Of != nil && !equal(*a.Of, *b.Of) {
		return false
	}
	return a.words() == b.words()
}

// words are all words of the form but its elements', in a fixed order.
func (f Form) words() string {
	var b strings.Builder
	fmt.Fprint(&b, f.String())
	for _, w := range f.list() {
		fmt.Fprintf(&b, "; %s %s", w.name, w.value)
	}
	return b.String()
}

type word struct{ name, value string }

func (f Form) list() []word {
	flag := func(b bool) string {
		if b {
			return "true"
		}
		return ""
	}
	var steps []string
	for _, from := range slices.Sorted(maps.Keys(f.Steps)) {
		steps = append(steps, from+" to "+strings.Join(f.Steps[from], " or "))
	}
	return []word{{"optional", flag(f.Optional)}, {"fixed", flag(f.Fixed)}, {"unique", flag(f.Unique)}, {"indexed", flag(f.Indexed)},
		{"personal", flag(f.Personal)}, {"sensitive", flag(f.Sensitive)}, {"encrypted", flag(f.Encrypted)}, {"min", f.Min}, {"max", f.Max},
		{"pattern", f.Pattern}, {"profile", f.Profile}, {"images", strings.Join(f.Images, ", ")},
		{"to", f.To}, {"on_delete", f.OnDelete},
		{"values", strings.Join(f.Values, ", ")}, {"start", f.Start}, {"steps", strings.Join(steps, ", ")}}
}

// differs says in English what the second form has otherwise.
func differs(was, now Form) string {
	var out []string
	if was.String() != now.String() {
		return was.String() + " becomes " + now.String() // the words that come and go with a type are understood
	}
	before := was.list()
	for i, w := range now.list() {
		old := before[i].value
		switch {
		case old == w.value || w.name == "encrypted":
		case w.name == "to":
			out = append(out, "refers to another collection")
		case old == "true":
			out = append(out, w.name+" is gone")
		case w.value == "true":
			out = append(out, w.name+" is new")
		case old == "":
			out = append(out, w.name+" is new: "+w.value)
		case w.value == "":
			out = append(out, w.name+" is gone")
		default:
			out = append(out, fmt.Sprintf("%s %s becomes %s", w.name, old, w.value))
		}
	}
	if was.Of != nil && now.Of != nil {
		if of := differs(*was.Of, *now.Of); of != "" {
			out = append(out, "elements: "+of)
		}
	}
	return strings.Join(out, ", ")
}
