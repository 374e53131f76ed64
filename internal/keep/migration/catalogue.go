package migration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/exact"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// table holds the record: a row for each collection and field, one that counts the migrations, and one for each table of which
// deleted text must still be taken out of the files.
const table = "fastness_catalogue"

var columns = []string{"kind", "id", "parent", "name", "place", "form"}

// Tables are the tables of the record.
func Tables() []store.Table {
	t := store.Table{Name: table, Primary: []string{"kind", "id"}}
	for _, c := range columns {
		t.Columns = append(t.Columns, store.Column{Name: c, Type: store.TextColumn, NotNull: true})
	}
	return []store.Table{t}
}

// Catalogue is what a database records of the declared data.
type Catalogue struct {
	Number      int64    // of migrations that changed it
	Scrub       []string // tables that held what was sealed since
	collections []*collection
}

// collection is a recorded collection. Its table has its name.
type collection struct {
	id, name string
	form     collectionForm
	fields   []*field
}

// collectionForm is what is recorded of a collection itself.
type collectionForm struct {
	Per     string     `json:"per,omitempty"`
	IDs     string     `json:"ids,omitempty"`
	Was     string     `json:"was,omitempty"`
	Uniques [][]string `json:"uniques,omitempty"` // ids of the fields
}

// field is a recorded field and the column that holds it.
type field struct {
	id, name, column string
	form             Form
}

func (c *Catalogue) named(name string) *collection {
	if i := slices.IndexFunc(c.collections, func(x *collection) bool { return x.name == name }); i >= 0 && name != "" {
		return c.collections[i]
	}
	return nil
}

func (c *collection) named(name string) *field {
	if i := slices.IndexFunc(c.fields, func(f *field) bool { return f.name == name }); i >= 0 && name != "" {
		return c.fields[i]
	}
	return nil
}

// side is the side table of a list's column.
func side(collection, column string) string { return store.Name(collection, "__", column) }

var readCatalogue = store.SQL(`SELECT "kind", "id", "parent", "name", "place", "form" FROM "` + table + `" ORDER BY "kind", "id"`)

// Read reads the record of a database whose tables are have. A new database has none: the catalogue is empty then. Tables without a
// record are an error: what they hold cannot be told.
func Read(ctx context.Context, db store.DB, have store.Schema) (*Catalogue, error) {
	c := &Catalogue{}
	there := func(name string) bool {
		return slices.ContainsFunc(have.Tables, func(t store.Table) bool { return t.Name == name })
	}
	if !there(table) {
		if there("accounts") {
			return nil, fmt.Errorf("migration: the database records no types of its fields, so that nobody can tell what it holds; " +
				"write its rows to files with the program that made it, and import them into a new database")
		}
		return c, nil
	}
	return c, db.View(ctx, func(r store.Reader) error {
		*c = Catalogue{}
		rows, err := r.Query(ctx, readCatalogue)
		if err != nil {
			return err
		}
		defer rows.Close()
		byID := map[string]*collection{}
		for rows.Next() {
			id, form := rows.Text(1), []byte(rows.Text(5))
			switch rows.Text(0) {
			case "collection": // sorted before fields
				x := &collection{id: id, name: rows.Text(3)}
				if err := exact.Closed(form, &x.form); err != nil {
					return fmt.Errorf("migration: the record of %s: %w", x.name, err)
				}
				byID[id] = x
				c.collections = append(c.collections, x)
			case "field":
				f := &field{id: id, name: rows.Text(3), column: rows.Text(4)}
				if err := exact.Closed(form, &f.form); err != nil || byID[rows.Text(2)] == nil {
					return fmt.Errorf("migration: the record of field %s: %w", f.name, err)
				}
				byID[rows.Text(2)].fields = append(byID[rows.Text(2)].fields, f)
			case "number":
				if c.Number, err = strconv.ParseInt(rows.Text(3), 10, 64); err != nil {
					return fmt.Errorf("migration: the number of the record: %w", err)
				}
			case "scrub":
				c.Scrub = append(c.Scrub, id)
			}
		}
		return rows.Err()
	})
}

// Of is the catalogue of a plan without a database, with names as ids: what a database of that declaration would record.
func Of(p *plan.Plan) *Catalogue {
	return compare(&Catalogue{}, p, nil, func(name string) string { return name }).now
}

// Between compares two declarations without looking at rows: what would be refused whatever they hold, or would have to be asked for.
func Between(before, now *plan.Plan) []*Step {
	m := compare(Of(before), now, nil, func(name string) string { return name })
	for _, s := range m.Steps {
		if s.Kind == Converted && !s.asked {
			s.refuse("rows with values stand in the way; to convert them add from: " + s.was.form.from())
		}
	}
	return m.Steps
}

// newID makes an id of a collection or field.
func newID(string) string { return string(types.RandomID()) }

// rows are the catalogue as it is stored.
func (c *Catalogue) rows() ([][]store.Literal, error) {
	var out [][]store.Literal
	add := func(kind, id, parent, name, place string, form any) error {
		b, err := json.Marshal(form)
		var row []store.Literal
		for _, text := range []string{kind, id, parent, name, place, string(b)} {
			row = append(row, store.Literal{Text: text, IsText: true})
		}
		out = append(out, row)
		return err
	}
	if err := add("number", "number", "", strconv.FormatInt(c.Number, 10), "", nil); err != nil {
		return nil, err
	}
	for _, t := range c.Scrub {
		if err := add("scrub", t, "", "", "", nil); err != nil {
			return nil, err
		}
	}
	for _, x := range c.collections {
		if err := add("collection", x.id, "", x.name, x.name, x.form); err != nil {
			return nil, err
		}
		for _, f := range x.fields {
			if err := add("field", f.id, x.id, f.name, f.column, f.form); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// next is the column that takes the converted values of a field: its name and a number that no declared name can end in.
func next(name, column string) string {
	n := 1
	if _, suffix, ok := strings.Cut(column, "__"); ok {
		if had, err := strconv.Atoi(suffix); err == nil {
			n = had
		}
	}
	return name + "__" + strconv.Itoa(n+1)
}

// renamed is the column of a field under another name.
func renamed(name, column string) string {
	if _, suffix, ok := strings.Cut(column, "__"); ok {
		return name + "__" + suffix
	}
	return name
}
