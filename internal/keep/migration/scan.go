package migration

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// batch is how many rows are read, or filled, at a time.
const batch = 200

// Data is where the rows lie.
type Data struct {
	DB   store.DB
	Ring *seal.Ring
	// Known leaves out tables that are not this program's, or refuses them; nil: all are.
	Known func(store.Schema) (store.Schema, error)
}

// schema reads the tables that are this program's.
func (d Data) schema(ctx context.Context) (store.Schema, error) {
	have, err := d.DB.Schema(ctx)
	if err != nil || d.Known == nil {
		return have, err
	}
	return d.Known(have)
}

// stored is a row as the record before reads it: the asked fields as a client would read them.
type stored struct {
	id, org string
	version int64
	wires   []jsontext.Value
}

// read reads some rows after an id, in the order of ids. Conditions are constants of this package.
func (d Data) read(ctx context.Context, c *collection, fields []*field, after, condition string) ([]stored, error) {
	text := `SELECT "id", "version"`
	org := c.form.Per != ""
	if org {
		text += `, "org"`
	}
	for _, f := range fields {
		text += ", " + store.Quote(f.column)
	}
	text += " FROM " + store.Quote(c.name) + ` WHERE "id" > ?` + condition + fmt.Sprintf(` ORDER BY "id" LIMIT %d`, batch)
	var out []stored
	err := d.DB.View(ctx, func(r store.Reader) error {
		out = nil
		rows, err := r.Query(ctx, &store.Stmt{SQL: text, Transient: true}, types.TextValue(after))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			s, at := stored{id: rows.Text(0), version: rows.Int(1)}, 2
			if org {
				s.org, at = rows.Text(2), 3
			}
			for i, f := range fields {
				wire, err := d.wire(c, f, s.id, rows, at+i)
				if err != nil {
					return err
				}
				s.wires = append(s.wires, wire)
			}
			out = append(out, s)
		}
		return rows.Err()
	})
	return out, err
}

// wire reads one column as a client would.
func (d Data) wire(c *collection, f *field, id string, rows store.Rows, i int) (jsontext.Value, error) {
	switch form := f.form.field(); {
	case rows.Missing(i):
		return jsontext.Value("null"), nil
	case form.Encrypted:
		plain, err := d.Ring.Open(nil, seal.Field, rows.Bytes(i), c.id, id, f.id)
		if err != nil {
			return nil, fmt.Errorf("migration: %s.%s of row %s: %w; restore the row or the key before anything is changed", c.name, f.name, id, err)
		}
		return plain, nil
	case form.Type == plan.IntField || form.Type == plan.DecimalField || form.Type == plan.BoolField || form.Type == plan.TimeField:
		return value.AppendInt(nil, form, rows.Int(i)), nil
	default:
		return value.AppendText(nil, form, rows.Bytes(i)), nil
	}
}

// each calls fn for every batch of rows of a collection.
func (d Data) each(ctx context.Context, c *collection, fields []*field, fn func([]stored) error) error {
	after := ""
	for {
		rows, err := d.read(ctx, c, fields, after, "")
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := fn(rows); err != nil {
			return err
		}
		after = rows[len(rows)-1].id
	}
}

// Inspect reads the rows that exist and refuses the steps that they stand in the way of. It changes nothing.
func (m *Migration) Inspect(ctx context.Context, d Data) error {
	for _, pr := range m.pairs {
		if pr.before == nil {
			continue
		}
		if err := m.inspect(ctx, d, pr); err != nil {
			return err
		}
	}
	return nil
}

// inspection is one walk over the rows of a collection.
type inspection struct {
	m      *Migration
	d      Data
	pr     *pair
	steps  []*Step // that depend on values, in the order of fields
	fields []*field
	sets   []*set
	rows   int64
	first  []string // ids
}

// set looks for equal values of fields that shall differ from now on.
type set struct {
	plan.Unique
	seen map[[16]byte]bool // digests of the values
	step *Step
}

func (m *Migration) inspect(ctx context.Context, d Data, pr *pair) error {
	x := &inspection{m: m, d: d, pr: pr}
	for _, s := range pr.steps {
		if s.Kind == Fits || s.Kind == Converted {
			x.steps, x.fields = append(x.steps, s), append(x.fields, s.was)
		}
	}
	for _, u := range pr.unique {
		x.sets = append(x.sets, &set{Unique: u, seen: map[[16]byte]bool{}})
		for _, f := range u.Fields {
			if was := x.before(f); was != nil && !slices.Contains(x.fields, was) {
				x.fields = append(x.fields, was)
			}
		}
	}
	border := pr.before.form.Per == "" && pr.now.PerOrg
	if len(x.fields) == 0 && len(x.sets) == 0 && len(pr.arrive) == 0 && !border {
		return nil
	}
	if err := d.each(ctx, pr.before, x.fields, func(rows []stored) error { return x.batch(ctx, rows) }); err != nil {
		return err
	}
	x.conclude(border)
	return nil
}

// before is the record of a field; nil when it is new.
func (x *inspection) before(f *plan.Field) *field {
	rec := x.pr.record.named(f.Name)
	i := slices.IndexFunc(x.pr.before.fields, func(b *field) bool { return b.id == rec.id })
	if i < 0 {
		return nil
	}
	return x.pr.before.fields[i]
}

// judged is what becomes of one value.
type judged struct {
	value   types.Value
	problem string
}

// batch judges some rows. What their values refer to is looked up for all of them at once.
func (x *inspection) batch(ctx context.Context, rows []stored) error {
	all := make([][]judged, len(x.steps)) // by step and row
	for i, s := range x.steps {
		all[i] = make([]judged, len(rows))
		for n, r := range rows {
			all[i][n].value, all[i][n].problem = x.m.judge(s, r.wires[i])
		}
		if err := x.dangling(ctx, s, all[i]); err != nil {
			return err
		}
	}
	for n, r := range rows {
		x.rows++
		if len(x.first) < 3 {
			x.first = append(x.first, r.id)
		}
		now := map[string]jsontext.Value{}
		for i, s := range x.steps {
			s.count(r.id, all[i][n].problem)
			now[s.now.Name] = value.Append(nil, s.now, all[i][n].value)
		}
		for _, u := range x.sets {
			u.add(x, r, now)
		}
	}
	return nil
}

// judge gives a value's counterpart, or says why it has none.
func (m *Migration) judge(s *Step, wire jsontext.Value) (types.Value, string) {
	if s.Kind == Converted && !s.asked && wire.Kind() != 'n' {
		return types.Value{}, unasked
	}
	v, problem := convert(s.was.form.field(), s.now, s.names, wire)
	if problem == "" && s.Kind == Fits && wire.Kind() != 'n' && string(value.Append(nil, s.now, v)) != string(wire) {
		problem = "changed"
	}
	return v, problem
}

const unasked = "unasked"

// dangling finds the values that refer to a row that does not exist, where the field did not refer to the same collection before.
func (x *inspection) dangling(ctx context.Context, s *Step, values []judged) error {
	to, form := s.now.To, s.was.form
	if s.now.Elem != nil {
		to = s.now.Elem.To
		if form.Of != nil {
			form = *form.Of
		}
	}
	rec := x.m.now.named(to)
	if rec == nil || rec.id == form.To {
		return nil
	}
	named := func(v types.Value) []types.Value {
		if s.now.Elem == nil {
			v = types.ListValue(v)
		}
		return slices.DeleteFunc(slices.Clone(v.Items), types.Value.Missing)
	}
	there := map[string]bool{}
	if i := slices.IndexFunc(x.m.old.collections, func(c *collection) bool { return c.id == rec.id }); i >= 0 {
		ask := map[string]types.Value{}
		for _, v := range values {
			for _, id := range named(v.value) {
				ask[id.Text] = id
			}
		}
		for ids := range slices.Chunk(slices.Collect(maps.Values(ask)), batch) {
			if err := x.d.exist(ctx, x.m.old.collections[i].name, ids, there); err != nil {
				return err
			}
		}
	}
	for i := range values {
		if slices.ContainsFunc(named(values[i].value), func(id types.Value) bool { return !there[id.Text] }) {
			values[i].problem = cmp.Or(values[i].problem, "not_found")
		}
	}
	return nil
}

// exist notes which of at most a batch of ids a table has.
func (d Data) exist(ctx context.Context, table string, ids []types.Value, there map[string]bool) error {
	look := &store.Stmt{SQL: `SELECT "id" FROM ` + store.Quote(table) + ` WHERE "id" IN (?` + strings.Repeat(", ?", len(ids)-1) + ")", Transient: true}
	return d.DB.View(ctx, func(r store.Reader) error {
		rows, err := r.Query(ctx, look, ids...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			there[rows.Text(0)] = true
		}
		return rows.Err()
	})
}

// count notes a row in the way.
func (s *Step) count(id, problem string) {
	if problem == "" {
		return
	}
	if s.Rows++; s.Rows == 1 {
		s.Why = problem
	}
	if len(s.IDs) < 3 {
		s.IDs = append(s.IDs, id)
	}
}

// add looks whether a row has the values of another. Rows that miss one of them differ from all.
func (u *set) add(x *inspection, r stored, now map[string]jsontext.Value) {
	var key strings.Builder
	if x.pr.now.PerOrg {
		key.WriteString(r.org + "\n")
	}
	for _, f := range u.Fields {
		wire, changed := now[f.Name]
		switch was := x.before(f); {
		case changed:
		case was != nil:
			wire = r.wires[slices.Index(x.fields, was)]
		case f.Fill != nil && f.Fill.IsText:
			wire = value.Append(nil, f, types.TextValue(f.Fill.Text))
		case f.Fill != nil:
			wire = value.Append(nil, f, types.IntValue(f.Fill.Int))
		default:
			return // a new field without a value
		}
		if wire.Kind() == 'n' {
			return
		}
		key.Write(append(wire, '\n'))
	}
	digest := seal.Hash(key.String())
	if !u.seen[[16]byte(digest[:])] {
		u.seen[[16]byte(digest[:])] = true
		return
	}
	if u.step == nil {
		names := make([]string, len(u.Fields))
		for i, f := range u.Fields {
			names[i] = f.Name
		}
		u.step = &Step{Where: x.pr.now.Name + "." + strings.Join(names, ", "), What: "must be unique"}
	}
	u.step.count(r.id, "duplicate")
}

// conclude turns what was counted into refusals.
func (x *inspection) conclude(border bool) {
	for _, s := range x.steps {
		if s.Rows > 0 {
			s.refuse(s.reason())
		}
	}
	for _, u := range x.sets {
		if u.step != nil {
			u.step.refuse(fmt.Sprintf("%s another row's value; change them under the declaration before", u.step.rows("have", "has")))
			x.m.Steps = append(x.m.Steps, u.step)
		}
	}
	if x.rows == 0 {
		return
	}
	for _, f := range x.pr.arrive {
		s := &Step{Where: x.pr.now.Name + "." + f.Name, What: "is new and mandatory", Rows: x.rows, IDs: x.first}
		s.refuse(s.rows("have", "has") + " no value; add fill: with one, or optional: true")
		x.m.Steps = append(x.m.Steps, s)
	}
	if border {
		s := &Step{Where: x.pr.now.Name, What: "became per: organisation", Rows: x.rows, IDs: x.first}
		name := x.pr.before.name
		s.refuse(s.rows("belong", "belongs") + " to none; under the declaration before, write them to a file (fastness rows export " + name +
			" --system --reason WHY > FILE) and delete them, then start with this declaration and give them to an organisation: fastness rows import " +
			x.pr.now.Name + " FILE --org ID --system --reason WHY")
		x.m.Steps = append(x.m.Steps, s)
	}
}

// rows says how many rows stand in the way and names some.
func (s *Step) rows(many, one string) string {
	ids := strings.Join(s.IDs, ", ")
	if s.Rows == 1 {
		return "1 row (" + ids + ") " + one
	}
	if s.Rows > int64(len(s.IDs)) {
		ids += ", …"
	}
	return fmt.Sprintf("%d rows (%s) %s", s.Rows, ids, many)
}

// reason says what stands in the way and what to do.
func (s *Step) reason() string {
	switch s.Why {
	case unasked:
		return fmt.Sprintf("%s values; to convert them add from: %s to the field, or run: fastness migrate --convert %s", s.rows("hold", "holds"), s.was.form.from(), s.Where)
	case "required":
		return s.rows("have", "has") + " no value; add fill: with one, keep optional: true, or give them one under the declaration before"
	case "not_found":
		return s.rows("refer", "refers") + " to what is not there; change them under the declaration before"
	case "changed":
		return fmt.Sprintf("%s a value that would become another; to have them converted add from: %s to the field, or run: fastness migrate --convert %s", s.rows("hold", "holds"), s.was.form.from(), s.Where)
	case lossy:
		return s.rows("hold", "holds") + " a value that has no exact counterpart; change them under the declaration before"
	}
	if gone := s.gone(); s.Why == "not_one_of" && gone != "" {
		return fmt.Sprintf("%s a value that is no longer there; say what becomes of it: from: {type: %s, map: {%s: NEW}}, or change them under the declaration before",
			s.rows("hold", "holds"), s.was.form.Type, gone)
	}
	return s.rows("hold", "holds") + " a value that does not fit (" + s.Why + "); change them under the declaration before, or keep what it says"
}

// gone is the first value that an enum or a state no longer has.
func (s *Step) gone() string {
	for _, v := range s.was.form.Values {
		if !slices.Contains(s.now.Values, v) && s.names[v] == "" && s.was.form.Type == s.now.Decl.Type {
			return v
		}
	}
	return ""
}

// from is the form as the word from takes it.
func (f Form) from() string {
	out := "{type: " + f.Type
	if f.Type == "decimal" {
		out += fmt.Sprintf(", digits: %d", f.Digits)
	}
	if f.Of != nil {
		out += ", of: " + f.Of.from()
	}
	if f.Profile != "" {
		out += ", profile: " + f.Profile
	}
	if f.Encrypted {
		out += ", encrypted: true"
	}
	return out + "}"
}
