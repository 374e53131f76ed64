package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

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

// groupCommit compares durable inserts of many writers who share commits with those of as many who are let in one at a time, so that
// each gets a commit of its own. It runs in this process, without HTTP.
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
	type way struct {
		writers int
		alone   bool
	}
	ways := []way{{1, false}, {8, false}, {8, true}, {opt.conns, false}, {opt.conns, true}, {2 * opt.conns, false}, {2 * opt.conns, true}}
	best := map[way]outcome{}
	for range opt.rounds {
		for _, w := range ways {
			o, err := insert(ctx, db, w.writers, max(200, opt.requests/10), w.alone)
			if err != nil {
				return err
			}
			if b, ok := best[w]; !ok || o.wall < b.wall {
				best[w] = o
			}
		}
	}
	fmt.Printf("\ndurable inserts of 1 KiB (SQLite, WAL, synchronous=FULL) on %s, fastest run\n", filesystem(dir))
	for _, w := range ways {
		what := "in shared commits"
		if w.alone {
			what = "one commit each"
		}
		o := best[w]
		fmt.Printf("  %3d writers, %-17s  %7.0f/s  %6.1f µs CPU each\n", w.writers, what, float64(time.Second)/float64(o.wall), proc.Micros(o.cpu))
	}
	return nil
}

// filesystem says what a commit waits for: in memory a flush costs nothing, and figures of writes mean little.
func filesystem(dir string) string {
	var s unix.Statfs_t
	const tmpfs = 0x01021994
	if unix.Statfs(dir, &s) == nil && s.Type == tmpfs {
		return "memory, where a flush costs nothing"
	}
	return "disk"
}

// insert writes n rows, one writer at a time when alone; wall and cpu of the outcome are for one row.
func insert(ctx context.Context, db store.DB, writers, n int, alone bool) (outcome, error) {
	var door sync.Mutex
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
				if alone {
					door.Lock()
				}
				err := db.Write(ctx, func(tx store.Tx) error {
					_, err := tx.Exec(ctx, commitInsert, types.IDValue(types.RandomID()), body)
					return err
				})
				if alone {
					door.Unlock()
				}
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
