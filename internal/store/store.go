package store

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Dialect names an engine where SQL must differ.
type Dialect uint8

// The dialects.
const (
	SQLite Dialect = iota + 1
	Postgres
)

// NotDistinct spells null-safe equality of two expressions.
func (d Dialect) NotDistinct(a, b string) string {
	if d == SQLite {
		return "(" + a + " IS " + b + ")"
	}
	return "(" + a + " IS NOT DISTINCT FROM " + b + ")"
}

// Stmt is a statement's constant text. Make it once (a package variable or a field of a compiled plan) and pass the same
// pointer each time: engines keep prepared forms by the pointer. Parameters are `?`, in order.
type Stmt struct {
	SQL string
	// Transient statements (shapes of client filters) are prepared into a bounded least-recently-used cache; others stay.
	Transient bool
}

// SQL returns a statement of the text.
func SQL(text string) *Stmt { return &Stmt{SQL: text} }

// Rows is a cursor over a result. Columns are read by position, without reflection. Not safe for concurrent use.
// It must be closed, and closed before the next statement of the same Reader runs.
type Rows interface {
	// Next moves to the next row; false at the end or on an error (see Err).
	Next() bool
	// Missing reports whether the column is NULL.
	Missing(col int) bool
	// Int returns an integer column; 0 when NULL.
	Int(col int) int64
	// Bytes returns a text or binary column without copying: valid until the next call of Next or Close; nil when NULL.
	Bytes(col int) []byte
	// Text returns a copy of a text column; "" when NULL.
	Text(col int) string
	Err() error
	Close() error
}

// Reader runs queries inside one consistent snapshot.
type Reader interface {
	Query(ctx context.Context, s *Stmt, args ...types.Value) (Rows, error)
	// Dialect says which engine this is.
	Dialect() Dialect
}

// Tx is a write transaction. Its functions do no I/O beyond it and may be run again from the start (serialisation
// failures, group commits that fell apart), so they must not keep effects outside the Tx except by assigning results.
type Tx interface {
	Reader
	// Exec runs a statement and returns the number of rows changed. A broken constraint is a *ConstraintError and leaves
	// the transaction usable.
	Exec(ctx context.Context, s *Stmt, args ...types.Value) (int64, error)
	// Record adds evidence to this transaction; it becomes durable with the act, or not at all.
	Record(e types.Entry) error
	// Savepoint runs fn so that its effects vanish when it returns an error, while the transaction goes on.
	Savepoint(ctx context.Context, fn func() error) error
}

// DB is an open database. It is safe for concurrent use.
type DB interface {
	// View runs fn on one consistent snapshot. Statements are stopped after Config.ReadLimit with an Unavailable error; a caller
	// who hangs up (ctx is cancelled) ends it with an error of the kind HungUp, whatever fn made of it.
	View(ctx context.Context, fn func(Reader) error) error
	// Write runs fn in a transaction (SQLite: one writer, group commit; PostgreSQL: SERIALIZABLE, retried up to five
	// times) and returns after the commit is durable. An error from fn rolls everything back, evidence included, and is
	// returned unchanged; an error wrapped by Keep rolls the data back but keeps recorded evidence. When the caller hangs up, a
	// write that has begun is carried out, and one that has not ends with HungUp.
	Write(ctx context.Context, fn func(Tx) error) error
	// WriteSoon is Write without the wait for durability: it returns after fn ran, and the effects join the next commit.
	// For evidence of refusals only: waiting would tell absent from forbidden.
	WriteSoon(ctx context.Context, fn func(Tx) error) error
	// Migrate runs DDL: each change in order, in one transaction, under an exclusive lock.
	Migrate(ctx context.Context, changes []Change) error
	// Scrub takes out of the files of the database what deleted rows and columns of the tables have left there.
	Scrub(ctx context.Context, tables []string) error
	// Schema reads the tables that exist (those of our own schema or file).
	Schema(ctx context.Context) (Schema, error)
	Dialect() Dialect
	// Ping proves that the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Recorder is what turns an entry into rows of the same transaction. The root wires one; nil refuses to open.
type Recorder interface {
	Record(ctx context.Context, tx Tx, e types.Entry) error
}

// Errors of the seam. Test with errors.Is and errors.As.
var (
	// ErrUncertain: the commit's fate is unknown (the connection died while it was under way). The caller must answer
	// 503 and must not claim either outcome.
	ErrUncertain = errors.New("store: the outcome of the commit is unknown")
	// ErrBusy: another process holds the data directory.
	ErrBusy = errors.New("store: another process holds this data")
	// ErrMoved: what a migration relies on (Require) changed meanwhile; nothing was done, and it can begin again.
	ErrMoved = errors.New("store: the data changed while they were migrated")
	// ErrNewer: the database was written by a newer version.
	ErrNewer = errors.New("store: the database was written by a newer version of this program")
)

// Uncertain is what an engine returns for a commit whose answer did not come: nobody here knows whether it happened, so nobody here
// repeats it, and the client is told so. It is ErrUncertain.
func Uncertain(cause error) error {
	return &types.Error{Kind: types.Unavailable, Code: "uncertain", RetryAfter: 5 * time.Second, Err: errors.Join(ErrUncertain, cause),
		Detail: "the storage went away while it wrote; look whether it happened, or repeat the request with its Idempotency-Key"}
}

// ConstraintError says which rule of the schema a statement broke.
type ConstraintError struct {
	Kind       ConstraintKind
	Table      string
	Constraint string // name of the unique index or foreign key, as given in Table.Indexes; "" when the engine does not say
	Columns    []string
	Err        error
}

func (e *ConstraintError) Error() string {
	return "store: constraint on " + e.Table + ": " + e.Err.Error()
}
func (e *ConstraintError) Unwrap() error { return e.Err }

// ConstraintKind is the sort of a broken constraint.
type ConstraintKind uint8

// The kinds.
const (
	Unique ConstraintKind = iota + 1
	Foreign
	NotNull
	Check
)

// Keep wraps the error of a refused act so that Write keeps the evidence recorded so far and rolls back the rest: Write
// re-runs nothing; it commits the entries alone and returns the inner error.
func Keep(err error) error { return &keepError{err} }

type keepError struct{ err error }

func (e *keepError) Error() string { return e.err.Error() }
func (e *keepError) Unwrap() error { return e.err }

// Kept reports whether err was wrapped by Keep, and returns the inner error.
func Kept(err error) (error, bool) {
	var k *keepError
	if errors.As(err, &k) {
		return k.err, true
	}
	return err, false
}
