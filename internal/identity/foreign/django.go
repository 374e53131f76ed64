package foreign

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is one row of `manage.py dumpdata`.
type object struct {
	Model  string                    `json:"model"`
	PK     jsontext.Value            `json:"pk"`
	Fields map[string]jsontext.Value `json:"fields"`
}

// dump reads the JSON array that Django's dumpdata writes, one object at a time. Objects of other models are passed over.
func dump(s Source, in io.Reader) ([]Person, error) {
	model := s.Model
	if model == "" {
		model = "auth.user"
	}
	dec := jsontext.NewDecoder(in)
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '[' {
		return nil, errors.New("foreign: this is not the JSON that dumpdata writes; run: manage.py dumpdata auth.user auth.group")
	}
	var users []object
	groups, others := map[string]string{}, map[string]bool{}
	for n := 1; dec.PeekKind() != ']'; n++ {
		var o object
		if err := json.UnmarshalDecode(dec, &o); err != nil {
			return nil, fmt.Errorf("foreign: object %d cannot be read: %w", n, err)
		}
		switch {
		case strings.EqualFold(o.Model, model):
			users = append(users, o)
		case o.Model == "auth.group":
			var name string
			if json.Unmarshal(o.Fields["name"], &name) == nil {
				groups[string(o.PK)] = name
			}
		default:
			others[o.Model] = true
		}
		if len(users) > MaxPeople {
			return nil, errMany
		}
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("foreign: the dump holds no %s; name the model of its users, one of %s", model, strings.Join(slices.Sorted(maps.Keys(others)), ", "))
	}
	out := make([]Person, 0, len(users))
	for i, o := range users {
		where := fmt.Sprintf("user %d", i+1)
		if len(o.PK) > 0 && len(o.PK) <= 40 && o.PK.Kind() != 'n' {
			where = "pk " + strings.Trim(string(o.PK), `"`)
		}
		if o.Fields == nil {
			o.Fields = map[string]jsontext.Value{}
		}
		out = append(out, person(s, where, o.Fields, groups))
	}
	return out, nil
}
