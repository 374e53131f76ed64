package migration

import (
	"html"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// convert gives the counterpart of a stored value under a new form. wire is the value as a client reads it; names maps values of an
// enum or a state. The problem is empty when the counterpart is exact, and a word of the reader of requests (or lossy) otherwise.
func convert(from, to *plan.Field, names map[string]string, wire jsontext.Value) (v types.Value, problem string) {
	if wire.Kind() == 'n' {
		switch {
		case to.Optional:
			return types.Value{}, ""
		case to.Fill == nil:
			return types.Value{}, "required"
		case to.Type == plan.ListField:
			return types.ListValue(), ""
		case to.Fill.IsText:
			return types.TextValue(to.Fill.Text), ""
		}
		return types.IntValue(to.Fill.Int), ""
	}
	if from.Type == plan.ListField && to.Type == plan.ListField {
		return convertList(from, to, names, wire)
	}
	next, problem := bridge(from, to, names, wire)
	if problem != "" {
		return types.Value{}, problem
	}
	v, errs := value.Decode(to, "", next)
	if len(errs) > 0 {
		return types.Value{}, errs[0].Code
	}
	return v, ""
}

// convertList converts each element.
func convertList(from, to *plan.Field, names map[string]string, wire jsontext.Value) (types.Value, string) {
	dec := jsontext.NewDecoder(strings.NewReader(string(wire)))
	if _, err := dec.ReadToken(); err != nil {
		return types.Value{}, "wrong_type"
	}
	out := []byte{'['}
	for n := 0; dec.PeekKind() != ']'; n++ {
		item, err := dec.ReadValue()
		if err != nil {
			return types.Value{}, "wrong_type"
		}
		v, problem := convert(from.Elem, to.Elem, names, item)
		if problem != "" {
			return types.Value{}, problem
		}
		if n > 0 {
			out = append(out, ',')
		}
		out = value.Append(out, to.Elem, v)
	}
	v, errs := value.Decode(to, "", append(out, ']')) // the list's own bounds
	if len(errs) > 0 {
		return types.Value{}, errs[0].Code
	}
	return v, ""
}

const (
	midnight = "T00:00:00Z"
	lossy    = "lossy" // the value has no exact counterpart
)

// bridge writes a value of one type the way a client would write it as the other.
func bridge(from, to *plan.Field, names map[string]string, wire jsontext.Value) (jsontext.Value, string) {
	if to.Type == plan.JSONField || from.Type == plan.JSONField {
		return wire, "" // what it is in JSON it is still
	}
	if from.Type == plan.ListField || to.Type == plan.ListField {
		return nil, "wrong_type"
	}
	text := string(wire)
	if wire.Kind() == '"' {
		plain, err := jsontext.AppendUnquote(nil, wire)
		if err != nil {
			return nil, "bad_text"
		}
		text = string(plain)
	}
	if mapped, ok := names[text]; ok {
		text = mapped
	}
	switch {
	case from.Type == to.Type && from.Type != plan.DecimalField:
	case from.Type == plan.DecimalField && (to.Type == plan.DecimalField || to.Type == plan.IntField):
		if whole, fraction, ok := strings.Cut(text, "."); ok {
			if fraction = strings.TrimRight(fraction, "0"); fraction == "" {
				text = whole
			} else {
				text = whole + "." + fraction
			}
		}
		if to.Type == plan.IntField && strings.Contains(text, ".") {
			return nil, lossy
		}
	case from.Type == plan.BoolField && to.Type == plan.IntField:
		text = map[string]string{"true": "1", "false": "0"}[text]
	case from.Type == plan.IntField && to.Type == plan.BoolField:
		if text = map[string]string{"1": "true", "0": "false"}[text]; text == "" {
			return nil, lossy
		}
	case from.Type == plan.DateField && to.Type == plan.TimeField:
		text += midnight
	case from.Type == plan.TimeField && to.Type == plan.DateField:
		day, ok := strings.CutSuffix(text, midnight)
		if !ok {
			return nil, lossy
		}
		text = day
	case from.Type == plan.HTMLField:
		if text = html.UnescapeString(text); html.EscapeString(text) != escaped(wire) {
			return nil, lossy // markup has no counterpart outside html
		}
	case to.Type == plan.HTMLField:
		text = html.EscapeString(text)
	}
	if to.Type == plan.IntField || to.Type == plan.BoolField {
		if to.Type == plan.IntField && !canonicalInt(text) {
			return nil, lossy // "007" would not read the same again
		}
		if raw := jsontext.Value(text); raw.IsValid() && text == strings.TrimSpace(text) {
			return raw, ""
		}
		return nil, "wrong_type"
	}
	out, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return nil, "bad_text"
	}
	return out, ""
}

// escaped is html without markup in one spelling of its character references.
func escaped(wire jsontext.Value) string {
	plain, err := jsontext.AppendUnquote(nil, wire)
	if err != nil || strings.ContainsAny(string(plain), "<>") {
		return "\x00"
	}
	return html.EscapeString(html.UnescapeString(string(plain)))
}

// canonicalInt reports whether a whole number is written the one way it is written again.
func canonicalInt(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 1 && digits[0] == '0' || s == "-0" {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}
