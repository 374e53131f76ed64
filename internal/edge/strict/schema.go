package strict

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Validate judges a JSON value, whose syntax is known to be good, by a route's schema: everything that is wrong, a hundred errors at most and
// one more.
func Validate(s *plan.Schema, body []byte) []types.FieldError { return validate(s, "", body, nil) }

// validate judges a JSON value, whose syntax is known to be good, by a route's schema and adds everything that is wrong.
func validate(s *plan.Schema, path string, raw jsontext.Value, errs []types.FieldError) []types.FieldError {
	if s == nil || s.Any {
		return errs
	}
	raw = bytes.TrimSpace(raw)
	kind := raw.Kind()
	if kind == 'n' && s.Nullable {
		return errs
	}
	wrong := func(code, limit string) []types.FieldError {
		return append(errs, types.FieldError{Path: path, Code: code, Limit: limit})
	}
	switch s.Type {
	case "object":
		if kind != '{' {
			return wrong("wrong_type", "object")
		}
		return validateObject(s, path, raw, errs)
	case "array":
		if kind != '[' {
			return wrong("wrong_type", "array")
		}
		return validateArray(s, path, raw, errs)
	case "string":
		if kind != '"' {
			return wrong("wrong_type", "string")
		}
		text, err := jsontext.AppendUnquote(nil, raw)
		n := utf8.RuneCount(text)
		switch {
		case err != nil:
			return wrong("bad_text", "")
		case n < s.MinLength:
			return wrong("too_short", strconv.Itoa(s.MinLength))
		case s.MaxLength > 0 && n > s.MaxLength:
			return wrong("too_long", strconv.Itoa(s.MaxLength))
		case len(s.Enum) > 0 && !slices.Contains(s.Enum, string(text)):
			return wrong("not_one_of", strings.Join(s.Enum, ","))
		}
	case "integer":
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if kind != '0' || err != nil {
			return wrong("wrong_type", "integer")
		}
		if n > 1<<53-1 || n < -(1<<53-1) { // what JSON carries exactly, RFC 8259 section 6
			return wrong("out_of_range", "integer")
		}
	case "boolean":
		if kind != 't' && kind != 'f' {
			return wrong("wrong_type", "boolean")
		}
	}
	return errs
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func validateObject(s *plan.Schema, path string, raw jsontext.Value, errs []types.FieldError) []types.FieldError {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	dec.ReadToken()
	var seen []string
	for dec.PeekKind() == '"' && !types.Enough(errs) {
		t, err := dec.ReadToken()
		if err != nil {
			return errs
		}
		name := t.String()
		value, err := dec.ReadValue()
		if err != nil {
			return errs
		}
		p, known := s.Properties[name]
		if known {
			seen = append(seen, name)
		}
		if !known && s.Closed {
			if len(name) > 64 {
				name = name[:64]
			}
			errs = append(errs, types.FieldError{Path: join(path, strings.ToValidUTF8(name, "?")), Code: "unknown_field"})
			continue
		}
		errs = validate(p, join(path, name), value, errs)
	}
	if types.Enough(errs) {
		return errs
	}
	for _, name := range s.Required {
		if !slices.Contains(seen, name) {
			errs = append(errs, types.FieldError{Path: join(path, name), Code: "required"})
		}
	}
	return errs
}

func validateArray(s *plan.Schema, path string, raw jsontext.Value, errs []types.FieldError) []types.FieldError {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	dec.ReadToken()
	for i := 0; dec.PeekKind() != ']' && !types.Enough(errs); i++ {
		value, err := dec.ReadValue()
		if err != nil {
			return errs
		}
		if s.MaxItems > 0 && i >= s.MaxItems {
			return append(errs, types.FieldError{Path: path, Code: "too_many", Limit: strconv.Itoa(s.MaxItems)})
		}
		errs = validate(s.Items, join(path, strconv.Itoa(i)), value, errs)
	}
	return errs
}
