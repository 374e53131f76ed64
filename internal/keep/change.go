package keep

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// change is what a request names, decoded and within its bounds.
type change struct {
	fields []*plan.Field
	values []types.Value
	mask   plan.Mask
}

func (ch *change) set(f *plan.Field, v types.Value) {
	ch.fields, ch.values, ch.mask = append(ch.fields, f), append(ch.values, v), ch.mask|1<<f.Bit
}

// names lists the fields for evidence.
func (ch *change) names() []string {
	out := make([]string, len(ch.fields))
	for i, f := range ch.fields {
		out[i] = f.Name
	}
	return out
}

// decodeChange reads the body of a create or an update: everything that is wrong with the request alone, all at once.
func decodeChange(col *plan.Collection, body []byte, create bool) (*change, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, types.Refuse(types.Malformed, "not_an_object", "send a JSON object")
	}
	ch := &change{}
	var errs []types.FieldError
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, types.Refuse(types.Malformed, "bad_json", "send strict JSON")
		}
		word := name.String()
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, types.Refuse(types.Malformed, "bad_json", "send strict JSON")
		}
		f := col.Field(word)
		switch {
		case f == nil:
			errs = append(errs, types.FieldError{Path: printable(word), Code: "unknown_field"})
		case f.System:
			errs = append(errs, types.FieldError{Path: f.Name, Code: "read_only", Detail: "the system writes this field"})
		case f.Fixed && !create:
			errs = append(errs, types.FieldError{Path: f.Name, Code: "fixed", Detail: "this field is set at creation only"})
		default:
			v, wrong := value.Decode(f, f.Name, raw)
			errs = append(errs, wrong...)
			if create && f.Type == plan.StateField && len(wrong) == 0 && v.Text != f.Start {
				errs = append(errs, types.FieldError{Path: f.Name, Code: "not_the_start", Limit: f.Start})
			}
			ch.set(f, v)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, types.Refuse(types.Malformed, "bad_json", "send strict JSON")
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, types.Refuse(types.Malformed, "bad_json", "send one JSON value and nothing behind it")
	}
	if create {
		for _, f := range col.Fields {
			if ch.mask&(1<<f.Bit) == 0 && !f.Optional && f.Default == nil {
				errs = append(errs, types.FieldError{Path: f.Name, Code: "required"})
			}
		}
	}
	if len(errs) > 0 {
		return nil, &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values were not accepted; see fields", Fields: errs}
	}
	return ch, nil
}

// seal replaces the values of encrypted fields by their sealed form. It is the slow part and needs no transaction.
func (k *Keep) sealChange(col *plan.Collection, id types.ID, ch *change) error {
	for i, f := range ch.fields {
		if f.Encrypted {
			v, err := k.sealValue(col, f, id, ch.values[i])
			if err != nil {
				return err
			}
			ch.values[i] = v
		}
	}
	return nil
}

// defaultOf gives the value of a field that a create did not name.
func defaultOf(f *plan.Field, b *rule.Bindings) types.Value {
	d := f.Default
	if d == nil {
		return types.Value{}
	}
	if d.Param == 0 {
		return d.Value
	}
	v := rule.Arg{Param: d.Param}.Bind(b)
	if d.List {
		if v.Missing() {
			return types.ListValue()
		}
		return types.ListValue(v)
	}
	return v
}
