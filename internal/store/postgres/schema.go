package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fastness-dev/fastness/internal/store"
)

// Migrate runs the changes in one transaction under an advisory lock, so that two processes never migrate at once.
func (db *DB) Migrate(ctx context.Context, changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	return translate(pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(hashtext('fastness migrate'), hashtext(current_schema()))"); err != nil {
			return err
		}
		for _, c := range changes {
			for _, sql := range c.SQL(store.Postgres) {
				if _, err := tx.Exec(ctx, sql); denied(err) {
					return fmt.Errorf("store: %s: the role may not; let the owner of the schema run: GRANT USAGE, CREATE ON SCHEMA %s TO …, and own the tables: %w",
						c.Words(), store.Quote(db.cfg.Schema), err)
				} else if err != nil {
					if _, is := c.(store.Require); is || beaten(err) {
						err = errors.Join(store.ErrMoved, err)
					}
					return fmt.Errorf("store: %s: %w", c.Words(), err)
				}
			}
		}
		return nil
	}))
}

// beaten reports whether a change failed by what another server wrote at the same moment: a deadlock, or a row that breaks what the change
// demands.
func beaten(err error) bool {
	return again(err) || constraint(err) != nil
}

// Scrub rewrites the tables. What the server's own log and its base backups hold goes when those expire.
func (db *DB) Scrub(ctx context.Context, tables []string) error {
	return db.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if _, err := c.Exec(ctx, "SET statement_timeout = 0"); err != nil {
			return translate(err)
		}
		for _, t := range tables {
			if _, err := c.Exec(ctx, "VACUUM (FULL) "+store.Quote(t)); err != nil {
				return translate(err)
			}
		}
		_, err := c.Exec(ctx, "RESET statement_timeout")
		return translate(err)
	})
}

const (
	columnsSQL = `SELECT c.relname, a.attname, t.typname, a.attnotnull FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
		WHERE n.nspname = $1 AND c.relkind = 'r' ORDER BY c.oid, a.attnum`
	indexesSQL = `SELECT c.relname, i.relname, x.indisunique, x.indisprimary, a.attname, (x.indoption[k.n - 1] & 1) = 1
		FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k(att, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.att
		WHERE n.nspname = $1 ORDER BY c.oid, i.oid, k.n`
	foreignSQL = `SELECT c.relname, f.conname, a.attname, p.relname, b.attname, f.confdeltype::text
		FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1] JOIN pg_attribute b ON b.attrelid = p.oid AND b.attnum = f.confkey[1]
		WHERE n.nspname = $1 AND f.contype = 'f' ORDER BY f.oid`
)

// Schema reads the tables of the engine's schema from the catalogue, as they are at one moment: another replica may be making them.
func (db *DB) Schema(ctx context.Context) (out store.Schema, err error) {
	err = pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		out, err = db.tables(ctx, tx)
		return err
	})
	return out, translate(err)
}

// errTorn: an index or a key of a table that was not there a statement before.
var errTorn = errors.New("store: the tables changed while they were read")

func (db *DB) tables(ctx context.Context, tx pgx.Tx) (store.Schema, error) {
	var out store.Schema
	at := map[string]int{}
	var table, name, kind, to, ref string
	var yes, primary, down bool
	read := func(sql string, scan []any, fn func()) error {
		rows, err := tx.Query(ctx, sql, db.cfg.Schema)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, scan, func() error {
			if _, known := at[table]; !known && sql != columnsSQL {
				return errTorn
			}
			fn()
			return nil
		})
		return err
	}
	err := read(columnsSQL, []any{&table, &name, &kind, &yes}, func() {
		if _, known := at[table]; !known {
			at[table] = len(out.Tables)
			out.Tables = append(out.Tables, store.Table{Name: table})
		}
		t := &out.Tables[at[table]]
		class := store.TextColumn
		switch kind {
		case "int8":
			class = store.IntColumn
		case "bytea":
			class = store.BytesColumn
		}
		t.Columns = append(t.Columns, store.Column{Name: name, Type: class, NotNull: yes})
	})
	if err == nil {
		err = read(indexesSQL, []any{&table, &name, &yes, &primary, &kind, &down}, func() {
			t := &out.Tables[at[table]]
			if primary {
				t.Primary = append(t.Primary, kind)
				return
			}
			if down {
				kind = "-" + kind
			}
			if n := len(t.Indexes); n > 0 && t.Indexes[n-1].Name == name {
				t.Indexes[n-1].Columns = append(t.Indexes[n-1].Columns, kind)
				return
			}
			t.Indexes = append(t.Indexes, store.Index{Name: name, Columns: []string{kind}, Unique: yes})
		})
	}
	if err == nil {
		var deletes string
		err = read(foreignSQL, []any{&table, &name, &kind, &to, &ref, &deletes}, func() {
			f := store.ForeignKey{Name: name, Columns: []string{kind}, RefTable: to, RefColumn: ref}
			switch deletes {
			case "c":
				f.OnDelete = store.Cascade
			case "n":
				f.OnDelete = store.SetNull
			}
			t := &out.Tables[at[table]]
			t.Foreign = append(t.Foreign, f)
		})
	}
	return out, err
}
