package sqlite

import (
	"context"
	"slices"
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

// View runs fn on one snapshot of a reading connection. While nobody writes, connections keep their snapshots, as the next caller would
// see the same: locks of the log and pages need not be taken again.
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
		if broken {
			c.Close()
			return
		}
		db.rest(c, err == nil && !c.GetAutocommit())
	}()
	if err := c.snapshot(); err != nil {
		return translate(err)
	}
	err = fn(reader{c})
	broken = false
	if ended := types.Ended(ctx); ended != nil { // a statement may have been stopped, and fn taken it for nothing found
		return ended
	}
	return err
}

// reading takes an idle connection, the one that was last at work, or opens one.
func (db *DB) reading() (*conn, error) {
	db.mu.Lock()
	since := db.changes
	var c *conn
	if n := len(db.idle); n > 0 {
		c = db.idle[n-1]
		db.idle = db.idle[:n-1]
	}
	db.mu.Unlock()
	if c == nil {
		var err error
		if c, err = db.connect(true); err != nil {
			return nil, err
		}
	}
	if !c.holds {
		c.since = since
	}
	return c, nil
}

// snapshot begins one, if the connection has kept none.
func (c *conn) snapshot() error {
	if c.holds {
		return nil
	}
	err := c.exec(begin, nil)
	c.holds = err == nil
	return err
}

// letGo ends the snapshot.
func (c *conn) letGo() error {
	if !c.holds {
		return nil
	}
	err := c.exec(rollback, nil)
	c.holds = err != nil
	return err
}

// rest puts a reader back. It keeps its snapshot when that is of the database as it is: nothing was changed since, and nobody is at it.
func (db *DB) rest(c *conn, sound bool) {
	db.mu.Lock()
	keeps := sound && !db.changing && c.since == db.changes
	if keeps {
		db.idle = append(db.idle, c)
	}
	db.mu.Unlock()
	if keeps {
		return
	}
	if c.letGo() != nil {
		c.Close()
		return
	}
	db.mu.Lock()
	db.idle = append(db.idle, c)
	db.mu.Unlock()
}

// disturb makes the resting readers let go of their snapshots, before the writer changes anything: what is committed next would be missing
// in them, and a commit could not start the log over. None keeps one until changed.
func (db *DB) disturb() {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.changing = true
	db.idle = slices.DeleteFunc(db.idle, func(c *conn) bool {
		if c.letGo() == nil {
			return false
		}
		c.Close()
		return true
	})
}

// changed ends what disturb began. Snapshots that began before are not kept.
func (db *DB) changed() {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.changing = false
	db.changes++
}
