// Package view is a collection as one class of callers may read it: which fields some rule may grant, the SQL that runs every
// read rule inside the statement and returns one bit per rule, and the row that comes of it as finished JSON.
//
// Policy: what a caller sees of a row is the union of the masks whose bits are set; no bit, no row. Masked fields are absent,
// missing values null. Sealed fields are opened only when the mask allows them. A row that is absent and one that no rule
// grants give the same answer after the same work.
//
// The map: view.go (View, masks), answer.go (a row as JSON, its ETag), include.go (rows that references point at).
package view

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// class names what a view depends on: the collection and what folds its rules.
type class struct {
	collection string
	roles      types.RoleSet
	kind       types.CallerKind
	unruled    bool
}

// Views are the views of a plan, made when first asked for. Safe for concurrent use.
type Views struct {
	Tables *row.Tables

	mu    sync.RWMutex
	known map[class]*View
}

// View is a collection as the callers of one class may read it. Immutable.
type View struct {
	Collection *plan.Collection
	Rules      []plan.Folded
	All        bool          // every row is readable
	Fields     []*plan.Field // those that some rule may grant, in order: the columns of a statement
	able       plan.Mask
	always     plan.Mask  // granted on every row
	bits       []rule.SQL // one per conditional rule, over alias r
	masks      []plan.Mask
	tables     *row.Tables
	get        *store.Stmt
	args       []rule.Arg // of get, before the id
}

// maxViews bounds the views that are kept; beyond it the set is emptied, which costs time and nothing else.
const maxViews = 1000

// Of returns a collection as the caller's class may read it. No read rule is a refusal, by plan and caller alone.
func (s *Views) Of(c *types.Caller, collection string) (*View, error) {
	col, rules, err := judge.Permit(s.Tables.Plan, c, collection, types.Read)
	if err != nil {
		return nil, err
	}
	key := class{col.Name, c.Roles, c.Kind, c.Unruled()}
	s.mu.RLock()
	v := s.known[key]
	s.mu.RUnlock()
	if v != nil {
		return v, nil
	}
	if v, err = newView(s.Tables, col, rules); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxViews {
		s.known = map[class]*View{}
	}
	s.known[key] = v
	return v, nil
}

func newView(t *row.Tables, col *plan.Collection, rules []plan.Folded) (*View, error) {
	v := &View{Collection: col, Rules: rules, tables: t}
	for _, r := range rules {
		v.able |= r.Mask
		if f, ok := r.When.(*rule.Fixed); ok && f.Truth == rule.Yes {
			v.always |= r.Mask
			v.All = true
			continue
		}
		s, err := rule.ToSQL(r.When, t.Options(col))
		if err != nil {
			return nil, err
		}
		v.bits = append(v.bits, s)
		v.masks = append(v.masks, r.Mask)
	}
	for _, f := range col.Fields {
		if v.able.Has(f) {
			v.Fields = append(v.Fields, f)
		}
	}
	v.get = store.SQL(v.getText())
	return v, nil
}

// getText is the statement that reads one row. A row that no rule grants does not leave the database, so that its size cannot
// be told from the time of a refusal.
func (v *View) getText() string {
	var b strings.Builder
	v.args = v.Select(&b, v.Fields)
	b.WriteString(" FROM " + store.Quote(v.Collection.Table) + ` r WHERE r."id" = ?`)
	if v.All {
		return b.String()
	}
	held := make([]string, len(v.bits))
	for i := range v.bits {
		held[i] = "g." + bitName(i) + " = 1"
	}
	return "SELECT * FROM (" + b.String() + ") g WHERE " + strings.Join(held, " OR ")
}

// bitName is the column of a rule's bit: a number, which no field is called.
func bitName(i int) string { return store.Quote(strconv.Itoa(i)) }

// Select writes SELECT with the system columns, the fields and one bit per conditional rule, over the alias r.
func (v *View) Select(b *strings.Builder, fields []*plan.Field) []rule.Arg {
	b.WriteString("SELECT ")
	for i, f := range slices.Concat(v.Collection.System, fields) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("r." + store.Quote(f.Column))
	}
	var args []rule.Arg
	for i, bit := range v.bits {
		b.WriteString(", CASE WHEN " + bit.Text + " THEN 1 ELSE 0 END AS " + bitName(i))
		args = append(args, bit.Args...)
	}
	return args
}

// Width is how many columns Select writes.
func (v *View) Width(fields []*plan.Field) int {
	return row.System(v.Collection) + len(fields) + len(v.bits)
}

// Mask is what the caller may see of the row under the cursor, whose statement selected the fields; ok is false when no rule
// holds.
func (v *View) Mask(rows store.Rows, fields []*plan.Field) (m plan.Mask, ok bool) {
	m, ok = v.always, v.All
	first := row.System(v.Collection) + len(fields)
	for i := range v.bits {
		if rows.Int(first+i) == 1 {
			m |= v.masks[i]
			ok = true
		}
	}
	return m, ok
}

// Able is every field that some rule may grant.
func (v *View) Able() plan.Mask { return v.able }

// Usable finds a field that the caller's roles may ever see; any other is unknown to him.
func (v *View) Usable(name string) (*plan.Field, error) {
	f := v.Collection.Field(name)
	if f == nil || !f.System && !v.able.Has(f) {
		return nil, types.Refuse(types.Malformed, "unknown_field", "there is no field "+types.Printable(name))
	}
	return f, nil
}

// Granting gives the conditions of the rules that grant the field; always is true when it is granted wherever the row is
// readable at all.
func (v *View) Granting(f *plan.Field) (conditions []rule.Expr, always bool) {
	if f.System || v.always.Has(f) {
		return nil, true
	}
	everywhere := !v.All
	for _, r := range v.Rules {
		if r.Mask.Has(f) {
			conditions = append(conditions, r.When)
		} else {
			everywhere = false
		}
	}
	return conditions, everywhere
}

// Readable runs the read rules on a row and returns the mask, as every read does; ok is false for absent and unreadable rows.
func (v *View) Readable(ctx context.Context, r store.Reader, b *rule.Bindings, id types.ID) (m plan.Mask, ok bool, err error) {
	rows, err := v.query(ctx, r, b, id)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, false, rows.Err()
	}
	m, ok = v.Mask(rows, v.Fields)
	return m, ok, rows.Err()
}

func (v *View) query(ctx context.Context, r store.Reader, b *rule.Bindings, id types.ID) (store.Rows, error) {
	args := rule.BindAll(make([]types.Value, 0, len(v.args)+1), v.args, b)
	return r.Query(ctx, v.get, append(args, types.TextValue(string(id)))...)
}
