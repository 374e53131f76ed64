package sqlite

import (
	"container/list"
	"context"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// transients is how many prepared shapes of client filters a connection keeps.
const transients = 64

// conn is a connection with its prepared statements.
type conn struct {
	*sqlite3.Conn
	kept   map[*store.Stmt]*sqlite3.Stmt
	recent list.List // of *transient, most recent first
	byStmt map[*store.Stmt]*list.Element

	// Of a reader: whether it has a snapshot, and how many times the database had changed when that began.
	holds bool
	since int64
}

type transient struct {
	key  *store.Stmt
	stmt *sqlite3.Stmt
}

// Close finalises what was prepared, without which SQLite keeps the connection, its files and the write-ahead log, and closes.
func (c *conn) Close() error {
	for _, p := range c.kept {
		p.Close()
	}
	for e := c.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*transient).stmt.Close()
	}
	return c.Conn.Close()
}

// stmt returns the prepared form of s.
func (c *conn) stmt(s *store.Stmt) (*sqlite3.Stmt, error) {
	if p, ok := c.kept[s]; ok {
		return p, nil
	}
	if e, ok := c.byStmt[s]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*transient).stmt, nil
	}
	p, tail, err := c.PrepareFlags(s.SQL, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, fmt.Errorf("store: prepare %q: %w", s.SQL, translate(err))
	}
	if p == nil || strings.TrimSpace(tail) != "" {
		return nil, fmt.Errorf("store: prepare %q: exactly one statement is needed", s.SQL)
	}
	if !s.Transient {
		c.kept[s] = p
		return p, nil
	}
	if c.byStmt == nil {
		c.byStmt = map[*store.Stmt]*list.Element{}
	}
	c.byStmt[s] = c.recent.PushFront(&transient{s, p})
	if c.recent.Len() > transients {
		last := c.recent.Remove(c.recent.Back()).(*transient)
		delete(c.byStmt, last.key)
		last.stmt.Close()
	}
	return p, nil
}

// start binds the arguments.
func (c *conn) start(s *store.Stmt, args []types.Value) (*sqlite3.Stmt, error) {
	p, err := c.stmt(s)
	if err != nil {
		return nil, err
	}
	if n := p.BindCount(); n != len(args) {
		return nil, fmt.Errorf("store: %q takes %d values and got %d", s.SQL, n, len(args))
	}
	for i := range args {
		if err := bind(p, i+1, &args[i]); err != nil {
			return nil, translate(err)
		}
	}
	return p, nil
}

func bind(p *sqlite3.Stmt, i int, v *types.Value) error {
	switch v.Kind {
	case types.Null:
		return p.BindNull(i)
	case types.Int:
		return p.BindInt64(i, v.Int)
	case types.Text:
		return p.BindText(i, v.Text)
	case types.Bytes:
		return p.BindBlob(i, []byte(v.Text))
	}
	return fmt.Errorf("store: a list cannot be a parameter")
}

func (c *conn) query(s *store.Stmt, args []types.Value) (*rows, error) {
	p, err := c.start(s, args)
	if err != nil {
		return nil, err
	}
	return &rows{stmt: p}, nil
}

func (c *conn) exec(s *store.Stmt, args []types.Value) error {
	p, err := c.start(s, args)
	if err != nil {
		return err
	}
	for p.Step() {
	}
	err = p.Err()
	if e := p.Reset(); err == nil {
		err = e
	}
	return err
}

// scalar reads one integer by plain text; for pragmas at start.
func (c *conn) scalar(sql string, n *int64) error {
	p, _, err := c.Prepare(sql)
	if err != nil {
		return err
	}
	defer p.Close()
	if p.Step() {
		*n = p.ColumnInt64(0)
	}
	return p.Err()
}

// rows is a cursor. It implements store.Rows.
type rows struct {
	stmt *sqlite3.Stmt
	err  error
}

func (r *rows) Next() bool {
	if r.stmt == nil || r.err != nil {
		return false
	}
	if r.stmt.Step() {
		return true
	}
	r.err = translate(r.stmt.Err())
	return false
}

func (r *rows) Missing(i int) bool { return r.stmt.ColumnType(i) == sqlite3.NULL }
func (r *rows) Int(i int) int64    { return r.stmt.ColumnInt64(i) }
func (r *rows) Bytes(i int) []byte { return r.stmt.ColumnRawBlob(i) }
func (r *rows) Text(i int) string  { return r.stmt.ColumnText(i) }
func (r *rows) Err() error         { return r.err }

func (r *rows) Close() error {
	if r.stmt == nil {
		return nil
	}
	err := r.stmt.Reset()
	r.stmt = nil
	if r.err != nil {
		return r.err
	}
	return translate(err)
}

// reader is the store.Reader of one snapshot.
type reader struct{ c *conn }

func (r reader) Dialect() store.Dialect { return store.SQLite }

func (r reader) Query(_ context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	return r.c.query(s, args)
}
