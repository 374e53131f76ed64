package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var countItems = store.SQL("SELECT count(*) FROM item")

// items counts the table item once, or twice on one snapshot with something between.
func items(t *testing.T, db *sqlite.DB, between func()) (first, second int64) {
	t.Helper()
	count := func(r store.Reader) (n int64, err error) {
		rows, err := r.Query(t.Context(), countItems)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		if rows.Next() {
			n = rows.Int(0)
		}
		return n, rows.Err()
	}
	if err := db.View(t.Context(), func(r store.Reader) (err error) {
		if first, err = count(r); err != nil || between == nil {
			return err
		}
		between()
		second, err = count(r)
		return err
	}); err != nil {
		t.Error(err)
	}
	return first, second
}

func addItemNo(t *testing.T, db *sqlite.DB, n int, text string) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), addItem, types.TextValue(fmt.Sprintf("%08d%s", n, text)))
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestReadsSeeWhatWasWritten: a snapshot that a connection kept is never older than a write that returned, neither where it rested
// meanwhile nor where it was at work; what one caller reads twice is the same.
func TestReadsSeeWhatWasWritten(t *testing.T) {
	db := withItems(t, time.Minute)
	for n := range 20 {
		addItemNo(t, db, 2*n, "")
		if got, _ := items(t, db, nil); got != int64(2*n+1) {
			t.Fatalf("after write %d a reader that had rested sees %d rows", 2*n+1, got)
		}
		before, after := items(t, db, func() { addItemNo(t, db, 2*n+1, "") })
		if before != int64(2*n+1) || after != before {
			t.Fatalf("one snapshot has %d rows and then %d", before, after)
		}
		if got, _ := items(t, db, nil); got != int64(2*n+2) {
			t.Fatalf("after write %d a reader that was at work sees %d rows", 2*n+2, got)
		}
	}
}

// TestReadersBesideWriters: the same with many at once. Each reader sees at least what was written before.
func TestReadersBesideWriters(t *testing.T) {
	db := withItems(t, time.Minute)
	var written sync.WaitGroup
	var mu sync.Mutex
	least, done := int64(0), make(chan struct{})
	for w := range 4 {
		written.Go(func() {
			for n := range 50 {
				addItemNo(t, db, 1000*w+n, "")
				mu.Lock()
				least++
				mu.Unlock()
			}
		})
	}
	var read sync.WaitGroup
	for range 4 {
		read.Go(func() {
			for {
				mu.Lock()
				want := least
				mu.Unlock()
				if got, _ := items(t, db, nil); got < want {
					t.Errorf("%d rows were written and a reader sees %d", want, got)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	written.Wait()
	close(done)
	read.Wait()
}

// TestRestingReadersLetTheLogStartOver: a snapshot that rests does not keep the write-ahead log from being used again.
func TestRestingReadersLetTheLogStartOver(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, WriteTime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	item := store.Table{Name: "item", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true}}}
	storetest.Create(t, db, []store.Table{storetest.Table, item})
	text := strings.Repeat("x", 100<<10)
	for n := range 200 { // 20 MB of rows
		addItemNo(t, db, n, text)
		items(t, db, nil)
	}
	info, err := os.Stat(filepath.Join(dir, "fastness.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 10<<20 {
		t.Errorf("the log has %d bytes", info.Size())
	}
}

// TestStoppedReaderKeepsNothing: a caller who hung up leaves no snapshot behind that others would read from.
func TestStoppedReaderKeepsNothing(t *testing.T) {
	db := withItems(t, time.Minute)
	addItemNo(t, db, 1, "")
	for range 3 {
		ctx, stop := context.WithCancel(t.Context())
		if err := db.View(ctx, func(r store.Reader) error {
			rows, err := r.Query(ctx, countItems)
			if err != nil {
				return err
			}
			defer rows.Close()
			stop()
			for rows.Next() {
			}
			return nil
		}); types.KindOf(err) != types.HungUp {
			t.Errorf("a caller who hung up is told %v", err)
		}
		if got, _ := items(t, db, nil); got != 1 {
			t.Errorf("the next reader sees %d rows", got)
		}
	}
}
