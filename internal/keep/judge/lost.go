package judge

import (
	"fmt"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Lost are the references of a request that point at rows which the caller may not read, or which are not there: the two are one thing.
type Lost []LostReference

// LostReference is one of them.
type LostReference struct {
	Field *plan.Field
	Item  int // of a list; -1 for a reference that stands alone
	ID    string
}

// Without gives the row as rules see it: what was lost is missing.
func (l Lost) Without(next *row.Row) *row.Row {
	if len(l) == 0 {
		return next
	}
	seen := next.Clone()
	gone := map[*plan.Field]map[string]bool{}
	for _, x := range l {
		if x.Item < 0 {
			seen.Values[x.Field.Bit] = types.Value{}
			continue
		}
		if gone[x.Field] == nil {
			gone[x.Field] = map[string]bool{}
		}
		gone[x.Field][x.ID] = true
	}
	for f, ids := range gone {
		left := types.ListValue()
		for _, item := range next.Values[f.Bit].Items {
			if !ids[item.Text] {
				left.Items = append(left.Items, item)
			}
		}
		seen.Values[f.Bit] = left
	}
	return seen
}

// Refusal tells which references point at nothing that the caller may read.
func (l Lost) Refusal() error {
	if len(l) == 0 {
		return nil
	}
	out := &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some references point at nothing; see fields"}
	for _, x := range l {
		path := x.Field.Name
		if x.Item >= 0 {
			path = fmt.Sprintf("%s.%d", path, x.Item)
		}
		out.Fields = append(out.Fields, types.FieldError{Path: path, Code: "not_found", Detail: "there is no such row"})
	}
	return out
}
