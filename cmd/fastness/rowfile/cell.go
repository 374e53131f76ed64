package rowfile

import (
	"errors"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan"
)

// null is how a cell without quotes says that there is no value, as MySQL and PostgreSQL write it.
const null = `\N`

// cellOf is a value of a row as a cell. What is hidden from the caller is no value that is given.
func cellOf(f *plan.Field, v jsontext.Value) (string, error) {
	switch {
	case len(v) == 0:
		return "", nil
	case v.Kind() == 'n' && f.Default == nil:
		return "", nil
	case v.Kind() == 'n':
		return null, nil
	case v.Kind() != '"' || f.Type == plan.JSONField:
		return quoted(string(v)), nil
	}
	var text string
	err := json.Unmarshal(v, &text)
	return quoted(text), err
}

// quoted puts a cell in quotes where it would be read as another one without.
func quoted(text string) string {
	if text != "" && text != null && !strings.ContainsAny(text, "\",;\t|\r\n") && !strings.HasPrefix(text, "\ufeff") {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}

var (
	whole  = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	errInt = errors.New("a whole number is written like 7, without zeros, signs, blanks or separators; mend the cell, or declare the field as text")
	errYes = errors.New("write true or false")
	errArr = errors.New(`a list is written as JSON, like ["a","b"] in quotes; mend the cell`)
	errDoc = errors.New(`json is written as JSON: a text stands in quotes of its own, like """a""" in a CSV; mend the cell`)
)

// ValueOf is text as the JSON value of a field, exactly or not at all. Whether the field takes the value is asked where it is stored.
func ValueOf(f *plan.Field, text string) (jsontext.Value, error) {
	switch f.Type {
	case plan.IntField:
		if !whole.MatchString(text) {
			return nil, errInt
		}
		return jsontext.Value(text), nil
	case plan.BoolField:
		for _, word := range []string{"true", "false"} { // spreadsheets write TRUE
			if strings.EqualFold(text, word) {
				return jsontext.Value(word), nil
			}
		}
		return nil, errYes
	case plan.ListField:
		if v := jsontext.Value(text); v.IsValid() && v.Kind() == '[' {
			return v, nil
		}
		return nil, errArr
	case plan.JSONField:
		if v := jsontext.Value(text); v.IsValid() {
			return v, nil
		}
		return nil, errDoc
	}
	return jsontext.AppendQuote(nil, text)
}

// emptyText reports whether an empty text may be a value of the field at all.
func emptyText(f *plan.Field) bool { return f.Type == plan.TextField || f.Type == plan.HTMLField }
