// Package row is a stored row without rules: the values of one collection in memory, and the statements that load, insert,
// change and remove it.
//
// Policy: nothing here asks who the caller is. Its users ask it only after a rule has said yes, or to judge. Sealed values stay
// sealed in a Row; Plain opens them for checks alone.
//
// The map: row.go (Row, columns), tables.go (statements, sealing), bulk.go (many rows at once), resolver.go (what rules in memory ask beyond their row).
package row

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// System is how many columns come first in every statement: id, created, updated, version, and org where rows belong to one.
func System(col *plan.Collection) int { return len(col.System) }

// Row is a whole row in memory. It implements rule.Record.
type Row struct {
	Collection *plan.Collection
	ID         types.ID
	Created    int64 // microseconds
	Updated    int64
	Version    int64
	Org        types.Value
	Values     []types.Value // by Field.Bit; sealed ones stay sealed
}

// Field reads a field by name; an unknown one is missing.
func (r *Row) Field(name string) types.Value {
	switch name {
	case "id":
		return types.IDValue(r.ID)
	case "created":
		return types.IntValue(r.Created)
	case "updated":
		return types.IntValue(r.Updated)
	case "version":
		return types.IntValue(r.Version)
	case "org":
		return r.Org
	}
	if f := r.Collection.Field(name); f != nil && f.Bit < uint(len(r.Values)) {
		return r.Values[f.Bit]
	}
	return types.Value{}
}

// Clone copies the row so that changes do not touch it.
func (r *Row) Clone() *Row {
	c := *r
	c.Values = append([]types.Value(nil), r.Values...)
	return &c
}

// Whole reports whether a field's column holds an integer.
func Whole(f *plan.Field) bool {
	switch f.Type {
	case plan.IntField, plan.DecimalField, plan.BoolField, plan.TimeField:
		return true
	}
	return false
}

// column reads one column as the field's value.
func column(rows store.Rows, i int, f *plan.Field) types.Value {
	switch {
	case rows.Missing(i):
		return types.Value{}
	case f.Encrypted:
		return types.BytesValue(rows.Bytes(i))
	case f.Type == plan.ListField:
		return value.Stored(f, jsontext.Value(rows.Bytes(i)))
	case Whole(f):
		return types.IntValue(rows.Int(i))
	}
	return types.TextValue(rows.Text(i))
}

// stored gives the column's form of a value: lists as canonical JSON.
func stored(f *plan.Field, v types.Value) types.Value {
	if v.Kind == types.List {
		return types.TextValue(string(value.Append(nil, f, v)))
	}
	return v
}
