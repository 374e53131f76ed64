package page

import (
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
)

// Schema is a page of a collection.
func Schema(col *plan.Collection) *plan.Schema {
	return &plan.Schema{Type: "object", Required: []string{"items", "next"}, Properties: map[string]*plan.Schema{
		"items": {Type: "array", Items: value.RowSchema(col)}, "next": {Type: "string", Nullable: true},
		"count": {Type: "integer"}, "more": {Type: "boolean"}}}
}

// SearchSchema is the body of a search.
func SearchSchema() *plan.Schema {
	name := &plan.Schema{Type: "string", MaxLength: 64}
	return &plan.Schema{Type: "object", Closed: true, Properties: map[string]*plan.Schema{
		"filter": {Type: "string", MaxLength: 1024, Summary: "CEL over row"}, "sort": name, "limit": {Type: "integer"},
		"after": {Type: "string", MaxLength: 4096}, "fields": {Type: "array", Items: name, MaxItems: 64},
		"include": {Type: "array", Items: name, MaxItems: 3}, "count": {Type: "boolean"}}}
}

// Params names the filters that a list accepts, for OpenAPI.
func Params(col *plan.Collection) []plan.Param {
	out := []plan.Param{{Name: "sort", Summary: "an indexed field, with a leading - for descending", Type: "string"},
		{Name: "limit", Summary: "1 to 200, 30 when absent", Type: "integer"}, {Name: "after", Summary: "the cursor of the page before", Type: "string"},
		{Name: "count", Summary: "count the rows, exactly to 10,000", Type: "boolean"}}
	for _, f := range append(append([]*plan.Field{}, col.System...), col.Fields...) {
		if !f.Indexed || f.Personal || f.Encrypted || f.Type == plan.ListField {
			continue
		}
		out = append(out, plan.Param{Name: f.Name, Summary: "equal to", Type: "string"})
		for _, op := range []string{"ne", "lt", "lte", "gt", "gte"} {
			out = append(out, plan.Param{Name: f.Name + "." + op, Summary: "compared", Type: "string"})
		}
	}
	return out
}
