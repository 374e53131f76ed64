package value

import (
	"fmt"

	"github.com/fastness-dev/fastness/internal/plan"
)

// The forms of text that the schema publishes and Decode asks for, so that both say the same. They are written in what RE2 and
// ECMA-262 share.
const (
	timeForm  = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$`
	refForm   = `^[0-9a-v]{25}[048cgkos]$` // 128 bits in base32hex: the last digit has three of them
	emailForm = `^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`
	// idnForm is the same for what callers send: labels may have letters beyond ASCII, and the dots of UTS 46 (section 2.3).
	idnForm = `^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*` +
		`@(` + idnLabel + `[.。．｡])+` + idnLabel + `$`
	idnLabel = `[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]([^\x00-\x2c\x2e\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]{0,61}` +
		`[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f])?`
	urlForm   = `^https?://(([A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#](%[0-9A-Fa-f]{2}|[A-Za-z0-9._~:/?!$&'()*+,;=@-])*(#(%[0-9A-Fa-f]{2}|[A-Za-z0-9._~:/?!$&'()*+,;=@-])*)?)?$`
	plainForm = `^[^\x00]*$`
)

// decimalForm is how a decimal of so many digits after the point is written.
func decimalForm(digits int) string {
	if digits == 0 {
		return `^-?[0-9]{1,15}$`
	}
	return fmt.Sprintf(`^-?[0-9]{1,15}(\.[0-9]{1,%d})?$`, min(digits, 9))
}

// Schema is the JSON Schema of a field's value. What it cannot say is said by Decode alone: bounds of decimals, dates and times,
// the length of html and json after they were cleaned, the normal form in which lengths are counted, and which rows there are.
func Schema(f *plan.Field) *plan.Schema {
	s := &plan.Schema{Type: "string", Nullable: f.Optional}
	switch f.Type {
	case plan.TextField, plan.HTMLField:
		s.MinLength, s.MaxLength, s.Pattern = f.MinLen, f.MaxLen, plainForm
		if f.Pattern != "" {
			s.Pattern = "^(?:" + f.Pattern + ")$"
		}
	case plan.IntField:
		low, high := int64(-maxInt), int64(maxInt)
		if f.HasMin {
			low = f.MinInt
		}
		if f.HasMax {
			high = f.MaxInt
		}
		s.Type, s.Minimum, s.Maximum = "integer", &low, &high
	case plan.BoolField:
		s.Type = "boolean"
	case plan.DecimalField:
		s.Pattern, s.MaxLength = decimalForm(f.Digits), 26
	case plan.DateField:
		s.Format, s.MaxLength = "date", 10
	case plan.TimeField:
		s.Format, s.MaxLength, s.Pattern = "date-time", 27, timeForm
	case plan.EnumField, plan.StateField:
		s.Enum = f.Values
	case plan.EmailField:
		s.Format, s.MaxLength, s.Pattern = "idn-email", f.MaxLen, idnForm // answers have it in ASCII, which is one
	case plan.URLField:
		s.Format, s.MaxLength, s.Pattern = "uri", f.MaxLen, urlForm
	case plan.UUIDField:
		s.Format, s.MaxLength = "uuid", 36
	case plan.AccountField, plan.RefField:
		s.Pattern, s.MaxLength = refForm, 26
	case plan.JSONField:
		return &plan.Schema{Any: true, Present: !f.Optional}
	case plan.ListField:
		return &plan.Schema{Type: "array", Items: Schema(f.Elem), MinItems: f.MinLen, MaxItems: f.MaxLen, Nullable: f.Optional}
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
		p := Schema(f)
		if create && f.Type == plan.StateField {
			p.Enum = []string{f.Start}
		}
		s.Properties[f.Name] = p
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
