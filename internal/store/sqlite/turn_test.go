package sqlite_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// withItems opens a database with the table item.
func withItems(t *testing.T, limit time.Duration) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(sqlite.Config{Dir: t.TempDir(), Recorder: storetest.Recorder{}, WriteTime: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	item := store.Table{Name: "item", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true}}}
	storetest.Create(t, db, []store.Table{storetest.Table, item})
	return db
}

// TestAccountsTakeTurns: one account has asked for many writes when another asks for its first; that one runs after one of the many.
func TestAccountsTakeTurns(t *testing.T) {
	db := withItems(t, time.Minute)
	waiting := db.Meters()["fastness_store_queue"]
	var mu sync.Mutex
	var order []string
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	write := func(key string, before func()) {
		wg.Go(func() {
			err := db.Write(store.Turn(t.Context(), key), func(tx store.Tx) error {
				before()
				mu.Lock()
				defer mu.Unlock()
				order = append(order, key)
				_, err := tx.Exec(t.Context(), addItem, types.TextValue(fmt.Sprint(len(order))))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	until := func(n int64) {
		for waiting() < n {
			time.Sleep(time.Millisecond)
		}
	}
	write("busy", func() { close(held); <-hold })
	<-held
	const many = 60
	for range many {
		write("busy", func() {})
	}
	until(many)
	write("bystander", func() {})
	until(many + 1)
	write("another", func() {})
	until(many + 2)
	close(hold)
	wg.Wait()
	if a, b := slices.Index(order, "bystander"), slices.Index(order, "another"); len(order) != many+3 || a > 2 || b > 3 {
		t.Errorf("%d writes; the bystanders had their turn at %d and %d of: %v", len(order), a, b, order)
	}
}

var (
	slowRead  = store.SQL("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT max(i) FROM n")
	slowWrite = store.SQL("INSERT INTO item WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT 'z' || max(i) FROM n")
)

// TestOverlongRunsOnce: a write that takes too long is answered and never run again, whatever it had done; who shared its commit is
// written, and what it wrote itself is not.
func TestOverlongRunsOnce(t *testing.T) {
	for name, fn := range map[string]func(context.Context, store.Tx) error{
		"reads": func(ctx context.Context, tx store.Tx) error {
			_, err := storetest.Collect(tx, 1, slowRead)
			return err
		},
		"wrote, then reads": func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.Exec(ctx, addItem, types.TextValue("lost")); err != nil {
				return err
			}
			_, err := storetest.Collect(tx, 1, slowRead)
			return err
		},
		"writes": func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, slowWrite)
			return err
		},
		"wrote, and says nothing": func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, addItem, types.TextValue("lost"))
			storetest.Collect(tx, 1, slowRead)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := withItems(t, 50*time.Millisecond)
			runs, err := 0, error(nil)
			hold, held := make(chan struct{}), make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				err := db.Write(t.Context(), func(tx store.Tx) error {
					select {
					case <-held:
					default:
						close(held)
						<-hold
					}
					_, err := tx.Exec(t.Context(), addItem, types.TextValue("first"))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
			<-held
			wg.Go(func() {
				err = db.Write(t.Context(), func(tx store.Tx) error { runs++; return fn(t.Context(), tx) })
			})
			for db.Meters()["fastness_store_queue"]() == 0 {
				time.Sleep(time.Millisecond)
			}
			close(hold)
			wg.Wait()
			if runs != 1 || types.CodeOf(err) != "too_slow" {
				t.Errorf("it ran %d times: %v", runs, err)
			}
			if rows := storetest.Rows(t, db, "SELECT id FROM item"); fmt.Sprint(rows) != "[[first]]" {
				t.Errorf("written is %v", rows)
			}
		})
	}
}
