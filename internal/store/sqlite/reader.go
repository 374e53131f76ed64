package sqlite

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	begin    = store.SQL("BEGIN")
	rollback = store.SQL("ROLLBACK")
)

// errClosed is what comes after Close.
var errClosed error = &types.Error{Kind: types.Unavailable, Code: "stopping", Detail: "this server is stopping; try again", RetryAfter: time.Second}

// View runs fn on one snapshot of a reading connection.
func (db *DB) View(ctx context.Context, fn func(store.Reader) error) (err error) {
	select {
	case db.slots <- struct{}{}:
	case <-ctx.Done():
		return types.Ended(ctx)
	case <-db.closing:
		return errClosed
	}
	defer func() { <-db.slots }()
	if err := types.Ended(ctx); err != nil {
		return err
	}
	db.gate.RLock()
	defer db.gate.RUnlock()
	c, err := db.reading()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, db.cfg.ReadLimit)
	defer cancel()
	c.SetInterrupt(limited)
	broken := true // a panic in fn must not leave a transaction open in the pool
	defer func() {
		c.SetInterrupt(context.Background())
		if broken || c.exec(rollback, nil) != nil {
			c.Close()
			return
		}
		db.mu.Lock()
		db.idle = append(db.idle, c)
		db.mu.Unlock()
	}()
	if err := c.exec(begin, nil); err != nil {
		return translate(err)
	}
	err = fn(reader{c})
	broken = false
	if ended := types.Ended(ctx); ended != nil { // a statement may have been stopped, and fn taken it for nothing found
		return ended
	}
	return err
}

// reading takes an idle connection or opens one.
func (db *DB) reading() (*conn, error) {
	db.mu.Lock()
	if n := len(db.idle); n > 0 {
		c := db.idle[n-1]
		db.idle = db.idle[:n-1]
		db.mu.Unlock()
		return c, nil
	}
	db.mu.Unlock()
	return db.connect(true)
}
