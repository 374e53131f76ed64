// Package postgres is the engine of store for PostgreSQL, by pgx without database/sql.
//
// Writes are SERIALIZABLE and run again up to five times when PostgreSQL cannot order them; reads are REPEATABLE READ READ ONLY.
// A server that does not promise durability (fsync or synchronous_commit off) is refused, and so is a connection to another host
// whose certificate would not be verified. All tables lie in one schema, whose name every connection has as its search path.
//
// The map: postgres.go (Open, Close), tx.go (View, Write, retries), share.go (connections for writes), rows.go (statements, values), schema.go (DDL), errors.go.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Config says what to open. URL and Recorder are required.
type Config struct {
	URL       types.Secret   // postgres://user:password@host:port/database
	Schema    string         // where the tables lie; "" means public
	Recorder  store.Recorder // turns evidence into rows
	ReadLimit time.Duration  // longest statement; 0 means 2 s
	MaxConns  int32          // 0 means 16
	Log       *slog.Logger   // nil means silence
}

// DB is an open database. It implements store.DB.
type DB struct {
	cfg    Config
	pool   *pgxpool.Pool
	writes writes
	texts  sync.Map // *store.Stmt to its text with $1, $2, …
}

var _ store.DB = (*DB)(nil)

// Open connects and checks what the server promises.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Recorder == nil {
		return nil, errors.New("store: open: a recorder of evidence is required")
	}
	if cfg.ReadLimit == 0 {
		cfg.ReadLimit = 2 * time.Second
	}
	if cfg.Schema == "" {
		cfg.Schema = "public"
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 16
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	pc, err := pgxpool.ParseConfig(cfg.URL.Reveal())
	if err != nil {
		return nil, errors.New("store: the URL of the database cannot be read; write postgres://user:password@host:port/database")
	}
	if !local(pc.ConnConfig.Host) && !strings.Contains(cfg.URL.Reveal(), "sslmode=verify-full") {
		return nil, errors.New("store: the database is on another host: add sslmode=verify-full to its URL, so that nobody can stand between")
	}
	pc.MaxConns = cfg.MaxConns
	pc.ConnConfig.ConnectTimeout = cfg.ReadLimit
	pc.ConnConfig.RuntimeParams["search_path"] = store.Quote(cfg.Schema)
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pc.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(cfg.ReadLimit.Milliseconds())
	pc.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, translate(err)
	}
	db := &DB{cfg: cfg, pool: pool, writes: sharedWrites(int(cfg.MaxConns))}
	if err := db.promises(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// local reports whether the host is this machine: a socket or a loopback address.
func local(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// promises refuses a server on which an acknowledged write may be lost.
func (db *DB) promises(ctx context.Context) error {
	var fsync, commit string
	err := db.pool.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit')").Scan(&fsync, &commit)
	if err != nil {
		return translate(err)
	}
	if fsync != "on" || commit == "off" {
		return fmt.Errorf("store: the server does not promise durability (fsync=%s, synchronous_commit=%s); turn both on", fsync, commit)
	}
	_, err = db.pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+store.Quote(db.cfg.Schema))
	return translate(err)
}

// Dialect returns store.Postgres.
func (db *DB) Dialect() store.Dialect { return store.Postgres }

// Ping proves that the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var err error
	for range db.cfg.MaxConns + 1 {
		if err = db.pool.Ping(ctx); !stale(err) {
			break
		}
	}
	return translate(err)
}

// Meters are how many connections to the database are in use and how many are open.
func (db *DB) Meters() map[string]func() int64 {
	return map[string]func() int64{"fastness_store_connections_used": func() int64 { return int64(db.pool.Stat().AcquiredConns()) },
		"fastness_store_connections": func() int64 { return int64(db.pool.Stat().TotalConns()) }}
}

// Close closes every connection.
func (db *DB) Close() error {
	db.pool.Close()
	return nil
}

var readOnly = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
var serializable = pgx.TxOptions{IsoLevel: pgx.Serializable}
