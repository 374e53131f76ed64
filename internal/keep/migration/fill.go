package migration

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// digestLen is how many letters of the digest stand in the name of a mark.
const digestLen = 6

// marker ends the name of the column that holds the version of the row of which the converted value beside it was made.
const marker = "__of"

// mark names that column. A digest of the conversion is in the name: what another conversion has filled is not taken for this one's.
func mark(column string, conversion ...any) string {
	said, _ := json.Marshal(conversion) // forms, words and literals: each has a JSON
	sum := seal.Hash(string(said))
	return column + "_" + hex.EncodeToString(sum[:])[:digestLen] + marker
}

// Progress is told how many rows of a field have their converted value.
type Progress func(field string, done, all int64)

// conversion fills one column beside the old one.
type conversion struct {
	d    Data
	pr   *pair
	s    *Step
	text struct{ put, clear, add *store.Stmt }
	side bool
}

// Fill converts in batches what must be converted, beside what is served. It may be stopped at any moment and goes on where it was;
// rows that somebody changes meanwhile are converted again. have are the tables as they are.
func (m *Migration) Fill(ctx context.Context, d Data, have store.Schema, tell Progress) error {
	for _, pr := range m.pairs {
		for _, s := range pr.steps {
			if pr.moved[s.now.Name] != s {
				continue
			}
			c := newConversion(d, pr, s)
			if err := c.prepare(ctx, have); err != nil {
				return err
			}
			if err := c.run(ctx, tell); err != nil {
				return fmt.Errorf("migration: converting %s: %w", s.Where, err)
			}
		}
	}
	return nil
}

func newConversion(d Data, pr *pair, s *Step) *conversion {
	c := &conversion{d: d, pr: pr, s: s, side: s.now.Side != ""}
	table, column := store.Quote(pr.before.name), store.Quote(s.place.Column)
	mark := store.Quote(s.mark)
	c.text.put = store.SQL("UPDATE " + table + " SET " + column + " = ?, " + mark + ` = ? WHERE "id" = ? AND "version" = ?`)
	if c.side {
		c.text.clear = store.SQL("DELETE FROM " + store.Quote(s.place.Side) + ` WHERE "row_id" = ?`)
		c.text.add = store.SQL("INSERT INTO " + store.Quote(s.place.Side) + ` ("row_id", "position", "value") VALUES (?, ?, ?) /* ` + s.mark + ` */`) // a table of another conversion had other types
	}
	return c
}

// prepare makes the column, its marker and, for a list, the side table, unless an interrupted run of this conversion has made them. Of several
// processes that convert at once one makes them; all of them fill.
func (c *conversion) prepare(ctx context.Context, have store.Schema) error {
	var changes []store.Change
	tables := map[string]bool{}
	for _, t := range have.Tables {
		tables[t.Name] = true
	}
	table, f := c.pr.before.name, c.s.now
	marks := c.marks(have)
	if begun := holds(have, table, c.s.place.Column); !begun || !slices.Equal(marks, []string{c.s.mark}) {
		for _, m := range marks { // of other conversions, which were given up: none of them finds its mark beside another's values
			changes = append(changes, store.DropColumn{Table: table, Column: m})
		}
		if begun {
			changes = append(changes, store.DropColumn{Table: table, Column: c.s.place.Column})
			if tables[c.s.place.Side] {
				changes = append(changes, store.DropTable{Table: c.s.place.Side})
				delete(tables, c.s.place.Side)
			}
		}
		column := store.Column{Name: c.s.place.Column, Type: plan.ColumnType(f)}
		changes = append(changes, store.AddColumn{Table: table, Column: column},
			store.AddColumn{Table: table, Column: store.Column{Name: c.s.mark, Type: store.IntColumn}})
	}
	if c.side && !tables[c.s.place.Side] {
		changes = append(changes, store.CreateTable{Table: c.pr.now.SideTable(f, table)})
	}
	err := c.d.DB.Migrate(ctx, changes)
	if err == nil || len(changes) == 0 {
		return err
	}
	if have, e := c.d.schema(ctx); e == nil && holds(have, table, c.s.place.Column) && slices.Equal(c.marks(have), []string{c.s.mark}) {
		return nil // another process made them meanwhile
	}
	return err
}

// marks are the columns that say of what the values of this conversion's column were made.
func (c *conversion) marks(have store.Schema) (out []string) {
	for _, t := range have.Tables {
		for _, col := range t.Columns {
			if rest, ok := strings.CutPrefix(col.Name, c.s.place.Column+"_"); ok && t.Name == c.pr.before.name && len(rest) == digestLen+len(marker) &&
				strings.HasSuffix(rest, marker) {
				out = append(out, col.Name)
			}
		}
	}
	return out
}

// unfilled is the condition under which a row has no converted value of its present version.
func (c *conversion) unfilled() string {
	mark := store.Quote(c.s.mark)
	return "(" + mark + " IS NULL OR " + mark + ` <> "version")`
}

func (c *conversion) run(ctx context.Context, tell Progress) error {
	all, err := c.count(ctx, "1 = 1")
	if err != nil {
		return err
	}
	left, err := c.count(ctx, c.unfilled())
	if err != nil {
		return err
	}
	done, after := all-left, ""
	for {
		rows, err := c.d.read(ctx, c.pr.before, []*field{c.s.was}, after, " AND "+c.unfilled())
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		if err := c.put(ctx, rows); err != nil {
			return err
		}
		after, done = rows[len(rows)-1].id, done+int64(len(rows))
		if tell != nil {
			tell(c.s.Where, min(done, all), all)
		}
	}
}

// filled is one row's converted value: in its column, and its elements.
type filled struct {
	row    stored
	column types.Value
	items  []types.Value
}

// put converts a batch outside the transaction and stores it in one.
func (c *conversion) put(ctx context.Context, rows []stored) error {
	out := make([]filled, 0, len(rows))
	for _, r := range rows {
		v, problem := convert(c.s.was.form.field(), c.s.now, c.s.names, r.wires[0])
		if problem != "" {
			return fmt.Errorf("row %s holds a value that does not fit any more (%s); change it and begin again", r.id, problem)
		}
		x := filled{row: r, column: v, items: v.Items}
		switch {
		case c.s.now.Encrypted && !v.Missing():
			sealed, err := c.d.Ring.Seal(nil, seal.Field, value.Append(nil, c.s.now, v), c.pr.before.id, r.id, c.s.was.id)
			if err != nil {
				return err
			}
			x.column = types.BytesValue(sealed)
		case v.Kind == types.List:
			x.column = types.TextValue(string(value.Append(nil, c.s.now, v)))
		}
		out = append(out, x)
	}
	return c.d.DB.Write(ctx, func(tx store.Tx) error {
		for _, x := range out {
			id := types.TextValue(x.row.id)
			n, err := tx.Exec(ctx, c.text.put, x.column, types.IntValue(x.row.version), id, types.IntValue(x.row.version))
			if err != nil {
				return err
			}
			if n == 0 || !c.side {
				continue // gone or changed since it was read: another turn takes it
			}
			if _, err := tx.Exec(ctx, c.text.clear, id); err != nil {
				return err
			}
			for i, item := range x.items {
				if _, err := tx.Exec(ctx, c.text.add, id, types.IntValue(int64(i)), item); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// count counts rows under a condition, in parts, so that no statement is long.
func (c *conversion) count(ctx context.Context, condition string) (n int64, err error) {
	text := store.SQL(`SELECT count(*), max("id") FROM (SELECT "id" FROM ` + store.Quote(c.pr.before.name) + ` WHERE "id" > ? AND ` + condition + ` ORDER BY "id" LIMIT 20000) x`)
	for after := ""; ; {
		part := int64(0)
		if err := c.d.DB.View(ctx, func(r store.Reader) error {
			rows, err := r.Query(ctx, text, types.TextValue(after))
			if err != nil {
				return err
			}
			defer rows.Close()
			if rows.Next() {
				if part = rows.Int(0); part > 0 {
					after = rows.Text(1)
				}
			}
			return rows.Err()
		}); err != nil || part == 0 {
			return n, err
		}
		n += part
	}
}
