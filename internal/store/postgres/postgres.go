// Package postgres is the engine of store for PostgreSQL, by pgx without database/sql.
//
// Writes are SERIALIZABLE and run again up to five times when PostgreSQL cannot order them; reads are REPEATABLE READ READ ONLY.
// A server that does not promise durability (fsync or synchronous_commit off) is refused, and so is a connection to another host
// whose certificate would not be verified, whichever of several hosts that is, and a pooler that hands each transaction to another session.
// All tables lie in one schema, whose name every connection has as its search path.
//
// The map: postgres.go (Open, Close), connect.go (the URL, what a connection must be), tx.go (View, Write, retries), share.go (connections for
// writes), rows.go (statements, values), schema.go (DDL), errors.go.
package postgres

import (
	"context"
	"errors"
	"log/slog"
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
	Schema    string         // where the tables lie; "" means the search_path of the URL, or public
	Recorder  store.Recorder // turns evidence into rows
	ReadLimit time.Duration  // longest statement; 0 means 2 s
	MaxConns  int32          // 0 means 16; pool_max_conns of the URL comes first
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
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 16
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	pc, err := target(&cfg)
	if err != nil {
		return nil, err
	}
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

// Dialect returns store.Postgres.
func (db *DB) Dialect() store.Dialect { return store.Postgres }

// Ping proves that the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var err error
	for range db.cfg.MaxConns + 1 {
		if err = db.pool.Ping(ctx); !stale(err) {
			break
		}
		db.pool.Reset()
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
