package keep

import (
	"github.com/fastness-dev/fastness/internal/plan"
)

// fieldSchema is the JSON Schema of a field's value.
func fieldSchema(f *plan.Field) *plan.Schema {
	s := &plan.Schema{Type: "string", Nullable: f.Optional}
	switch f.Type {
	case plan.TextField, plan.HTMLField:
		s.MinLength, s.MaxLength = f.MinLen, f.MaxLen
		if f.Pattern != "" {
			s.Pattern = "^(?:" + f.Pattern + ")$"
		}
	case plan.IntField:
		s.Type = "integer"
	case plan.BoolField:
		s.Type = "boolean"
	case plan.DecimalField:
		s.Pattern = `^-?[0-9]{1,15}(\.[0-9]{1,9})?$`
		s.MaxLength = 26
	case plan.DateField:
		s.Format, s.MaxLength = "date", 10
	case plan.TimeField:
		s.Format, s.MaxLength = "date-time", 40
	case plan.EnumField, plan.StateField:
		s.Enum = f.Values
	case plan.EmailField:
		s.Format, s.MaxLength = "email", f.MaxLen
	case plan.URLField:
		s.Format, s.MaxLength = "uri", f.MaxLen
	case plan.UUIDField:
		s.Format, s.MaxLength = "uuid", 36
	case plan.AccountField, plan.RefField:
		s.Pattern, s.MaxLength = "^[0-9a-v]{26}$", 26
	case plan.JSONField:
		return &plan.Schema{Any: true}
	case plan.ListField:
		return &plan.Schema{Type: "array", Items: fieldSchema(f.Elem), MaxItems: f.MaxLen, Nullable: f.Optional}
	}
	return s
}

// writeSchema is the body of a create or an update: no unknown fields, fixed ones only at creation.
func writeSchema(col *plan.Collection, create bool) *plan.Schema {
	s := &plan.Schema{Type: "object", Closed: true, Properties: map[string]*plan.Schema{}}
	for _, f := range col.Fields {
		if f.Fixed && !create {
			continue
		}
		s.Properties[f.Name] = fieldSchema(f)
		if create && !f.Optional && f.Default == nil {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

// rowSchema is a row in an answer: every field may be absent, since masks differ from caller to caller.
func rowSchema(col *plan.Collection) *plan.Schema {
	s := &plan.Schema{Type: "object", Properties: map[string]*plan.Schema{}}
	for _, f := range append(append([]*plan.Field{}, col.System...), col.Fields...) {
		p := fieldSchema(f)
		p.Nullable = p.Nullable || !f.System
		s.Properties[f.Name] = p
	}
	s.Properties["id"] = &plan.Schema{Type: "string", MaxLength: 26}
	s.Properties["included"] = &plan.Schema{Type: "object", Summary: "rows that references point at, by field"}
	s.Required = []string{"id"}
	return s
}

func pageSchema(col *plan.Collection) *plan.Schema {
	return &plan.Schema{Type: "object", Required: []string{"items", "next"}, Properties: map[string]*plan.Schema{
		"items": {Type: "array", Items: rowSchema(col)}, "next": {Type: "string", Nullable: true},
		"count": {Type: "integer"}, "more": {Type: "boolean"}}}
}

func searchSchema() *plan.Schema {
	name := &plan.Schema{Type: "string", MaxLength: 64}
	return &plan.Schema{Type: "object", Closed: true, Properties: map[string]*plan.Schema{
		"filter": {Type: "string", MaxLength: 1024, Summary: "CEL over row"}, "sort": name, "limit": {Type: "integer"},
		"after": {Type: "string", MaxLength: 4096}, "fields": {Type: "array", Items: name, MaxItems: 64},
		"include": {Type: "array", Items: name, MaxItems: 3}, "count": {Type: "boolean"}}}
}

func batchSchema() *plan.Schema {
	name := &plan.Schema{Type: "string", MaxLength: 64}
	op := &plan.Schema{Type: "object", Closed: true, Properties: map[string]*plan.Schema{"create": name, "update": name, "delete": name,
		"id": name, "new": {Any: true}, "if_match": {Type: "string", MaxLength: 100}}}
	return &plan.Schema{Type: "object", Closed: true, Required: []string{"do"}, Properties: map[string]*plan.Schema{"do": {Type: "array", Items: op, MaxItems: maxBatch}}}
}

func canSchema() *plan.Schema {
	name := &plan.Schema{Type: "string", MaxLength: 64}
	q := &plan.Schema{Type: "object", Closed: true, Required: []string{"action", "collection"}, Properties: map[string]*plan.Schema{
		"action": {Type: "string", Enum: []string{"read", "create", "update", "delete"}}, "collection": name, "id": name, "new": {Any: true}}}
	return &plan.Schema{Type: "object", Closed: true, Required: []string{"do"}, Properties: map[string]*plan.Schema{"do": {Type: "array", Items: q, MaxItems: maxBatch}}}
}

// listParams names the filters that a list accepts, for OpenAPI.
func listParams(col *plan.Collection) []plan.Param {
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
