package value

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Merge applies a JSON object to the value of a json field as RFC 7396 says: members are merged, null removes one, and whatever is no
// object is replaced. Both are canonical, and so is the result, which is within the field's bounds.
func Merge(f *plan.Field, target, patch types.Value) (types.Value, []types.FieldError) {
	d := decoder{}
	var into, from any
	err := json.Unmarshal([]byte(patch.Text), &from)
	if err == nil && !target.Missing() {
		err = json.Unmarshal([]byte(target.Text), &into)
	}
	if err != nil {
		return d.fail(f.Name, "bad_json", "", "send plain JSON whose numbers are exact"), d.errs
	}
	text, err := json.Marshal(mergeInto(into, from))
	merged := jsontext.Value(text)
	if err != nil || merged.Canonicalize() != nil {
		return d.fail(f.Name, "bad_json", "", "send plain JSON whose numbers are exact"), d.errs
	}
	if len(merged) > f.MaxLen {
		return d.fail(f.Name, "too_long", strconv.Itoa(f.MaxLen), ""), d.errs
	}
	return types.TextValue(string(merged)), nil
}

// mergeInto is MergePatch of RFC 7396, section 2.
func mergeInto(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out, ok := target.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for name, v := range members {
		if v == nil {
			delete(out, name)
		} else {
			out[name] = mergeInto(out[name], v)
		}
	}
	return out
}
