package identity_test

import (
	"context"
	"strings"
	"sync"

	"github.com/fastness-dev/fastness/internal/identity"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// tally is a database that writes down what it is asked for: every transaction with its kind, its statements in order, its
// evidence, and how it ended. Two requests that did the same work have the same text.
type tally struct {
	store.DB
	mu   sync.Mutex
	said []string
}

// watch puts the tally before the database of a town.
func (d *tally) watch(c *identity.Config) { d.DB, c.DB = c.DB, d }

// since returns what was asked for after the last call.
func (d *tally) since() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := strings.Join(d.said, "\n")
	d.said = nil
	return out
}

func (d *tally) note(kind string, steps []string, err error) {
	end := "commit"
	if err != nil {
		end = "rollback"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, kind)
	d.said = append(d.said, steps...)
	d.said = append(d.said, end)
}

func (d *tally) View(ctx context.Context, fn func(store.Reader) error) error {
	var steps []string
	err := d.DB.View(ctx, func(r store.Reader) error {
		c := &tallyTx{Reader: r}
		defer func() { steps = c.steps }()
		return fn(c)
	})
	d.note("view", steps, nil) // a reader has nothing to roll back
	return err
}

func (d *tally) Write(ctx context.Context, fn func(store.Tx) error) error {
	return d.write(ctx, "write", fn, d.DB.Write)
}

func (d *tally) WriteSoon(ctx context.Context, fn func(store.Tx) error) error {
	return d.write(ctx, "write soon", fn, d.DB.WriteSoon)
}

func (d *tally) write(ctx context.Context, kind string, fn func(store.Tx) error, write func(context.Context, func(store.Tx) error) error) error {
	var steps []string
	err := write(ctx, func(tx store.Tx) error {
		c := &tallyTx{Reader: tx, tx: tx}
		defer func() { steps = c.steps }() // of the last run, should the engine run it again
		return fn(c)
	})
	d.note(kind, steps, err)
	return err
}

// tallyTx is one transaction of a tally.
type tallyTx struct {
	store.Reader
	tx    store.Tx // nil in a view
	steps []string
}

func (c *tallyTx) Query(ctx context.Context, s *store.Stmt, args ...types.Value) (store.Rows, error) {
	c.steps = append(c.steps, s.SQL)
	return c.Reader.Query(ctx, s, args...)
}

func (c *tallyTx) Exec(ctx context.Context, s *store.Stmt, args ...types.Value) (int64, error) {
	c.steps = append(c.steps, s.SQL)
	return c.tx.Exec(ctx, s, args...)
}

func (c *tallyTx) Record(e types.Entry) error {
	c.steps = append(c.steps, "evidence "+string(e.Event))
	return c.tx.Record(e)
}

func (c *tallyTx) Savepoint(ctx context.Context, fn func() error) error {
	c.steps = append(c.steps, "savepoint")
	return c.tx.Savepoint(ctx, fn)
}
