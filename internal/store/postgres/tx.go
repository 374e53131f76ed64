package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// attempts is how often a write function runs before the caller is told to come back.
const attempts = 6

// View runs fn on one snapshot.
func (db *DB) View(ctx context.Context, fn func(store.Reader) error) error {
	tx, end, err := db.begin(ctx, readOnly)
	if err != nil {
		return err
	}
	defer end()
	r := &reader{db: db, tx: tx, asked: ctx}
	if err = types.Ended(ctx); err != nil {
		return err
	}
	if err = fn(r); r.failed != nil { // whatever fn made of it: nothing is there is not what a query says that failed
		return r.failed
	}
	return err
}

// begin opens a transaction that cannot outlast its patience, so that a connection which swallows everything (a network that was
// cut, a proxy that hangs) is an error and not a wait. end rolls back what was not committed.
func (db *DB) begin(ctx context.Context, opt pgx.TxOptions) (tx pgx.Tx, end func(), err error) {
	patience := db.cfg.ReadLimit + time.Second
	if opt.AccessMode != pgx.ReadOnly {
		patience *= 2 // several statements, each of which may wait for a lock
	}
	opening, cancel := context.WithTimeout(ctx, db.cfg.ReadLimit+time.Second)
	defer cancel()
	var pooled *pgxpool.Conn
	for range db.cfg.MaxConns + 1 {
		if pooled, tx, err = db.enter(opening, opt); !stale(err) {
			break
		}
		db.pool.Reset() // the others lay there with it
	}
	if err != nil {
		return nil, nil, translate(err)
	}
	conn := tx.Conn().PgConn().Conn()
	watch := time.AfterFunc(patience, func() { conn.SetDeadline(time.Unix(1, 0)) })
	return tx, func() {
		tx.Rollback(context.WithoutCancel(ctx))
		watch.Stop()
		pooled.Release()
	}, nil
}

// enter waits for a connection as long as the caller does. From then on nobody's hanging up reaches pgx, which would close the connection
// of a statement that is cancelled: whoever asks and hangs up would cost a new one each time. A statement ends within ReadLimit by itself.
func (db *DB) enter(ctx context.Context, opt pgx.TxOptions) (*pgxpool.Conn, pgx.Tx, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	beginning, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.cfg.ReadLimit+time.Second)
	defer cancel()
	tx, err := conn.BeginTx(beginning, opt)
	if err != nil {
		conn.Release()
		return nil, nil, err
	}
	return conn, tx, nil
}

// stale reports a connection that broke while it lay in the pool, or whose server said good-bye (57P01 to 57P03, a restart or a failover):
// BEGIN did nothing, so another connection may be asked.
func stale(err error) bool {
	var connect *pgconn.ConnectError
	var server *pgconn.PgError
	if errors.As(err, &server) && !errors.As(err, &connect) && (server.Code == "57P01" || server.Code == "57P02" || server.Code == "57P03") {
		return true
	}
	return err != nil && !errors.As(err, &connect) && !pgconn.Timeout(err) && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || pgconn.SafeToRetry(err))
}

// Write runs fn in a serializable transaction, again when PostgreSQL asks for it.
func (db *DB) Write(ctx context.Context, fn func(store.Tx) error) error {
	var err error
	for i := range attempts {
		if i > 0 {
			wait(ctx, i)
		}
		if err = db.once(ctx, fn); !again(err) {
			return err
		}
	}
	return &types.Error{Kind: types.Unavailable, Code: "busy", Detail: "too many others write the same rows; try again", RetryAfter: time.Second, Err: err}
}

// WriteSoon is Write: PostgreSQL's commit is awaited, for absent and forbidden rows alike.
func (db *DB) WriteSoon(ctx context.Context, fn func(store.Tx) error) error { return db.Write(ctx, fn) }

// wait spreads the attempts of those who met.
func wait(ctx context.Context, i int) {
	var b [1]byte
	rand.Read(b[:])
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(i)*2*time.Millisecond + time.Duration(b[0])*20*time.Microsecond):
	}
}

// again reports serialisation failures and deadlocks.
func again(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// once runs fn in one transaction. A refusal that keeps its evidence rolls back the data and commits the entries alone.
func (db *DB) once(ctx context.Context, fn func(store.Tx) error) error {
	turn := store.TurnOf(ctx)
	if err := db.writes.enter(ctx, turn, db.cfg.ReadLimit+time.Second); err != nil {
		return err
	}
	defer db.writes.Leave(turn)
	tx, end, err := db.begin(ctx, serializable)
	if err != nil {
		return err
	}
	defer end()
	ctx = context.WithoutCancel(ctx) // it has begun, and is carried out
	t := &writer{reader: reader{db: db, tx: tx, asked: ctx}, ctx: ctx}
	if _, err := tx.Exec(ctx, "SAVEPOINT act"); err != nil {
		return translate(err)
	}
	err = call(fn, t)
	if t.failed != nil { // whatever fn made of it, it was made on a transaction that had ended
		return t.failed
	}
	inner, kept := store.Kept(err)
	if err != nil && (!kept || again(inner)) {
		return inner
	}
	if kept {
		if _, e := tx.Exec(ctx, "ROLLBACK TO act"); e != nil {
			return translate(e)
		}
		for _, entry := range t.entries {
			if e := db.cfg.Recorder.Record(ctx, t, entry); e != nil {
				return e
			}
		}
	}
	if e := tx.Commit(ctx); e != nil {
		if again(e) {
			return e
		}
		var pg *pgconn.PgError
		if errors.As(e, &pg) {
			return translate(e)
		}
		return store.Uncertain(e)
	}
	if kept {
		return inner
	}
	return nil
}

// call contains panics.
func call(fn func(store.Tx) error, t store.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic in a write function: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(t)
}

// writer is the store.Tx of one attempt.
type writer struct {
	reader
	ctx     context.Context
	entries []types.Entry
	depth   int
}

// Exec runs a statement in a savepoint of its own, so that a broken constraint leaves the transaction usable. The three commands
// travel in one round trip.
func (w *writer) Exec(ctx context.Context, s *store.Stmt, args ...types.Value) (int64, error) {
	text, values, err := w.db.prepare(s, args)
	if err != nil {
		return 0, err
	}
	if w.failed != nil {
		return 0, w.failed
	}
	var b pgx.Batch
	b.Queue("SAVEPOINT one")
	b.Queue(text, values...)
	b.Queue("RELEASE SAVEPOINT one")
	results := w.tx.SendBatch(context.WithoutCancel(ctx), &b)
	_, err = results.Exec()
	var tag pgconn.CommandTag
	if err == nil {
		tag, err = results.Exec()
	}
	if e := results.Close(); err == nil {
		err = e
	}
	if err == nil {
		return tag.RowsAffected(), nil
	}
	broken := constraint(err)
	if broken == nil {
		return 0, w.fail(err)
	}
	if _, e := w.tx.Exec(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT one"); e != nil {
		return 0, w.fail(e)
	}
	return 0, broken
}

// Record writes the entry and remembers it in case the data is rolled back but the evidence kept.
func (w *writer) Record(e types.Entry) error {
	w.entries = append(w.entries, e)
	return w.db.cfg.Recorder.Record(w.ctx, w, e)
}

// Savepoint runs fn so that its effects vanish when it fails.
func (w *writer) Savepoint(ctx context.Context, fn func() error) error {
	w.depth++
	defer func() { w.depth-- }()
	if w.failed != nil {
		return w.failed
	}
	name := fmt.Sprintf("inside%d", w.depth)
	ctx = context.WithoutCancel(ctx)
	if _, err := w.tx.Exec(ctx, "SAVEPOINT "+name); err != nil {
		return w.fail(err)
	}
	kept := len(w.entries)
	err := fn()
	if again(w.failed) {
		return w.failed
	}
	if err != nil {
		if _, e := w.tx.Exec(ctx, "ROLLBACK TO SAVEPOINT "+name); e != nil {
			return w.fail(e)
		}
		w.entries, w.failed = w.entries[:kept], nil
	}
	return err
}
