package row

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Tables are the plan's collections as they lie in the database. Safe for concurrent use.
type Tables struct {
	Plan    *plan.Plan
	Ring    *seal.Ring
	Dialect store.Dialect

	whole sync.Map // *plan.Collection to *statements
	bulks sync.Map // bulk to *store.Stmt
	mu    sync.RWMutex
	texts map[string]*store.Stmt
}

// maxTexts bounds the statements that are kept by their text; beyond it the set is emptied, which costs time and nothing else.
const maxTexts = 1000

// Stmt returns the one statement of a text, so that the engines see the same pointer again. The text is made of names from the
// plan; its shapes are bounded.
func (t *Tables) Stmt(text string) *store.Stmt {
	t.mu.RLock()
	s := t.texts[text]
	t.mu.RUnlock()
	if s != nil {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s = t.texts[text]; s != nil {
		return s
	}
	if t.texts == nil || len(t.texts) >= maxTexts {
		t.texts = map[string]*store.Stmt{}
	}
	s = &store.Stmt{SQL: text, Transient: true}
	t.texts[text] = s
	return s
}

// Options say how a condition over the collection becomes SQL; its row has the alias r.
func (t *Tables) Options(col *plan.Collection) rule.SQLOptions {
	return rule.SQLOptions{Dialect: t.Dialect, Shapes: t.Plan.Shapes, Alias: "r", Self: col.Name}
}

// statements are those on whole rows of a collection.
type statements struct {
	load, insert, remove *store.Stmt
	sideAdd, sideClear   map[*plan.Field]*store.Stmt
}

func (t *Tables) statements(col *plan.Collection) *statements {
	if s, ok := t.whole.Load(col); ok {
		return s.(*statements)
	}
	s := &statements{sideAdd: map[*plan.Field]*store.Stmt{}, sideClear: map[*plan.Field]*store.Stmt{}}
	var cols []string
	for _, f := range col.System {
		cols = append(cols, store.Quote(f.Column))
	}
	for _, f := range col.Fields {
		cols = append(cols, store.Quote(f.Column))
		if f.Side != "" {
			s.sideAdd[f] = t.sideAdd(f)
			s.sideClear[f] = store.SQL("DELETE FROM " + store.Quote(f.Side) + ` WHERE "row_id" = ?`)
		}
	}
	list, table := strings.Join(cols, ", "), store.Quote(col.Table)
	s.load = store.SQL("SELECT " + list + " FROM " + table + ` WHERE "id" = ?`)
	s.insert = store.SQL("INSERT INTO " + table + " (" + list + ") VALUES (" + strings.TrimSuffix(strings.Repeat("?, ", len(cols)), ", ") + ")")
	s.remove = store.SQL("DELETE FROM " + table + ` WHERE "id" = ?`)
	actual, _ := t.whole.LoadOrStore(col, s)
	return actual.(*statements)
}

// Load reads a whole row; nil when there is none.
func (t *Tables) Load(ctx context.Context, r store.Reader, col *plan.Collection, id types.ID) (*Row, error) {
	rows, err := r.Query(ctx, t.statements(col).load, types.TextValue(string(id)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	out := &Row{Collection: col, ID: types.ID(rows.Text(0)), Created: rows.Int(1), Updated: rows.Int(2), Version: rows.Int(3),
		Values: make([]types.Value, len(col.Fields))}
	if col.PerOrg {
		out.Org = types.TextValue(rows.Text(4))
	}
	for i, f := range col.Fields {
		out.Values[i] = column(rows, System(col)+i, f)
	}
	return out, rows.Err()
}

// Insert stores a new row with its side tables. A broken constraint is a *store.ConstraintError.
func (t *Tables) Insert(ctx context.Context, tx store.Tx, r *Row) error {
	col, s := r.Collection, t.statements(r.Collection)
	if _, err := tx.Exec(ctx, s.insert, r.appendColumns(nil)...); err != nil {
		return err
	}
	for _, f := range col.Fields {
		if err := addSide(ctx, tx, s, f, r); err != nil {
			return err
		}
	}
	return nil
}

// Update stores the named fields of a row with its version and time. A broken constraint is a *store.ConstraintError.
func (t *Tables) Update(ctx context.Context, tx store.Tx, r *Row, fields []*plan.Field) error {
	var b strings.Builder
	b.WriteString("UPDATE " + store.Quote(r.Collection.Table) + ` SET "updated" = ?, "version" = ?`)
	args := []types.Value{types.IntValue(r.Updated), types.IntValue(r.Version)}
	for _, f := range fields {
		b.WriteString(", " + store.Quote(f.Column) + " = ?")
		args = append(args, stored(f, r.Values[f.Bit]))
	}
	b.WriteString(` WHERE "id" = ?`)
	if _, err := tx.Exec(ctx, t.Stmt(b.String()), append(args, types.TextValue(string(r.ID)))...); err != nil {
		return err
	}
	s := t.statements(r.Collection)
	for _, f := range fields {
		if f.Side == "" {
			continue
		}
		if _, err := tx.Exec(ctx, s.sideClear[f], types.TextValue(string(r.ID))); err != nil {
			return err
		}
		if err := addSide(ctx, tx, s, f, r); err != nil {
			return err
		}
	}
	return nil
}

// Remove deletes a row; the database removes its side tables. A row that others point at is a *store.ConstraintError.
func (t *Tables) Remove(ctx context.Context, tx store.Tx, col *plan.Collection, id types.ID) error {
	_, err := tx.Exec(ctx, t.statements(col).remove, types.TextValue(string(id)))
	return err
}

// sideAdd inserts the elements of lists: one statement, whatever their number, that takes [["row", position, value], …] as JSON.
func (t *Tables) sideAdd(f *plan.Field) *store.Stmt {
	text := "INSERT INTO " + store.Quote(f.Side) + ` ("row_id", "position", "value") `
	if t.Dialect == store.SQLite {
		return store.SQL(text + "SELECT value->>0, value->>1, value->>2 FROM json_each(?)")
	}
	value := "e->>2"
	if Whole(f.Elem) {
		value = "CAST(e->>2 AS bigint)"
	}
	return store.SQL(text + "SELECT e->>0, CAST(e->>1 AS bigint), " + value + " FROM jsonb_array_elements(CAST(? AS jsonb)) AS e")
}

// addSide keeps the side table of a list, which rules look into, for rows that have no elements in it.
func addSide(ctx context.Context, tx store.Tx, s *statements, f *plan.Field, rows ...*Row) error {
	if f.Side == "" {
		return nil
	}
	items := []byte{'['}
	for _, r := range rows {
		for i, item := range r.Values[f.Bit].Items {
			if len(items) > 1 {
				items = append(items, ',')
			}
			items = append(items, '[')
			items = append(strconv.AppendInt(append(appendText(items, string(r.ID)), ','), int64(i), 10), ',')
			if item.Kind == types.Int {
				items = strconv.AppendInt(items, item.Int, 10)
			} else {
				items = appendText(items, item.Text)
			}
			items = append(items, ']')
		}
	}
	if len(items) == 1 {
		return nil
	}
	_, err := tx.Exec(ctx, s.sideAdd[f], types.TextValue(string(append(items, ']'))))
	return err
}

// appendText appends a stored text, which is valid UTF-8, as JSON.
func appendText(dst []byte, text string) []byte {
	out, err := jsontext.AppendQuote(dst, text)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(text, "\uFFFD"))
	}
	return out
}

// Seal seals a plain value of an encrypted field as its JSON, bound to the ids of collection, row and field, which renames leave alone.
func (t *Tables) Seal(col *plan.Collection, f *plan.Field, id types.ID, v types.Value) (types.Value, error) {
	if v.Missing() {
		return v, nil
	}
	sealed, err := t.Ring.Seal(nil, seal.Field, value.Append(nil, f, v), col.ID, string(id), f.ID)
	return types.BytesValue(sealed), err
}

// AppendOpen opens a sealed value and appends its JSON.
func (t *Tables) AppendOpen(dst []byte, col *plan.Collection, f *plan.Field, id string, sealed []byte) ([]byte, error) {
	return t.Ring.Open(dst, seal.Field, sealed, col.ID, id, f.ID)
}

// Plain is the row with sealed values opened as they are asked for: for checks, which see what the client proposes.
func (t *Tables) Plain(r *Row) *Plain { return &Plain{Row: r, t: t} }

// Plain is a row whose sealed values are opened. It implements rule.Record.
type Plain struct {
	*Row
	t   *Tables
	err error
}

// Err is the first value that did not open. What was evaluated on the row then counts for nothing.
func (p *Plain) Err() error { return p.err }

// Field reads a field by name. A value that does not open reads as missing and leaves its fault in Err.
func (p *Plain) Field(name string) types.Value {
	v := p.Row.Field(name)
	f := p.Collection.Field(name)
	if f == nil || !f.Encrypted || v.Missing() {
		return v
	}
	text, err := p.t.AppendOpen(nil, p.Collection, f, string(p.ID), []byte(v.Text))
	if err != nil {
		if p.err == nil {
			p.err = fmt.Errorf("row: %s.%s of %s: %w", p.Collection.Name, f.Name, p.ID, err)
		}
		return types.Value{}
	}
	return value.Stored(f, jsontext.Value(text))
}
