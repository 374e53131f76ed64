package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var shareAdd = store.SQL("INSERT INTO item (id) VALUES (?)")
var shareCount = store.SQL("SELECT count(*) FROM item")

// TestOneAccountLeavesRoom: an account keeps as many long writes under way as it likes. In each round one of them ends; a bystander has
// asked for a read and a write in it, and both are answered before the next one ends.
func TestOneAccountLeavesRoom(t *testing.T) {
	if !storetest.OnPostgres(t.Name()) {
		return
	}
	db, err := postgres.Open(t.Context(), postgres.Config{URL: types.NewSecret(storetest.Database(t)), Recorder: storetest.Recorder{}, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	item := store.Table{Name: "item", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true}}}
	storetest.Create(t, db, []store.Table{storetest.Table, item})
	const busy = 24
	end := make(chan struct{})
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range busy {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(store.Turn(context.Background(), "busy"), time.Minute)
			defer cancel()
			for {
				err := db.Write(ctx, func(tx store.Tx) error {
					most.Store(max(most.Load(), inside.Add(1)))
					defer inside.Add(-1)
					<-end
					_, err := tx.Exec(ctx, shareAdd, types.TextValue(fmt.Sprint("busy ", i)))
					return err
				})
				if err == nil {
					return
				}
			}
		})
	}
	for begun := time.Now(); inside.Load() < 3 && time.Since(begun) < time.Minute; {
		time.Sleep(time.Millisecond)
	}
	bystander := store.Turn(t.Context(), "bystander")
	for round := range 10 {
		err := db.View(bystander, func(r store.Reader) error { _, err := storetest.Collect(r, 1, shareCount); return err })
		if err != nil {
			t.Fatalf("round %d: the bystander's read: %v", round, err)
		}
		err = db.Write(bystander, func(tx store.Tx) error {
			_, err := tx.Exec(bystander, shareAdd, types.TextValue(fmt.Sprint("bystander ", round)))
			return err
		})
		if err != nil {
			t.Fatalf("round %d: the bystander's write: %v", round, err)
		}
		end <- struct{}{}
	}
	close(end)
	wg.Wait()
	if n := most.Load(); n != 3 {
		t.Errorf("one account had %d of 8 connections at once, want half of the 6 for writes", n)
	}
	if n := len(storetest.Rows(t, db, "SELECT id FROM item")); n != busy+10 {
		t.Errorf("%d rows were written", n)
	}
}
