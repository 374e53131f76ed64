package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/fastness-dev/fastness/internal/store"
)

// Migrate runs the changes in one transaction, with readers shut out. Foreign keys are off while tables are rebuilt and
// checked before the commit.
func (db *DB) Migrate(ctx context.Context, changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	db.gate.Lock()
	defer db.gate.Unlock()
	return db.exclusively(ctx, func(c *conn) error {
		if err := c.Exec("PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON; BEGIN IMMEDIATE"); err != nil {
			return translate(err)
		}
		err := apply(c, changes)
		if err == nil {
			err = c.Exec("COMMIT")
		}
		if err != nil {
			c.Exec("ROLLBACK")
		}
		if e := c.Exec("PRAGMA legacy_alter_table=OFF; PRAGMA foreign_keys=ON"); err == nil {
			err = e
		}
		if err == nil {
			err = db.learnIndexes(c)
		}
		return translate(err)
	})
}

// Scrub rewrites the file from what it holds and empties the write-ahead log.
func (db *DB) Scrub(ctx context.Context, _ []string) error {
	db.gate.Lock()
	defer db.gate.Unlock()
	return db.exclusively(ctx, func(c *conn) error {
		return translate(c.Exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"))
	})
}

func apply(c *conn, changes []store.Change) error {
	for _, change := range changes {
		if r, is := change.(store.Require); is {
			var holds int64
			if err := c.scalar("SELECT "+r.That, &holds); err != nil || holds == 0 {
				return errors.Join(store.ErrMoved, fmt.Errorf("store: %s", change.Words()), err)
			}
		}
		for _, sql := range change.SQL(store.SQLite) {
			if err := c.Exec(sql); err != nil {
				return fmt.Errorf("store: %s: %w", change.Words(), err)
			}
		}
	}
	var broken int64
	if err := c.scalar("SELECT count(*) FROM pragma_foreign_key_check", &broken); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("store: the migration would leave %d references that point at nothing", broken)
	}
	return nil
}

// Schema reads the tables of the file, except the engine's own.
func (db *DB) Schema(ctx context.Context) (store.Schema, error) {
	var out store.Schema
	err := db.View(ctx, func(r store.Reader) error {
		c := r.(reader).c
		names, err := c.strings("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'fastness_batch' ORDER BY rowid")
		if err != nil {
			return err
		}
		for _, n := range names {
			t, err := c.table(n[0])
			if err != nil {
				return err
			}
			out.Tables = append(out.Tables, t)
		}
		return nil
	})
	return out, translate(err)
}

// strings reads a small result as text.
func (c *conn) strings(sql string, args ...string) ([][]string, error) {
	p, _, err := c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	for i, a := range args {
		if err := p.BindText(i+1, a); err != nil {
			return nil, err
		}
	}
	var out [][]string
	for p.Step() {
		row := make([]string, p.ColumnCount())
		for i := range row {
			row[i] = p.ColumnText(i)
		}
		out = append(out, row)
	}
	return out, p.Err()
}

func (c *conn) table(name string) (store.Table, error) {
	t := store.Table{Name: name}
	cols, err := c.strings(`SELECT name, type, "notnull", pk FROM pragma_table_info(?)`, name)
	if err != nil {
		return t, err
	}
	primary := map[string]string{}
	for _, col := range cols {
		kind := store.TextColumn
		switch col[1] {
		case "INTEGER":
			kind = store.IntColumn
		case "BLOB":
			kind = store.BytesColumn
		}
		t.Columns = append(t.Columns, store.Column{Name: col[0], Type: kind, NotNull: col[2] == "1"})
		primary[col[3]] = col[0]
	}
	for i := 1; primary[fmt.Sprint(i)] != ""; i++ {
		t.Primary = append(t.Primary, primary[fmt.Sprint(i)])
	}
	if t.Indexes, err = c.indexes(name); err != nil {
		return t, err
	}
	keys, err := c.strings(`SELECT "from", "table", "to", on_delete FROM pragma_foreign_key_list(?) ORDER BY id DESC`, name)
	for _, k := range keys {
		f := store.ForeignKey{Columns: []string{k[0]}, RefTable: k[1], RefColumn: k[2]}
		switch k[3] {
		case "CASCADE":
			f.OnDelete = store.Cascade
		case "SET NULL":
			f.OnDelete = store.SetNull
		}
		t.Foreign = append(t.Foreign, f)
	}
	return t, err
}

func (c *conn) indexes(table string) ([]store.Index, error) {
	list, err := c.strings(`SELECT name, "unique" FROM pragma_index_list(?) WHERE origin = 'c' ORDER BY seq DESC`, table)
	if err != nil {
		return nil, err
	}
	var out []store.Index
	for _, i := range list {
		cols, err := c.strings(`SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno`, i[0])
		if err != nil {
			return nil, err
		}
		index := store.Index{Name: i[0], Unique: i[1] == "1"}
		for _, col := range cols {
			if col[1] == "1" {
				col[0] = "-" + col[0]
			}
			index.Columns = append(index.Columns, col[0])
		}
		out = append(out, index)
	}
	return out, nil
}

// learnIndexes remembers the names of unique indexes: SQLite's error names columns only.
func (db *DB) learnIndexes(c *conn) error {
	rows, err := c.strings(`SELECT m.name, i.name, (SELECT group_concat(x.name, ',') FROM (SELECT name FROM pragma_index_xinfo(i.name) WHERE key = 1 ORDER BY seqno) x)
		FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i."unique" = 1 AND i.origin = 'c'`)
	if err != nil {
		return err
	}
	known := map[string]string{}
	for _, r := range rows {
		known[r[0]+"\x00"+r[2]] = r[1]
	}
	db.mu.Lock()
	db.indexes = known
	db.mu.Unlock()
	return nil
}

// constraint turns SQLite's error into the seam's.
func (db *DB) constraint(err error) error {
	var e *sqlite3.Error
	if !errors.As(err, &e) || e.Code() != sqlite3.CONSTRAINT {
		return db.trouble(err)
	}
	out := &store.ConstraintError{Err: err}
	switch e.ExtendedCode() {
	case sqlite3.CONSTRAINT_UNIQUE, sqlite3.CONSTRAINT_PRIMARYKEY, sqlite3.CONSTRAINT_ROWID:
		out.Kind = store.Unique
	case sqlite3.CONSTRAINT_FOREIGNKEY:
		out.Kind = store.Foreign
	case sqlite3.CONSTRAINT_NOTNULL:
		out.Kind = store.NotNull
	default:
		out.Kind = store.Check
	}
	at := strings.LastIndex(err.Error(), "failed: ")
	if at < 0 {
		return out
	}
	list := err.Error()[at+len("failed: "):]
	for part := range strings.SplitSeq(list, ", ") {
		table, column, _ := strings.Cut(strings.TrimSpace(part), ".")
		out.Table = table
		out.Columns = append(out.Columns, column)
	}
	db.mu.Lock()
	out.Constraint = db.indexes[out.Table+"\x00"+strings.Join(out.Columns, ",")]
	db.mu.Unlock()
	return out
}
