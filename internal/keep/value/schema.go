package value

import (
	"github.com/fastness-dev/fastness/internal/plan"
)

// Schema is the JSON Schema of a field's value.
func Schema(f *plan.Field) *plan.Schema {
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
		return &plan.Schema{Type: "array", Items: Schema(f.Elem), MaxItems: f.MaxLen, Nullable: f.Optional}
	}
	return s
}

// WriteSchema is the body of a create or an update: no unknown fields, fixed ones only at creation.
func WriteSchema(col *plan.Collection, create bool) *plan.Schema {
	s := &plan.Schema{Type: "object", Closed: true, Properties: map[string]*plan.Schema{}}
	for _, f := range col.Fields {
		if f.Fixed && !create {
			continue
		}
		s.Properties[f.Name] = Schema(f)
		if create && !f.Optional && f.Default == nil {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

// RowSchema is a row in an answer: every field may be absent, since masks differ from caller to caller.
func RowSchema(col *plan.Collection) *plan.Schema {
	s := &plan.Schema{Type: "object", Properties: map[string]*plan.Schema{}}
	for _, f := range append(append([]*plan.Field{}, col.System...), col.Fields...) {
		p := Schema(f)
		p.Nullable = p.Nullable || !f.System
		s.Properties[f.Name] = p
	}
	s.Properties["id"] = &plan.Schema{Type: "string", MaxLength: 26}
	s.Properties["included"] = &plan.Schema{Type: "object", Summary: "rows that references point at, by field"}
	s.Required = []string{"id"}
	return s
}
