// Package exact reads JSON that comes from outside: a provider's tokens, keys and answers, what a browser says of a
// passkey, bodies of requests, files of people.
//
// Policy: what is read is what is written. A member counts under its exact name; a name that stands twice, text that is
// not UTF-8, a value of another type and anything behind the value are errors. So is a member that another reader could
// take for one of ours because only the case of letters differs: encoding/json of the standard library reads "Sub" into
// the field "sub", so that who may add a member of any name could change any other. The decoder below is the second
// version of the standard library's, which is strict of itself.
//
// The map: exact.go.
package exact

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// errNull is a null where an object is wanted.
var errNull = errors.New("exact: there is null in place of an object")

// Decode reads one object into a struct, whose `json` names are the members that are read. Others are passed over,
// unless only the case of letters tells them from one of those. A null is what an absent member is.
func Decode(text []byte, into any) error { return decode(text, into) }

// Closed is Decode that takes no other members than those of the struct.
func Closed(text []byte, into any) error { return decode(text, into, json.RejectUnknownMembers(true)) }

func decode(text []byte, into any, how ...json.Options) error {
	if err := json.Unmarshal(text, into, how...); err != nil {
		return fmt.Errorf("exact: %w", err)
	}
	if jsontext.Value(text).Kind() == 'n' {
		return errNull
	}
	return likeness(text, reflect.TypeOf(into))
}

// likeness refuses members whose name is that of a field of t in another case, here and in what they hold. text is
// valid JSON.
func likeness(text jsontext.Value, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Struct && text.Kind() == '{':
		fields := named(t)
		var members map[string]jsontext.Value
		if err := json.Unmarshal(text, &members); err != nil {
			return fmt.Errorf("exact: %w", err)
		}
		for name, value := range members {
			if of, ok := fields[name]; ok {
				if err := likeness(value, of); err != nil {
					return err
				}
				continue
			}
			for field := range fields {
				if strings.EqualFold(name, field) {
					return fmt.Errorf("exact: %q stands for %q; write the name in its one spelling", name, field)
				}
			}
		}
	case t.Kind() == reflect.Map && text.Kind() == '{':
		var members map[string]jsontext.Value
		if err := json.Unmarshal(text, &members); err != nil {
			return fmt.Errorf("exact: %w", err)
		}
		for _, value := range members {
			if err := likeness(value, t.Elem()); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 && text.Kind() == '[':
		var items []jsontext.Value
		if err := json.Unmarshal(text, &items); err != nil {
			return fmt.Errorf("exact: %w", err)
		}
		for _, item := range items {
			if err := likeness(item, t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

// named lists the members of a struct by their names.
func named(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			for n, of := range named(f.Type) {
				out[n] = of
			}
			continue
		}
		if name == "" {
			name = f.Name
		}
		if f.IsExported() && name != "-" {
			out[name] = f.Type
		}
	}
	return out
}
