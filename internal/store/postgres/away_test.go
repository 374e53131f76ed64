package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/postgres"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	addOne = store.SQL("INSERT INTO thing (id) VALUES (?)")
	things = []store.Table{storetest.Table, {Name: "thing", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true}}}}
)

// through opens an empty schema behind a proxy.
func through(t *testing.T) (*storetest.Proxy, store.DB) {
	t.Helper()
	p := storetest.NewProxy(t)
	schema := "test_" + strings.ToLower(string(types.RandomID()))
	db, err := postgres.Open(t.Context(), postgres.Config{URL: p.URL(), Schema: schema, Recorder: storetest.Recorder{}, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		p.Restore(t)
		storetest.Drop(t, p.URL().Reveal(), schema)
	})
	storetest.Create(t, db, things)
	return p, db
}

func add(ctx context.Context, db store.DB, id string) error {
	return db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, addOne, types.TextValue(id))
		return err
	})
}

// unavailable is what every room tells its client while the database is away.
func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	var e *types.Error
	if !errors.As(err, &e) || e.Kind != types.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("%s: %v: want Unavailable and when to come again", what, err)
	}
}

// fillPool opens as many connections as the pool takes.
func fillPool(t *testing.T, db store.DB) {
	t.Helper()
	var open, done sync.WaitGroup
	open.Add(4)
	for range 4 {
		done.Go(func() {
			opened := sync.OnceFunc(open.Done)
			err := db.View(t.Context(), func(store.Reader) error {
				opened()
				open.Wait()
				return nil
			})
			opened()
			if err != nil {
				t.Errorf("filling the pool: %v", err)
			}
		})
	}
	done.Wait()
}

// TestDatabaseAway: while PostgreSQL is away everything is Unavailable, at start, in reads, in writes and in the middle of a transaction;
// when it is back the next call works, without a hand.
func TestDatabaseAway(t *testing.T) {
	p, db := through(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for round := range 3 {
		fillPool(t, db)
		p.Cut()
		p.Restore(t)
		if err := add(ctx, db, "again"+string(rune('a'+round))); err != nil { // every connection in the pool is broken, and none is the caller's to find
			t.Errorf("it was away for a moment and a write says %v", err)
		}
		fillPool(t, db)
		p.Cut()
		unavailable(t, "ping", db.Ping(ctx))
		unavailable(t, "write", add(ctx, db, "lost"))
		unavailable(t, "view", db.View(ctx, func(r store.Reader) error {
			_, err := r.Query(ctx, store.SQL("SELECT id FROM thing"))
			return err
		}))
		_, err := postgres.Open(ctx, postgres.Config{URL: p.URL(), Recorder: storetest.Recorder{}})
		unavailable(t, "open", err)
		p.Restore(t)
		if err := add(ctx, db, string(rune('a'+round))); err != nil {
			t.Errorf("it is back and a write says %v", err)
		}
		if err := db.Ping(ctx); err != nil {
			t.Errorf("it is back and ping says %v", err)
		}
	}
	unavailable(t, "in the middle of a write", db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.Exec(ctx, addOne, types.TextValue("half")); err != nil {
			return err
		}
		p.Cut()
		_, err := tx.Exec(ctx, addOne, types.TextValue("other half"))
		return err
	}))
	p.Restore(t)
	unavailable(t, "in the middle of a view", db.View(ctx, func(r store.Reader) error {
		p.Cut()
		_, err := storetest.Collect(r, 1, store.SQL("SELECT id FROM thing"))
		return err
	}))
	p.Restore(t)
	if got := storetest.Rows(t, db, "SELECT id FROM thing"); len(got) != 6 {
		t.Errorf("six writes were acknowledged and these are there: %v", got)
	}
}

// TestFaultKinds: a commit that fails and happened and one that fails and did not look alike from here. Both are told as uncertain, neither
// runs a second time by itself, and the store goes on.
func TestFaultKinds(t *testing.T) {
	p, db := through(t)
	ctx := t.Context()
	for name, c := range map[string]struct {
		fault storetest.Fault
		rows  int
	}{"persisted": {storetest.Persisted, 1}, "not persisted": {storetest.NotPersisted, 0}} {
		t.Run(name, func(t *testing.T) {
			runs := 0
			p.Next(c.fault)
			err := db.Write(ctx, func(tx store.Tx) error {
				runs++
				_, err := tx.Exec(ctx, addOne, types.TextValue(name))
				return err
			})
			unavailable(t, name, err)
			if !errors.Is(err, store.ErrUncertain) || runs != 1 {
				t.Errorf("%v after %d runs: want ErrUncertain after one", err, runs)
			}
			if got := storetest.Rows(t, db, "SELECT id FROM thing WHERE id = ?", types.TextValue(name)); len(got) != c.rows {
				t.Errorf("%d rows, want %d", len(got), c.rows)
			}
		})
	}
}
