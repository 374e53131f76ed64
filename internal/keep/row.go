package keep

import (
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// systemColumns come first in every statement: id, created, updated, version.
const systemColumns = 4

// row is a whole row in memory, for judging writes. It implements rule.Record.
type row struct {
	col     *plan.Collection
	id      types.ID
	created int64
	updated int64
	version int64
	org     types.Value
	values  []types.Value // by Field.Bit; sealed ones stay sealed
}

// Field reads a field by name.
func (r *row) Field(name string) types.Value {
	switch name {
	case "id":
		return types.IDValue(r.id)
	case "created":
		return types.IntValue(r.created)
	case "updated":
		return types.IntValue(r.updated)
	case "version":
		return types.IntValue(r.version)
	case "org":
		return r.org
	}
	if f := r.col.Field(name); f != nil && f.Bit < uint(len(r.values)) {
		return r.values[f.Bit]
	}
	return types.Value{}
}

// clone copies the row so that changes do not touch it.
func (r *row) clone() *row {
	c := *r
	c.values = append([]types.Value(nil), r.values...)
	return &c
}

// column reads one column as the field's value.
func column(rows store.Rows, i int, f *plan.Field) types.Value {
	if rows.Missing(i) {
		return types.Value{}
	}
	switch {
	case f.Encrypted:
		return types.BytesValue(rows.Bytes(i))
	case f.Type == plan.ListField:
		return decodeList(f, rows.Bytes(i))
	}
	switch f.Type {
	case plan.IntField, plan.DecimalField, plan.BoolField, plan.TimeField:
		return types.IntValue(rows.Int(i))
	}
	return types.TextValue(rows.Text(i))
}

// decodeList reads the canonical JSON of a stored list.
func decodeList(f *plan.Field, text []byte) types.Value {
	v, _ := value.Decode(f, f.Name, jsontext.Value(text))
	return v
}

// buffers are pooled: an answer returns its buffer when it was written.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

func newBuffer() *[]byte {
	b := buffers.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

// release returns a function that gives the buffer back; huge ones are left to the collector.
func release(b *[]byte) func() {
	return func() {
		if cap(*b) <= 1<<20 {
			buffers.Put(b)
		}
	}
}

// appendRow writes the row under the cursor as a JSON object: system fields, then the fields of the mask. Missing values are
// null, masked ones absent. want narrows by `fields`; an empty want means all.
func (k *Keep) appendRow(dst []byte, v *view, fields []*plan.Field, rows store.Rows, m plan.Mask, want map[string]bool) ([]byte, error) {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, rows.Bytes(0)...)
	dst = append(dst, '"')
	if want == nil || want["created"] {
		dst = append(dst, `,"created":`...)
		dst = value.AppendTime(dst, rows.Int(1))
	}
	if want == nil || want["updated"] {
		dst = append(dst, `,"updated":`...)
		dst = value.AppendTime(dst, rows.Int(2))
	}
	if want == nil || want["version"] {
		dst = append(dst, `,"version":`...)
		dst = strconv.AppendInt(dst, rows.Int(3), 10)
	}
	for i, f := range fields {
		if !m.Has(f) || want != nil && !want[f.Name] {
			continue
		}
		dst = append(dst, `,"`...)
		dst = append(dst, f.Name...)
		dst = append(dst, `":`...)
		var err error
		if dst, err = k.appendColumn(dst, v.col, f, rows, systemColumns+i); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (k *Keep) appendColumn(dst []byte, col *plan.Collection, f *plan.Field, rows store.Rows, i int) ([]byte, error) {
	switch {
	case rows.Missing(i):
		return append(dst, "null"...), nil
	case f.Encrypted:
		return k.appendSealed(dst, col, f, rows.Text(0), rows.Bytes(i))
	}
	switch f.Type {
	case plan.IntField, plan.DecimalField, plan.BoolField, plan.TimeField:
		return value.AppendInt(dst, f, rows.Int(i)), nil
	}
	return value.AppendText(dst, f, rows.Bytes(i)), nil
}

// appendSealed opens a sealed value, which holds the JSON of its plain value. It is called only for fields inside the mask.
func (k *Keep) appendSealed(dst []byte, col *plan.Collection, f *plan.Field, id string, sealed []byte) ([]byte, error) {
	return k.cfg.Ring.Open(dst, seal.Field, sealed, col.Name, id, f.Name)
}

// sealValue seals a plain value as its JSON.
func (k *Keep) sealValue(col *plan.Collection, f *plan.Field, id types.ID, v types.Value) (types.Value, error) {
	if v.Missing() {
		return v, nil
	}
	plain := f
	sealed, err := k.cfg.Ring.Seal(nil, seal.Field, value.Append(nil, plain, v), col.Name, string(id), f.Name)
	return types.BytesValue(sealed), err
}

// stored gives the column's form of a value: lists as canonical JSON.
func stored(f *plan.Field, v types.Value) types.Value {
	if v.Kind == types.List {
		return types.TextValue(string(value.Append(nil, f, v)))
	}
	return v
}

// rowStmts are the statements on whole rows of a collection, without rules; used only after a rule has said yes, or to judge.
type rowStmts struct {
	load, insert, remove *store.Stmt
	sideAdd, sideClear   map[*plan.Field]*store.Stmt
}

func (k *Keep) stmts(col *plan.Collection) *rowStmts {
	if s, ok := k.rows.Load(col); ok {
		return s.(*rowStmts)
	}
	s := &rowStmts{sideAdd: map[*plan.Field]*store.Stmt{}, sideClear: map[*plan.Field]*store.Stmt{}}
	cols := []string{`"id"`, `"created"`, `"updated"`, `"version"`}
	if col.PerOrg {
		cols = append(cols, `"org"`)
	}
	for _, f := range col.Fields {
		cols = append(cols, store.Quote(f.Column))
		if f.Side != "" {
			s.sideAdd[f] = store.SQL("INSERT INTO " + store.Quote(f.Side) + ` ("row_id", "position", "value") VALUES (?, ?, ?)`)
			s.sideClear[f] = store.SQL("DELETE FROM " + store.Quote(f.Side) + ` WHERE "row_id" = ?`)
		}
	}
	list, table := strings.Join(cols, ", "), store.Quote(col.Table)
	s.load = store.SQL("SELECT " + list + " FROM " + table + ` WHERE "id" = ?`)
	s.insert = store.SQL("INSERT INTO " + table + " (" + list + ") VALUES (" + strings.TrimSuffix(strings.Repeat("?, ", len(cols)), ", ") + ")")
	s.remove = store.SQL("DELETE FROM " + table + ` WHERE "id" = ?`)
	actual, _ := k.rows.LoadOrStore(col, s)
	return actual.(*rowStmts)
}
