package keeptest

import (
	"context"
	"sync"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Counter is a database that counts what it is asked. Its counts are those since the last Reset.
type Counter struct {
	store.DB

	mu   sync.Mutex
	work Work
}

// Work is what a request cost the database.
type Work struct {
	Views, Writes, Soon int      // transactions, by sort
	Statements          []string // texts, in order
	Inside              []string // those of them that ran in a write transaction
	Turns               []string // whose turns the write transactions took
	Entries             int
}

// Reset forgets what was counted and returns it.
func (c *Counter) Reset() Work {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.work
	c.work = Work{}
	return w
}

func (c *Counter) note(f func(w *Work)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.work)
}

// View counts and runs fn.
func (c *Counter) View(ctx context.Context, fn func(store.Reader) error) error {
	c.note(func(w *Work) { w.Views++ })
	return c.DB.View(ctx, func(r store.Reader) error { return fn(countedReader{r, c}) })
}

// Write counts and runs fn.
func (c *Counter) Write(ctx context.Context, fn func(store.Tx) error) error {
	c.note(func(w *Work) { w.Writes, w.Turns = w.Writes+1, append(w.Turns, store.TurnOf(ctx)) })
	return c.DB.Write(ctx, func(tx store.Tx) error { return fn(countedTx{tx, c}) })
}

// WriteSoon counts and runs fn.
func (c *Counter) WriteSoon(ctx context.Context, fn func(store.Tx) error) error {
	c.note(func(w *Work) { w.Soon, w.Turns = w.Soon+1, append(w.Turns, store.TurnOf(ctx)) })
	return c.DB.WriteSoon(ctx, func(tx store.Tx) error { return fn(countedTx{tx, c}) })
}

type countedReader struct {
	store.Reader
	c *Counter
}

func (r countedReader) Query(ctx context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	r.c.note(func(w *Work) { w.Statements = append(w.Statements, s.SQL) })
	return r.Reader.Query(ctx, s, args...)
}

type countedTx struct {
	store.Tx
	c *Counter
}

func (t countedTx) Query(ctx context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	t.c.note(func(w *Work) { w.Statements, w.Inside = append(w.Statements, s.SQL), append(w.Inside, s.SQL) })
	return t.Tx.Query(ctx, s, args...)
}

func (t countedTx) Exec(ctx context.Context, s *store.Stmt, args ...types.Value) (int64, error) {
	t.c.note(func(w *Work) { w.Statements, w.Inside = append(w.Statements, s.SQL), append(w.Inside, s.SQL) })
	return t.Tx.Exec(ctx, s, args...)
}

func (t countedTx) Record(e types.Entry) error {
	t.c.note(func(w *Work) { w.Entries++ })
	return t.Tx.Record(e)
}
