package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	backend = store.SQL("SELECT pg_backend_pid()")
	nap     = store.SQL("SELECT 1 FROM pg_sleep(0.05)")
)

// backends are the processes of the server behind the pool of four.
func backends(t *testing.T, db store.DB) map[int64]bool {
	t.Helper()
	pids := map[int64]bool{}
	var mu sync.Mutex
	var open, done sync.WaitGroup
	open.Add(4)
	for range 4 {
		done.Go(func() {
			err := db.View(t.Context(), func(r store.Reader) error {
				rows, err := r.Query(t.Context(), backend)
				if err == nil {
					rows.Next()
					mu.Lock()
					pids[rows.Int(0)] = true
					mu.Unlock()
					err = rows.Close()
				}
				open.Done()
				open.Wait() // all four at once, so that each has a connection of its own
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	return pids
}

// TestHangUpKeepsConnections: callers who hang up while their statement runs, read or write, cost no connection: afterwards the pool has
// the same ones as before.
func TestHangUpKeepsConnections(t *testing.T) {
	_, db := through(t)
	before := backends(t, db)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			ctx, hangUp := context.WithCancel(t.Context())
			ask := func(r store.Reader) error {
				time.AfterFunc(10*time.Millisecond, hangUp) // in the middle of the statement
				rows, err := r.Query(ctx, nap)
				if err != nil {
					return err
				}
				for rows.Next() {
				}
				return rows.Close()
			}
			var err error
			if i%2 == 0 {
				err = db.View(ctx, ask)
			} else {
				err = db.Write(ctx, func(tx store.Tx) error { return ask(tx) })
			}
			if err != nil && types.KindOf(err) != types.HungUp {
				t.Errorf("a caller who hung up: %v", err)
			}
		})
	}
	all.Wait()
	for pid := range backends(t, db) {
		if !before[pid] {
			t.Errorf("connection %d is new", pid)
		}
	}
}
