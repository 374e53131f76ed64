// Package sqlite is the embedded engine of store: SQLite through a direct, cgo-free API.
//
// One goroutine writes. Requests that wait while it commits are taken into its next transaction, each in a savepoint of
// its own, and answered together after one durable commit (group commit, synchronous=FULL). Reads run on connections of
// their own, opened when they are first needed, on WAL snapshots. One process holds the data directory.
//
// The map: sqlite.go (Open, Close, the lock), full.go (a full disk), conn.go (connections, statements, rows), reader.go (View), queue.go
// (whose turn it is), writer.go (group commit), migrate.go and schema.go (DDL).
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-sqlite3"
	"golang.org/x/sys/unix"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Format is the version of the file's own layout; a file with a higher one was written by a newer program.
const Format = 1

// Config says what to open. Dir and Recorder are required.
type Config struct {
	Dir       string         // data directory; made with mode 0700 if it is missing
	Recorder  store.Recorder // turns evidence into rows
	ReadLimit time.Duration  // longest read statement; 0 means 2 s
	WriteTime time.Duration  // longest write function; 0 means 250 ms
	Readers   int            // reading connections at most; 0 means 4
	VFS       string         // name of a registered SQLite file layer, for fault tests; "" means the operating system's
	Log       *slog.Logger   // nil means silence
}

// DB is an open database. It implements store.DB.
type DB struct {
	commits atomic.Int64
	cfg     Config
	lock    *os.File
	file    *os.File // the database itself, locked; nil with another VFS

	queue   *queue
	clock   types.Clock   // for how long a commit takes members
	stopped chan struct{} // closed when the writer has ended
	closing chan struct{}
	once    sync.Once
	writer  *conn
	batch   int64 // number of the last batch
	guarded int   // how many of the next batches have a savepoint around each member; the writer's own

	slots    chan struct{} // bounds reading connections
	mu       sync.Mutex
	idle     []*conn
	changes  int64             // by the writer, so far
	changing bool              // the writer is at work: no reader keeps its snapshot
	indexes  map[string]string // "table\x00col,col" to the unique index's name
	gate     sync.RWMutex      // Migrate excludes readers
}

var _ store.DB = (*DB)(nil)

// Open opens or makes the database DIR/fastness.db and takes the directory's lock. Errors: store.ErrBusy when another
// process holds it, store.ErrNewer when a newer program wrote it.
func Open(cfg Config) (*DB, error) {
	if cfg.Recorder == nil {
		return nil, errors.New("store: open: a recorder of evidence is required")
	}
	if cfg.ReadLimit == 0 {
		cfg.ReadLimit = 2 * time.Second
	}
	if cfg.WriteTime == 0 {
		cfg.WriteTime = 250 * time.Millisecond
	}
	if cfg.Readers == 0 {
		cfg.Readers = 4
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	lock, err := store.LockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, lock: lock, queue: newQueue(), clock: types.SystemClock{}, stopped: make(chan struct{}), closing: make(chan struct{}),
		slots: make(chan struct{}, cfg.Readers)}
	if cfg.VFS == "" {
		if db.file, err = store.LockFile(filepath.Join(cfg.Dir, "fastness.db")); err != nil {
			lock.Close()
			return nil, err
		}
	}
	if err := db.prepare(); err != nil {
		db.unlock()
		return nil, err
	}
	go db.write()
	return db, nil
}

// prepare opens the writer's connection and checks the file's format.
func (db *DB) prepare() error {
	c, err := db.connect(false)
	if err != nil {
		return err
	}
	db.writer = c
	var format int64
	if err := c.scalar("PRAGMA user_version", &format); err != nil {
		c.Close()
		return translate(err)
	}
	if format > Format {
		c.Close()
		return fmt.Errorf("%w: its format is %d and this program knows %d; start the newer program", store.ErrNewer, format, Format)
	}
	err = c.Exec(fmt.Sprintf("PRAGMA user_version=%d; CREATE TABLE IF NOT EXISTS fastness_batch (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;"+
		"INSERT OR IGNORE INTO fastness_batch VALUES (1, 0)", Format))
	if err == nil {
		err = c.scalar("SELECT number FROM fastness_batch", &db.batch)
	}
	if err == nil {
		err = db.learnIndexes(c)
	}
	if err != nil {
		c.Close()
		return translate(err)
	}
	return nil
}

// escape keeps a folder's name from being read as the end of a URI's path: "data#1" would open "data".
var escape = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")

// connect opens a connection with the settings that durability and safety rest on.
func (db *DB) connect(read bool) (*conn, error) {
	path := filepath.Join(db.cfg.Dir, "fastness.db")
	uri := "file:" + escape.Replace(path) + "?_pragma=busy_timeout(10000)"
	if db.cfg.VFS != "" {
		uri += "&vfs=" + db.cfg.VFS
	}
	flags := sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE | sqlite3.OPEN_URI
	raw, err := sqlite3.OpenFlags(uri, flags)
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, translate(err))
	}
	pragmas := "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
	if read {
		pragmas += "PRAGMA query_only=ON; PRAGMA cache_size=-8192;"
	} else {
		pragmas += "PRAGMA cache_size=-16384;"
	}
	if err := raw.Exec(pragmas); err != nil {
		raw.Close()
		return nil, fmt.Errorf("store: open %s: %w", path, translate(err))
	}
	os.Chmod(path, 0o600)
	return &conn{Conn: raw, kept: map[*store.Stmt]*sqlite3.Stmt{}}, nil
}

// Dialect returns store.SQLite.
func (db *DB) Dialect() store.Dialect { return store.SQLite }

// Ping runs the smallest query.
func (db *DB) Ping(ctx context.Context) error {
	return db.View(ctx, func(r store.Reader) error {
		rows, err := r.Query(ctx, ping)
		if err != nil {
			return err
		}
		return rows.Close()
	})
}

var ping = store.SQL("SELECT 1")

// Close waits for accepted writes to finish and closes everything.
func (db *DB) Close() error {
	db.once.Do(func() { close(db.closing) })
	<-db.stopped
	for range cap(db.slots) {
		db.slots <- struct{}{} // readers have finished
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, c := range db.idle {
		c.Close()
	}
	db.idle = nil
	var err error
	if db.writer != nil {
		err = db.writer.Close()
	}
	db.unlock()
	return err
}

// unlock lets go of the database, when no connection is left.
func (db *DB) unlock() {
	if db.file != nil {
		db.file.Close()
	}
	db.lock.Close()
}

// translate gives SQLite's errors the kinds of the house. A quota and a limit on file sizes are a full storage too.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return slow(err)
	}
	if errors.Is(err, sqlite3.FULL) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return storageFull(err)
	}
	if errors.Is(err, sqlite3.INTERRUPT) {
		return slow(err)
	}
	for _, code := range []sqlite3.ErrorCode{sqlite3.BUSY, sqlite3.LOCKED, sqlite3.IOERR, sqlite3.CANTOPEN, sqlite3.READONLY} {
		if errors.Is(err, code) {
			return &types.Error{Kind: types.Unavailable, Code: "storage_unavailable", Detail: "the storage does not answer; try again later",
				RetryAfter: 5 * time.Second, Err: err}
		}
	}
	return err
}

func slow(err error) error {
	return &types.Error{Kind: types.Unavailable, Code: "too_slow", Detail: "the query took too long; ask for less", RetryAfter: time.Second, Err: err}
}
