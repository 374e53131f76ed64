package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/types"
)

// silent records no evidence: this section measures the commit alone.
type silent struct{}

// Record does nothing.
func (silent) Record(context.Context, store.Tx, types.Entry) error { return nil }

var (
	commitTable = store.Table{Name: "item", Primary: []string{"id"}, Columns: []store.Column{
		{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "body", Type: store.TextColumn}}}
	commitInsert = store.SQL("INSERT INTO item (id, body) VALUES (?, ?)")
)

// groupCommit compares durable inserts of as many writers as there are connections, which share commits, with those of one writer,
// who gets a commit for each. It runs in this process, without HTTP.
func groupCommit(ctx context.Context, opt options) error {
	dir, err := os.MkdirTemp("", "bench-commit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: silent{}})
	if err != nil {
		return err
	}
	defer db.Close()
	have, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, store.Diff(have, store.Schema{Tables: []store.Table{commitTable}}, store.Renames{})); err != nil {
		return err
	}
	sizes := []int{1, 8, opt.conns, 2 * opt.conns}
	best := map[int]outcome{}
	for range opt.rounds {
		for _, writers := range sizes {
			o, err := insert(ctx, db, writers, max(200, opt.requests/10))
			if err != nil {
				return err
			}
			if b, ok := best[writers]; !ok || o.wall < b.wall {
				best[writers] = o
			}
		}
	}
	fmt.Println("\ndurable inserts of 1 KiB (SQLite, WAL, synchronous=FULL), fastest run; one writer means one commit each")
	for _, writers := range sizes {
		o := best[writers]
		fmt.Printf("  %3d writers  %7.0f/s  %6.1f µs CPU each\n", writers, float64(time.Second)/float64(o.wall), proc.Micros(o.cpu))
	}
	return nil
}

// insert writes n rows; wall and cpu of the outcome are for one row.
func insert(ctx context.Context, db store.DB, writers, n int) (outcome, error) {
	body := types.TextValue(fmt.Sprintf("%01024d", 7))
	before, err := proc.CPUTime(os.Getpid())
	if err != nil {
		return outcome{}, err
	}
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	begun := time.Now()
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				err := db.Write(ctx, func(tx store.Tx) error {
					_, err := tx.Exec(ctx, commitInsert, types.IDValue(types.RandomID()), body)
					return err
				})
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	wall := time.Since(begun)
	select {
	case err := <-errs:
		return outcome{}, err
	default:
	}
	after, err := proc.CPUTime(os.Getpid())
	return outcome{cpu: (after - before) / time.Duration(n), wall: wall / time.Duration(n)}, err
}
