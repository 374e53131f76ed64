package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// Making and dropping some thirty tables is nine tenths of what a short test on PostgreSQL costs. Each therefore keeps the schema of a
// test that is over, emptied, for the next one of this process that wants the same tables. A schema whose tables a test has changed, or
// that cannot be emptied at once, is dropped instead. What a process leaves behind the next one drops.

// shelf holds empty schemas by the tables they have.
var shelf struct {
	sync.Mutex
	free map[string][]string
	once sync.Once
}

// server is where the tests' PostgreSQL is.
func server() string {
	if url := os.Getenv("FASTNESS_TEST_POSTGRES"); url != "" {
		return url
	}
	return "postgres://postgres@127.0.0.1:5432/test"
}

// Database makes an empty database of its own on the test server, dropped afterwards, and returns its URL: for tests of the whole service,
// which opens its database itself. Without a server it skips or fails like Postgres.
func Database(t testing.TB) string {
	t.Helper()
	ctx, name := context.Background(), "fastness_"+strings.ToLower(string(types.RandomID()))
	conn, err := pgx.Connect(ctx, server())
	if err == nil {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	}
	if err != nil {
		absent(t, err)
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("the database %s is left behind: %v", name, err)
		}
		conn.Close(ctx)
	})
	u, err := url.Parse(server())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	query := u.Query()
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	return u.String()
}

// absent skips what needs a server that does not answer, or fails where nothing may be skipped (CI=true).
func absent(t testing.TB, err error) {
	t.Helper()
	hosttest.Missing(t, fmt.Sprintf("PostgreSQL is needed here: %v; set FASTNESS_TEST_POSTGRES", err))
}

// host tells this machine's schemas from another's on a shared server.
func host() string {
	name, _ := os.Hostname()
	h := fnv.New32a()
	h.Write([]byte(name))
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// fresh names a new schema of this process.
func fresh() string {
	return fmt.Sprintf("test_%s_%d_%s", host(), os.Getpid(), strings.ToLower(string(types.RandomID())))
}

// pooled opens a schema of PostgreSQL that has the tables and no rows.
func pooled(t *testing.T, rec store.Recorder, opt Options, tables []store.Table) store.DB {
	t.Helper()
	shelf.once.Do(sweep)
	text, err := json.Marshal(tables)
	if err != nil {
		t.Fatal(err)
	}
	key := string(text)
	shelf.Lock()
	name := ""
	if n := len(shelf.free[key]); n > 0 {
		name, shelf.free[key] = shelf.free[key][n-1], shelf.free[key][:n-1]
	}
	shelf.Unlock()
	made := name == ""
	if made {
		name = fresh()
	}
	db := postgresIn(t, name, rec)
	if made {
		Create(t, db, tables)
	}
	had, err := db.Schema(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		if t.Failed() || !emptied(t, rec, name, had) {
			Drop(t, server(), name)
			return
		}
		shelf.Lock()
		defer shelf.Unlock()
		if shelf.free == nil {
			shelf.free = map[string][]string{}
		}
		shelf.free[key] = append(shelf.free[key], name)
	})
	return db
}

// emptied takes every row out of a schema whose tables are still as they were.
func emptied(t *testing.T, rec store.Recorder, name string, had store.Schema) bool {
	t.Helper()
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Config{URL: types.NewSecret(server()), Schema: name, Recorder: rec, MaxConns: 1})
	if err != nil {
		return false
	}
	has, err := db.Schema(ctx)
	db.Close()
	if err != nil || !reflect.DeepEqual(has, had) {
		return false
	}
	conn, err := pgx.Connect(ctx, server())
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	text := "BEGIN; SET LOCAL lock_timeout = '1s'; SET LOCAL session_replication_role = replica;" // foreign keys wait until all are empty
	for _, table := range has.Tables {
		text += "DELETE FROM " + store.Quote(name) + "." + store.Quote(table.Name) + ";"
	}
	_, err = conn.Exec(ctx, text+"COMMIT")
	return err == nil
}

// sweep drops what processes of this machine that are over have left behind.
func sweep() {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	conn, err := pgx.Connect(ctx, server())
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'test\_`+host()+`\_%'`)
	if err != nil {
		return
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return
	}
	for _, name := range names {
		pid, err := strconv.Atoi(strings.Split(name, "_")[2])
		if err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		if _, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+store.Quote(name)+" CASCADE"); err != nil {
			return // another process is at it
		}
	}
}
