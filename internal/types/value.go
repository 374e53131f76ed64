package types

// ValueKind tells what a Value holds. What an integer means (a count, a scaled decimal, a boolean, microseconds) is
// known to the declared field, not to the value.
type ValueKind uint8

// The kinds of values. Null is the zero kind: a value that nobody set is missing.
const (
	Null  ValueKind = iota
	Int             // int64: int, bool (0 or 1), decimal (scaled by its digits), time (microseconds UTC since 1970)
	Text            // string: text, date (YYYY-MM-DD), enum, state, email, url, uuid, html, account, ref, canonical json
	Bytes           // a sealed value or a hash
	List            // elements of one scalar kind
)

// Value is one typed value: a field of a row, a literal of a rule, a parameter of a statement. The zero Value is missing
// (SQL NULL, JSON null). It is a plain struct and not an interface so that hot paths do not allocate.
type Value struct {
	Kind  ValueKind
	Int   int64
	Text  string // also holds the bytes of kind Bytes
	Items []Value
}

// IntValue returns an integer value.
func IntValue(n int64) Value { return Value{Kind: Int, Int: n} }

// BoolValue returns 1 or 0: both stores keep booleans as integers.
func BoolValue(b bool) Value {
	if b {
		return Value{Kind: Int, Int: 1}
	}
	return Value{Kind: Int}
}

// TextValue returns a text value.
func TextValue(s string) Value { return Value{Kind: Text, Text: s} }

// BytesValue returns a binary value; b is copied.
func BytesValue(b []byte) Value { return Value{Kind: Bytes, Text: string(b)} }

// ListValue returns a list; an empty list is present, unlike a missing one.
func ListValue(items ...Value) Value { return Value{Kind: List, Items: items} }

// IDValue returns the id as text, or a missing value for the zero ID.
func IDValue(id ID) Value {
	if id == "" {
		return Value{}
	}
	return Value{Kind: Text, Text: string(id)}
}

// Missing reports whether the value is absent.
func (v Value) Missing() bool { return v.Kind == Null }

// Equal compares kind and content; two missing values are equal here (null-safe), unlike in a rule.
func (v Value) Equal(w Value) bool {
	if v.Kind != w.Kind || v.Int != w.Int || v.Text != w.Text || len(v.Items) != len(w.Items) {
		return false
	}
	for i := range v.Items {
		if !v.Items[i].Equal(w.Items[i]) {
			return false
		}
	}
	return true
}
