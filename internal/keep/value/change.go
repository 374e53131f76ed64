package value

import (
	"bytes"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Change is what a request names, decoded and within its bounds.
type Change struct {
	Fields []*plan.Field
	Values []types.Value // beside Fields
	Mask   plan.Mask     // the same fields
}

func (ch *Change) set(f *plan.Field, v types.Value) {
	ch.Fields, ch.Values, ch.Mask = append(ch.Fields, f), append(ch.Values, v), ch.Mask|1<<f.Bit
}

// Patches are the JSON objects that an update names: they are merged into what the fields hold.
func (ch *Change) Patches() map[*plan.Field]types.Value {
	var out map[*plan.Field]types.Value
	for i, f := range ch.Fields {
		if f.Type != plan.JSONField || !strings.HasPrefix(ch.Values[i].Text, "{") {
			continue
		}
		if out == nil {
			out = map[*plan.Field]types.Value{}
		}
		out[f] = ch.Values[i]
	}
	return out
}

// Names lists the fields for evidence.
func (ch *Change) Names() []string {
	out := make([]string, len(ch.Fields))
	for i, f := range ch.Fields {
		out[i] = f.Name
	}
	return out
}

// DecodeChange reads the body of a create or an update: everything that is wrong with the request alone, all at once. A new row begins
// where its states start, unless anyState allows others: rows that were exported come back as they were. Fields that are not in known are
// told from those that do not exist by nothing.
func DecodeChange(col *plan.Collection, known plan.Mask, body []byte, create, anyState bool) (*Change, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, types.Refuse(types.Malformed, "not_an_object", "send a JSON object")
	}
	ch := &Change{}
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
		case f == nil, !f.System && !known.Has(f):
			errs = append(errs, types.FieldError{Path: types.Printable(word), Code: "unknown_field"})
		case f.System:
			errs = append(errs, types.FieldError{Path: f.Name, Code: "read_only", Detail: "the system writes this field"})
		case f.Fixed && !create:
			errs = append(errs, types.FieldError{Path: f.Name, Code: "fixed", Detail: "this field is set at creation only"})
		default:
			v, wrong := Decode(f, f.Name, raw)
			errs = append(errs, wrong...)
			if create && !anyState && f.Type == plan.StateField && len(wrong) == 0 && v.Text != f.Start {
				errs = append(errs, types.FieldError{Path: f.Name, Code: "not_the_start", Limit: f.Start})
			}
			ch.set(f, v)
		}
		if types.Enough(errs) {
			return nil, refused(errs)
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
			if ch.Mask&(1<<f.Bit) == 0 && !f.Optional && f.Default == nil {
				e := types.FieldError{Path: f.Name, Code: "required"}
				if !known.Has(f) {
					e = types.FieldError{Code: "required", Detail: "such a row needs more than you may write"}
				}
				errs = append(errs, e)
			}
		}
	}
	if len(errs) > 0 {
		return nil, refused(errs)
	}
	return ch, nil
}

func refused(errs []types.FieldError) error {
	return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values were not accepted; see fields", Fields: errs}
}
