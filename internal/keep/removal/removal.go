// Package removal is what happens to other rows when one is deleted: which go with it, which lose a reference, and which refuse.
//
// Policy: all of it is found by reading, before anything is written, so that a question and the act find the same. No row is met twice,
// however references lead. Who may delete the row has been judged before; a row that points at it refuses unless the
// declaration says otherwise.
//
// The map: removal.go.
package removal

import (
	"context"
	"errors"
	"slices"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/view"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// most is how many rows one delete may take along or change.
const most = 10000

var (
	errTooMany    = types.Refuse(types.Conflict, "too_many_rows", "too many rows go with this one; remove them first")
	errReferenced = types.Refuse(types.Conflict, "still_referenced", "other rows point at this one; remove them first")
)

// rowKey names a row of the whole database.
type rowKey struct {
	col *plan.Collection
	id  types.ID
}

// Asker is who deletes, and what they may read.
type Asker struct {
	Caller   *types.Caller
	Bindings *rule.Bindings
	Views    *view.Views
}

// Change is what happened to another row: RowDelete with the code "cascade", or RowUpdate with the code "clear" and the fields that were
// emptied.
type Change struct {
	Event      types.Event
	Collection string
	Row        types.ID
	Code       string
	Version    int64
	Fields     []string
}

// Along is what happens to other rows when one is deleted: those that go with it, in an order in which the database lets them go, and
// those that lose references. No row is in it twice.
type Along struct {
	tables *row.Tables
	now    int64
	root   rowKey
	order  []rowKey // the row itself is among them
	gone   map[rowKey]bool
	from   map[rowKey][]rowKey // which of them point at one of them
	loses  []*loss
	known  map[rowKey]*loss
	count  map[*plan.Collection]int // how many rows of a collection go or lose a reference
}

// loss is a row that loses references.
type loss struct {
	at     rowKey
	was    pointer
	fields []*plan.Field
}

// pointer is a row that points at another.
type pointer struct {
	id               types.ID
	version, updated int64
}

// Follow finds what the delete of a row takes along. It follows references by on_delete: cascade, however they lead in circles; by on_delete: clear
// rows lose the reference; any other row that points at one that goes refuses the delete, unless the caller cannot see that it does
// and the declaration says what happens then.
func (a Asker) Follow(ctx context.Context, r store.Reader, col *plan.Collection, id types.ID) (*Along, error) {
	root := rowKey{col, id}
	t := &Along{tables: a.Views.Tables, now: types.Micros(a.Bindings.Now), root: root, gone: map[rowKey]bool{root: true}, from: map[rowKey][]rowKey{}, known: map[rowKey]*loss{}, count: map[*plan.Collection]int{col: 1}}
	queue := []rowKey{root}
	for n := 0; n < len(queue); n++ {
		err := a.pointers(queue[n], func(child *plan.Collection, f *plan.Field) error {
			what := f.Decl.OnDelete
			if f.Type == plan.ListField || what != "cascade" && what != "clear" && f.Decl.Hidden == "" {
				return nil
			}
			rows, err := a.pointing(ctx, r, child, f, queue[n].id, most+1)
			if err != nil {
				return err
			}
			for _, p := range rows {
				do := what
				if do != "cascade" && do != "clear" {
					if do, err = a.unseen(ctx, r, child, f, p.id); err != nil {
						return err
					}
				}
				switch key := (rowKey{child, p.id}); {
				case do == "clear":
					t.lose(key, p, f)
				case do == "cascade":
					t.from[queue[n]] = append(t.from[queue[n]], key)
					if !t.gone[key] {
						t.gone[key] = true
						t.count[child]++
						queue = append(queue, key)
					}
				}
				if len(t.gone)+len(t.known) > most {
					return errTooMany
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, key := range queue {
		if err := a.holders(ctx, r, t, key); err != nil {
			return nil, err
		}
	}
	t.sort(root, map[rowKey]bool{})
	return t, nil
}

// lose notes that a row loses a reference.
func (t *Along) lose(key rowKey, p pointer, f *plan.Field) {
	l := t.known[key]
	if l == nil {
		l = &loss{at: key, was: p}
		t.known[key], t.loses = l, append(t.loses, l)
		t.count[key.col]++
	}
	l.fields = append(l.fields, f)
}

// sort puts those that point before what they point at. Where references lead in a circle the database removes the circle at once.
func (t *Along) sort(key rowKey, seen map[rowKey]bool) {
	seen[key] = true
	for _, child := range t.from[key] {
		if !seen[child] {
			t.sort(child, seen)
		}
	}
	t.order = append(t.order, key)
}

// pointers calls fn for each field that may point at a row.
func (a Asker) pointers(at rowKey, fn func(*plan.Collection, *plan.Field) error) error {
	for _, child := range a.Views.Tables.Plan.Collections {
		for _, f := range child.Fields {
			if f.To == at.col.Name || f.Type == plan.ListField && f.Side != "" && f.Elem.To == at.col.Name {
				if err := fn(child, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// holders refuses the delete when a row that stays holds on to one that goes.
func (a Asker) holders(ctx context.Context, r store.Reader, t *Along, key rowKey) error {
	return a.pointers(key, func(child *plan.Collection, f *plan.Field) error {
		if f.Decl.OnDelete == "cascade" || f.Decl.OnDelete == "clear" {
			return nil
		}
		limit := t.count[child] + 1 // one more than there are among those that go or lose a reference
		rows, err := a.pointing(ctx, r, child, f, key.id, limit)
		if err != nil {
			return err
		}
		for _, p := range rows {
			switch other := (rowKey{child, p.id}); {
			case t.gone[other]:
				t.from[key] = append(t.from[key], other)
			case !t.released(other, f):
				return errReferenced
			}
		}
		return nil
	})
}

// released reports whether a row that stays loses the reference.
func (t *Along) released(key rowKey, f *plan.Field) bool {
	l := t.known[key]
	return l != nil && slices.Contains(l.fields, f)
}

// unseen gives what the declaration says of a row that points at one that goes when the caller cannot see that; "" when they can.
func (a Asker) unseen(ctx context.Context, r store.Reader, child *plan.Collection, f *plan.Field, id types.ID) (string, error) {
	v, err := a.Views.Of(a.Caller, child.Name)
	if err != nil {
		if types.KindOf(err) == types.Internal {
			return "", err
		}
		return f.Decl.Hidden, nil // nothing of that collection is readable
	}
	m, ok, err := v.Readable(ctx, r, a.Bindings, id)
	if err != nil || ok && m.Has(f) {
		return "", err
	}
	return f.Decl.Hidden, nil
}

// pointing finds rows whose field points at a row, no more than the limit.
func (a Asker) pointing(ctx context.Context, r store.Reader, child *plan.Collection, f *plan.Field, id types.ID, limit int) ([]pointer, error) {
	text := `SELECT "id", "version", "updated" FROM ` + store.Quote(child.Table) + " WHERE " + store.Quote(f.Column) + " = ? LIMIT ?"
	if f.Type == plan.ListField {
		text = `SELECT "row_id", 0, 0 FROM ` + store.Quote(f.Side) + ` WHERE "value" = ? LIMIT ?`
	}
	rows, err := r.Query(ctx, a.Views.Tables.Stmt(text), types.TextValue(string(id)), types.IntValue(int64(limit)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []pointer
	for rows.Next() {
		out = append(out, pointer{types.ID(rows.Text(0)), rows.Int(1), rows.Int(2)})
	}
	return out, rows.Err()
}

// Remove does what Follow found, in the transaction that found it, and tells of each other row that goes or changes.
func (t *Along) Remove(ctx context.Context, tx store.Tx, tell func(Change) error) error {
	for _, l := range t.loses {
		if t.gone[l.at] {
			continue
		}
		if err := t.clear(ctx, tx, l, tell); err != nil {
			return err
		}
	}
	for _, key := range t.order {
		if err := t.tables.Remove(ctx, tx, key.col, key.id); err != nil {
			return stillReferenced(err)
		}
		if key == t.root {
			continue
		}
		if err := tell(Change{Event: types.RowDelete, Collection: key.col.Name, Row: key.id, Code: "cascade"}); err != nil {
			return err
		}
	}
	return nil
}

// stillReferenced turns the database's refusal to leave a reference dangling into an answer.
func stillReferenced(err error) error {
	var broken *store.ConstraintError
	if errors.As(err, &broken) && broken.Kind == store.Foreign {
		out := *errReferenced
		out.Err = err
		return &out
	}
	return err
}

// clear empties the references of a row, which gets a new version.
func (t *Along) clear(ctx context.Context, tx store.Tx, l *loss, tell func(Change) error) error {
	n := &row.Row{Collection: l.at.col, ID: l.at.id, Version: l.was.version + 1, Updated: max(t.now, l.was.updated),
		Values: make([]types.Value, len(l.at.col.Fields))}
	if err := t.tables.Update(ctx, tx, n, l.fields); err != nil {
		return err
	}
	did := Change{Event: types.RowUpdate, Collection: l.at.col.Name, Row: l.at.id, Code: "clear", Version: n.Version}
	for _, f := range l.fields {
		did.Fields = append(did.Fields, f.Name)
	}
	return tell(did)
}
