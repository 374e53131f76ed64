// Package field makes inputs of the declared fields of accounts, and values of what was typed into them.
//
// Policy: a form offers what it can hold and nothing else; what has the wrong form goes on as text, for keep to refuse with its own
// words. Names of inputs carry a prefix, so that a declared "password" is no password of ours.
package field

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/console/page"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Prefix keeps names of declared fields apart from names of our own inputs.
const Prefix = "profile-"

// Path maps the path of a refused value to its input.
func Path(path string) string {
	if path == "password" || path == "email" {
		return path
	}
	name, _, _ := strings.Cut(path, ".")
	return Prefix + name
}

// Editable reports whether a field is of a type that a form can hold.
func Editable(f *plan.Field) bool {
	switch f.Type {
	case plan.ListField:
		return f.Elem != nil && slices.Contains([]plan.FieldType{plan.TextField, plan.EmailField, plan.URLField}, f.Elem.Type)
	case plan.JSONField, plan.AccountField, plan.RefField, plan.StateField:
		return false
	}
	return true
}

// label makes words of a field's name: "pen_name" is "Pen name".
func label(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// Inputs describes fields for a form; row holds the present values, nil for an account that is being made, which gets defaults.
func Inputs(fields []*plan.Field, row map[string]json.RawMessage) []page.Input {
	var out []page.Input
	for _, f := range fields {
		in := page.Input{Name: Prefix + f.Name, Label: label(f.Name), Kind: "text", Optional: f.Optional || row == nil && f.Default != nil, Value: Shown(row[f.Name])}
		if f.MaxLen > 0 && f.Type == plan.TextField {
			in.Max = strconv.Itoa(f.MaxLen)
		}
		switch f.Type {
		case plan.EmailField:
			in.Kind = "email"
		case plan.URLField:
			in.Kind = "url"
		case plan.DateField:
			in.Kind = "date"
		case plan.IntField:
			in.Kind = "number"
		case plan.BoolField:
			in.Kind = "checkbox"
		case plan.HTMLField, plan.ListField:
			in.Kind = "textarea"
		case plan.TextField:
			if f.MaxLen > 300 {
				in.Kind = "textarea"
			}
		case plan.EnumField:
			in.Kind = "select"
			if f.Optional {
				in.Choices = append(in.Choices, page.Choice{Value: "", Label: "–"})
			}
			for _, v := range f.Values {
				in.Choices = append(in.Choices, page.Choice{Value: v, Label: label(v)})
			}
		}
		out = append(out, in)
	}
	return out
}

// Shown is a value of the interface as a person reads and types it.
func Shown(raw json.RawMessage) string {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case []any:
		var lines []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				lines = append(lines, s)
			}
		}
		return strings.Join(lines, "\n")
	case nil:
		return ""
	}
	return string(raw)
}

var whole = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,15})$`)

// Typed is what was typed as a value of the interface. What has the wrong form goes as text, for keep to refuse.
func Typed(f *plan.Field, typed string) any {
	typed = strings.ReplaceAll(typed, "\r\n", "\n")
	trimmed := strings.TrimSpace(typed)
	switch {
	case f.Type == plan.BoolField:
		return trimmed == "true"
	case f.Type == plan.ListField:
		lines := []string{}
		for l := range strings.SplitSeq(typed, "\n") {
			if l = strings.TrimSpace(l); l != "" {
				lines = append(lines, l)
			}
		}
		return lines
	case trimmed == "" && f.Optional:
		return nil
	case f.Type == plan.IntField && whole.MatchString(trimmed):
		return json.RawMessage(trimmed)
	case f.Type == plan.HTMLField:
		return typed
	}
	return trimmed
}

// Of makes profile fields for a new account of what a form says. Missing ones are refused by whoever stores them.
func Of(form url.Values, fields []*plan.Field) (json.RawMessage, error) {
	out := map[string]any{}
	for _, f := range fields {
		typed := form.Get(Prefix + f.Name)
		if strings.TrimSpace(typed) == "" && f.Type != plan.BoolField && f.Type != plan.ListField {
			if !f.Optional && f.Default == nil {
				return nil, &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "fill in what is missing", Fields: []types.FieldError{{Path: f.Name, Code: "required"}}}
			}
			continue
		}
		out[f.Name] = Typed(f, typed)
	}
	return json.Marshal(out)
}
