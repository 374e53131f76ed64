package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Change is one step of a migration.
type Change interface {
	// Words says in plain English what the step does, for `plan`.
	Words() string
	// SQL is the step in the dialect; several statements where one does not do.
	SQL(d Dialect) []string
	// Destroys reports whether the step loses data: such steps run only when they were named.
	Destroys() bool
}

// The changes.
type (
	CreateTable struct {
		Table Table
		Later []string // foreign keys whose tables come later: PostgreSQL gets them by AddForeign
	}
	// AddForeign connects two tables that were made before it. SQLite knows the key since CreateTable.
	AddForeign struct {
		Table string
		Key   ForeignKey
	}
	AddColumn struct {
		Table   string
		Column  Column
		Foreign *ForeignKey // the column is a reference
	}
	RenameColumn struct{ Table, From, To string }
	RenameTable  struct{ From, To string }
	DropTable    struct{ Table string }
	CreateIndex  struct {
		Table string
		Index Index
	}
	DropIndex struct{ Table, Name string }
	// DropColumn loses what the column holds. Rebuilt: a Rebuild of the same migration has left it out on SQLite already.
	DropColumn struct {
		Table, Column string
		Rebuilt       bool
	}
	// Nullable makes a column optional or mandatory; only within a Rebuild.
	Nullable struct {
		Table, Column string
		Not           bool
	}
	// ReplaceForeign gives a column another key, or none where Now is nil; only within a Rebuild.
	ReplaceForeign struct {
		Table string
		Was   *ForeignKey
		Now   *ForeignKey
	}
	// Rebuild alters a table in ways that SQLite cannot: there the table is built anew as After says, the documented way.
	Rebuild struct {
		After  Table
		Alters []Change
	}
	// Fill gives the rows without a value one.
	Fill struct {
		Table, Column string
		Value         Literal
	}
	// ReplaceRows gives a small table these rows and no others.
	ReplaceRows struct {
		Table   string
		Columns []string
		Rows    [][]Literal
	}
	// Require stops the migration where the condition does not hold once nobody else writes the tables any more. On SQLite nobody else
	// writes while a migration runs, and the engine asks for the condition itself.
	Require struct {
		Tables []string // locked first
		That   string   // a condition of SQL
		Else   string
	}
)

// Quote makes an identifier safe for SQL. Names come from the plan and hold no quotes; doubling is the second wall.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (c CreateTable) Words() string { return "create table " + c.Table.Name }
func (c AddForeign) Words() string {
	return fmt.Sprintf("let %s refer to %s", c.Table, c.Key.RefTable)
}
func (c AddColumn) Words() string {
	return fmt.Sprintf("add column %s to %s", c.Column.Name, c.Table)
}
func (c RenameColumn) Words() string {
	return fmt.Sprintf("rename column %s of %s to %s", c.From, c.Table, c.To)
}
func (c RenameTable) Words() string { return fmt.Sprintf("rename table %s to %s", c.From, c.To) }
func (c DropColumn) Words() string {
	return fmt.Sprintf("DROP column %s of %s and what it holds", c.Column, c.Table)
}
func (c DropTable) Words() string { return fmt.Sprintf("DROP table %s and all its rows", c.Table) }
func (c CreateIndex) Words() string {
	kind := "index"
	if c.Index.Unique {
		kind = "unique index"
	}
	return fmt.Sprintf("create %s %s on %s (%s)", kind, c.Index.Name, c.Table, strings.Join(c.Index.Columns, ", "))
}
func (c DropIndex) Words() string { return fmt.Sprintf("drop index %s", c.Name) }
func (c Rebuild) Words() string {
	words := make([]string, len(c.Alters))
	for i, a := range c.Alters {
		words[i] = a.Words()
	}
	return strings.Join(words, "; ")
}
func (c ReplaceForeign) Words() string {
	if c.Now == nil {
		return fmt.Sprintf("let %s of %s refer to nothing", strings.Join(c.Was.Columns, ", "), c.Table)
	}
	does := map[OnDelete]string{Restrict: "refuse", Cascade: "cascade", SetNull: "clear"}[c.Now.OnDelete]
	return fmt.Sprintf("let %s of %s refer to %s, on_delete: %s", strings.Join(c.Now.Columns, ", "), c.Table, c.Now.RefTable, does)
}
func (c Fill) Words() string {
	return fmt.Sprintf("give rows of %s without %s the value that fill names", c.Table, c.Column)
}
func (c ReplaceRows) Words() string {
	return "write down in " + c.Table + " what the database holds now"
}
func (c Require) Words() string { return "check that " + c.Else }
func (c Nullable) Words() string {
	if c.Not {
		return fmt.Sprintf("make column %s of %s mandatory", c.Column, c.Table)
	}
	return fmt.Sprintf("make column %s of %s optional", c.Column, c.Table)
}

func (CreateTable) Destroys() bool    { return false }
func (AddForeign) Destroys() bool     { return false }
func (AddColumn) Destroys() bool      { return false }
func (RenameColumn) Destroys() bool   { return false }
func (RenameTable) Destroys() bool    { return false }
func (DropColumn) Destroys() bool     { return true }
func (DropTable) Destroys() bool      { return true }
func (CreateIndex) Destroys() bool    { return false }
func (DropIndex) Destroys() bool      { return false }
func (Nullable) Destroys() bool       { return false }
func (ReplaceForeign) Destroys() bool { return false }
func (Rebuild) Destroys() bool        { return false }
func (Fill) Destroys() bool           { return false }
func (ReplaceRows) Destroys() bool    { return false }
func (Require) Destroys() bool        { return false }

func (c CreateTable) SQL(d Dialect) []string {
	t := c.Table
	if d == Postgres {
		t.Foreign = slices.DeleteFunc(slices.Clone(t.Foreign), func(f ForeignKey) bool { return slices.Contains(c.Later, f.Name) })
	}
	out := []string{tableSQL(d, t, t.Name)}
	for _, i := range c.Table.Indexes {
		out = append(out, indexSQL(d, c.Table.Name, i))
	}
	return out
}

func (c AddForeign) SQL(d Dialect) []string {
	if d == SQLite {
		return nil
	}
	return []string{"ALTER TABLE " + Quote(c.Table) + " ADD " + foreignSQL(c.Key)}
}

func (c AddColumn) SQL(d Dialect) []string {
	col := columnSQL(d, c.Column)
	if c.Column.Default != nil {
		col += " DEFAULT " + literalSQL(*c.Column.Default)
	}
	add := "ALTER TABLE " + Quote(c.Table) + " ADD COLUMN " + col
	if c.Foreign == nil {
		return []string{add}
	}
	if d == SQLite {
		return []string{add + " " + referenceSQL(*c.Foreign)}
	}
	return []string{add, "ALTER TABLE " + Quote(c.Table) + " ADD " + foreignSQL(*c.Foreign)}
}

func (c RenameColumn) SQL(Dialect) []string {
	return []string{"ALTER TABLE " + Quote(c.Table) + " RENAME COLUMN " + Quote(c.From) + " TO " + Quote(c.To)}
}

// SQL: SQLite lets the keys of other tables follow the name only outside its legacy mode, which a Rebuild needs.
func (c RenameTable) SQL(d Dialect) []string {
	rename := "ALTER TABLE " + Quote(c.From) + " RENAME TO " + Quote(c.To)
	if d == SQLite {
		return []string{"PRAGMA legacy_alter_table=OFF", rename, "PRAGMA legacy_alter_table=ON"}
	}
	return []string{rename}
}

func (c DropColumn) SQL(d Dialect) []string {
	if c.Rebuilt && d == SQLite {
		return nil
	}
	return []string{"ALTER TABLE " + Quote(c.Table) + " DROP COLUMN " + Quote(c.Column)}
}

// SQL: PostgreSQL drops with a table the keys by which others point at it, which have no use without it.
func (c DropTable) SQL(d Dialect) []string {
	if d == Postgres {
		return []string{"DROP TABLE " + Quote(c.Table) + " CASCADE"}
	}
	return []string{"DROP TABLE " + Quote(c.Table)}
}

func (c CreateIndex) SQL(d Dialect) []string { return []string{indexSQL(d, c.Table, c.Index)} }

func (c DropIndex) SQL(Dialect) []string { return []string{"DROP INDEX " + Quote(c.Name)} }

// SQL alters a column on PostgreSQL. On SQLite the Rebuild around it does the work.
func (c Nullable) SQL(d Dialect) []string {
	if d == SQLite {
		return nil
	}
	verb := " DROP NOT NULL"
	if c.Not {
		verb = " SET NOT NULL"
	}
	return []string{"ALTER TABLE " + Quote(c.Table) + " ALTER COLUMN " + Quote(c.Column) + verb}
}

// SQL replaces a constraint on PostgreSQL. On SQLite the Rebuild around it does the work.
func (c ReplaceForeign) SQL(d Dialect) []string {
	if d == SQLite {
		return nil
	}
	var out []string
	if c.Was != nil {
		out = append(out, "ALTER TABLE "+Quote(c.Table)+" DROP CONSTRAINT "+Quote(c.Was.Name))
	}
	if c.Now != nil {
		out = append(out, "ALTER TABLE "+Quote(c.Table)+" ADD "+foreignSQL(*c.Now))
	}
	return out
}

// SQL builds the table anew on SQLite, the documented way: new table, copy, drop, rename, indexes.
func (c Rebuild) SQL(d Dialect) []string {
	var out []string
	if d == Postgres {
		for _, a := range c.Alters {
			out = append(out, a.SQL(d)...)
		}
		return out
	}
	cols := make([]string, 0, len(c.After.Columns))
	for _, col := range c.After.Columns {
		cols = append(cols, Quote(col.Name))
	}
	name, tmp, list := c.After.Name, c.After.Name+"__new", strings.Join(cols, ", ")
	out = []string{
		tableSQL(d, c.After, tmp),
		"INSERT INTO " + Quote(tmp) + " (" + list + ") SELECT " + list + " FROM " + Quote(name),
		"DROP TABLE " + Quote(name),
		"ALTER TABLE " + Quote(tmp) + " RENAME TO " + Quote(name),
	}
	for _, i := range c.After.Indexes {
		out = append(out, indexSQL(d, name, i))
	}
	return out
}

func (c Fill) SQL(Dialect) []string {
	column := Quote(c.Column)
	return []string{"UPDATE " + Quote(c.Table) + " SET " + column + " = " + literalSQL(c.Value) + " WHERE " + column + " IS NULL"}
}

func (c ReplaceRows) SQL(Dialect) []string {
	out := []string{"DELETE FROM " + Quote(c.Table)}
	for _, row := range c.Rows {
		values := make([]string, len(row))
		for i, v := range row {
			values[i] = literalSQL(v)
		}
		out = append(out, "INSERT INTO "+Quote(c.Table)+" ("+quoteAll(c.Columns)+") VALUES ("+strings.Join(values, ", ")+")")
	}
	return out
}

func (c Require) SQL(d Dialect) []string {
	if d == SQLite {
		return nil
	}
	var out []string
	for _, t := range c.Tables {
		out = append(out, "LOCK TABLE "+Quote(t)+" IN ACCESS EXCLUSIVE MODE")
	}
	message := literalSQL(Literal{Text: c.Else, IsText: true})
	return append(out, "DO $require$ BEGIN IF NOT ("+c.That+") THEN RAISE EXCEPTION USING MESSAGE = "+message+"; END IF; END $require$")
}

func tableSQL(d Dialect, t Table, name string) string {
	parts := make([]string, 0, len(t.Columns)+len(t.Foreign)+1)
	for _, c := range t.Columns {
		parts = append(parts, columnSQL(d, c))
	}
	if len(t.Primary) > 0 {
		parts = append(parts, "PRIMARY KEY ("+quoteAll(t.Primary)+")")
	}
	for _, f := range t.Foreign {
		parts = append(parts, foreignSQL(f))
	}
	s := "CREATE TABLE " + Quote(name) + " (" + strings.Join(parts, ", ") + ")"
	if d == SQLite {
		s += " STRICT"
	}
	return s
}

func columnSQL(d Dialect, c Column) string {
	s := Quote(c.Name) + " " + typeSQL(d, c.Type)
	if c.NotNull {
		s += " NOT NULL"
	}
	return s
}

func typeSQL(d Dialect, t ColumnType) string {
	switch {
	case t == IntColumn && d == SQLite:
		return "INTEGER"
	case t == IntColumn:
		return "BIGINT"
	case t == BytesColumn && d == SQLite:
		return "BLOB"
	case t == BytesColumn:
		return "BYTEA"
	case d == Postgres:
		return `TEXT COLLATE "C"`
	}
	return "TEXT"
}

func foreignSQL(f ForeignKey) string {
	return "CONSTRAINT " + Quote(f.Name) + " FOREIGN KEY (" + quoteAll(f.Columns) + ") " + referenceSQL(f)
}

func referenceSQL(f ForeignKey) string {
	s := "REFERENCES " + Quote(f.RefTable) + " (" + Quote(f.RefColumn) + ")"
	switch f.OnDelete {
	case Cascade:
		s += " ON DELETE CASCADE"
	case SetNull:
		s += " ON DELETE SET NULL"
	}
	return s
}

// indexSQL puts missing values below all others, as SQLite does by itself.
func indexSQL(d Dialect, table string, i Index) string {
	s := "CREATE "
	if i.Unique {
		s += "UNIQUE "
	}
	first, last := "", ""
	if d == Postgres && !i.Unique {
		first, last = " NULLS FIRST", " NULLS LAST"
	}
	cols := make([]string, 0, len(i.Columns))
	for _, c := range i.Columns {
		if name, down := strings.CutPrefix(c, "-"); down {
			cols = append(cols, Quote(name)+" DESC"+last)
		} else {
			cols = append(cols, Quote(c)+first)
		}
	}
	s += "INDEX " + Quote(i.Name) + " ON " + Quote(table) + " (" + strings.Join(cols, ", ") + ")"
	if i.Where != "" {
		s += " WHERE " + i.Where
	}
	return s
}

func literalSQL(l Literal) string {
	if !l.IsText {
		return strconv.FormatInt(l.Int, 10)
	}
	return "'" + strings.ReplaceAll(l.Text, "'", "''") + "'"
}

func quoteAll(names []string) string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, Quote(n))
	}
	return strings.Join(out, ", ")
}
