// Package storetest runs a suite on every engine of store: Each gives a test an empty database of each kind, and Run is
// the conformance suite that an engine must pass. PostgreSQL is taken from FASTNESS_TEST_POSTGRES (a URL), else tried at
// 127.0.0.1:5432, database test; without it tests say loudly what they skipped, and fail when CI=true.
package storetest

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/types"
)

// Recorder keeps evidence as rows of a small table of its own, for tests that have no ledger.
type Recorder struct{}

// Table is what Recorder writes to; Each creates it.
var Table = store.Table{Name: "evidence", Primary: []string{"id"}, Columns: []store.Column{
	{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "event", Type: store.TextColumn, NotNull: true},
	{Name: "outcome", Type: store.IntColumn, NotNull: true}, {Name: "code", Type: store.TextColumn},
	{Name: "account", Type: store.TextColumn}, {Name: "row_id", Type: store.TextColumn},
}}

var insert = store.SQL("INSERT INTO evidence (id, event, outcome, code, account, row_id) VALUES (?, ?, ?, ?, ?, ?)")

// Record writes one row.
func (Recorder) Record(ctx context.Context, tx store.Tx, e types.Entry) error {
	_, err := tx.Exec(ctx, insert, types.IDValue(types.RandomID()), types.TextValue(string(e.Event)),
		types.IntValue(int64(e.Outcome)), types.TextValue(e.Code), types.IDValue(e.Account), types.IDValue(e.Row))
	return err
}

// Options say how Each opens its databases.
type Options struct {
	Tables   []store.Table  // created before the test; Recorder's table comes on top when Recorder is nil
	Recorder store.Recorder // nil: Recorder{}
}

// Patience is the limit of a query, and in SQLite of a write function: a test of something else does not fail for a machine that is slow
// today, or made slow by the race detector.
const Patience = 20 * time.Second

// Each runs fn once per engine on an empty database with the tables of opt. The database is closed afterwards, and removed or emptied for the next test.
func Each(t *testing.T, opt Options, fn func(t *testing.T, db store.DB)) {
	t.Helper()
	rec := opt.Recorder
	tables := opt.Tables
	if rec == nil {
		rec, tables = Recorder{}, append([]store.Table{Table}, tables...)
	}
	t.Run("sqlite", func(t *testing.T) {
		db, err := sqlite.Open(sqlite.Config{Dir: t.TempDir(), Recorder: rec, ReadLimit: Patience, WriteTime: Patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		Create(t, db, tables)
		fn(t, db)
	})
	if OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) { fn(t, pooled(t, rec, opt, tables)) })
	}
}

// OnPostgres reports whether a test runs on PostgreSQL as well. FASTNESS_TEST_POSTGRES_FOR names those that do, with commas between; unset,
// all do. It is for saboteurs: what a removed control turns red besides its own test shows on SQLite, in a third of the time.
func OnPostgres(test string) bool {
	named, some := os.LookupEnv("FASTNESS_TEST_POSTGRES_FOR")
	top, _, _ := strings.Cut(test, "/")
	return !some || slices.Contains(strings.Split(named, ","), top)
}

// Postgres opens an empty schema of the test server, dropped afterwards. Without a server it says so and skips, or fails where
// nothing may be skipped (CI=true).
func Postgres(t testing.TB, rec store.Recorder) store.DB {
	t.Helper()
	schema := fresh()
	db := postgresIn(t, schema, rec)
	t.Cleanup(func() { Drop(t, server(), schema) })
	return db
}

func postgresIn(t testing.TB, schema string, rec store.Recorder) store.DB {
	t.Helper()
	db, err := postgres.Open(context.Background(), postgres.Config{URL: types.NewSecret(server()), Schema: schema, Recorder: rec, ReadLimit: Patience, MaxConns: 12})
	if err != nil {
		absent(t, err)
	}
	return db
}

// Create makes the tables.
func Create(t testing.TB, db store.DB, tables []store.Table) {
	t.Helper()
	have, err := db.Schema(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(context.Background(), store.Diff(have, store.Schema{Tables: tables}, store.Renames{})); err != nil {
		t.Fatal(err)
	}
}

// Rows runs a query and returns its rows as values, for assertions.
func Rows(t testing.TB, db store.DB, sql string, args ...types.Value) [][]string {
	t.Helper()
	var out [][]string
	err := db.View(context.Background(), func(r store.Reader) error {
		var err error
		out, err = Collect(r, len(columns(sql)), store.SQL(sql), args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Collect reads n text columns of every row; NULL reads "NULL".
func Collect(r store.Reader, n int, s *store.Stmt, args ...types.Value) ([][]string, error) {
	rows, err := r.Query(context.Background(), s, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]string
	for rows.Next() {
		row := make([]string, n)
		for i := range row {
			row[i] = "NULL"
			if !rows.Missing(i) {
				row[i] = string(rows.Bytes(i))
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// Drop removes a test's schema.
func Drop(t testing.TB, url, schema string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err == nil {
		_, err = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+store.Quote(schema)+" CASCADE")
		conn.Close(ctx)
	}
	if err != nil {
		t.Errorf("the schema %s is left behind: %v", schema, err)
	}
}
