package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var sleep = store.SQL("SELECT pg_sleep(1)")

// TestSilence: an answer that never comes is waited for no longer than the statement's limit and a second, and it is a storage that is
// away.
func TestSilence(t *testing.T) {
	p := storetest.NewProxy(t)
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Config{URL: p.URL(), Recorder: storetest.Recorder{}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ask := func(meanwhile func()) error {
		return db.View(ctx, func(r store.Reader) error {
			time.AfterFunc(100*time.Millisecond, meanwhile)
			rows, err := r.Query(ctx, sleep)
			if err != nil {
				return err
			}
			rows.Next()
			return rows.Close()
		})
	}
	began := time.Now()
	err = ask(func() { p.Silence(true) })
	if took := time.Since(began); types.KindOf(err) != types.Unavailable || took > 15*time.Second {
		t.Errorf("silence, after %s: %v", took, err)
	}
	p.Silence(false)
	if err := ask(func() {}); err != nil {
		t.Errorf("and afterwards: %v", err)
	}
}
