package view

import (
	"context"
	"slices"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// MaxIncludes is how many references one answer follows.
const MaxIncludes = 3

// Include is one reference that an answer shall follow.
type Include struct {
	Field *plan.Field
	view  *View
}

// Includes resolves `include`: at most three references, each target under its own read rules.
func (s *Views) Includes(c *types.Caller, v *View, names []string) ([]Include, error) {
	if len(names) > MaxIncludes {
		return nil, types.Refuse(types.Malformed, "too_many_includes", "include follows at most three references")
	}
	var out []Include
	for _, name := range names {
		f := v.Collection.Field(name)
		if f == nil || f.To == "" || !v.able.Has(f) {
			return nil, types.Refuse(types.Malformed, "unknown_field", "include names a field that is no reference: "+types.Printable(name))
		}
		target, err := s.Of(c, f.To)
		if err != nil {
			if types.KindOf(err) == types.Internal {
				return nil, err
			}
			continue // nothing of that collection is readable: included shows nothing
		}
		out = append(out, Include{f, target})
	}
	return out, nil
}

// Targets copies what the references of the row under the cursor point at; "" for masked and missing ones.
func (v *View) Targets(fields []*plan.Field, rows store.Rows, m plan.Mask, inc []Include) []types.ID {
	out := make([]types.ID, len(inc))
	for i, x := range inc {
		if at := slices.Index(fields, x.Field); at >= 0 && m.Has(x.Field) {
			out[i] = types.ID(rows.Text(row.System(v.Collection) + at))
		}
	}
	return out
}

// AppendIncluded replaces the closing brace of a row by an "included" object with the targets that the caller may read.
func AppendIncluded(ctx context.Context, r store.Reader, dst []byte, b *rule.Bindings, inc []Include, ids []types.ID) ([]byte, error) {
	dst = append(dst[:len(dst)-1], `,"included":{`...)
	first := true
	for i, x := range inc {
		if ids[i] == "" {
			continue
		}
		mark := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		dst = append(dst, `"`+x.Field.Name+`":`...)
		var err error
		dst, _, err = x.view.AppendGet(ctx, r, dst, b, ids[i], nil, nil, nil)
		if types.KindOf(err) == types.NotFound {
			dst = dst[:mark]
			continue
		}
		if err != nil {
			return dst, err
		}
		first = false
	}
	return append(dst, '}', '}'), nil
}
