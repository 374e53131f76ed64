package migration_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// crowd opens a database several times: on PostgreSQL as several machines do, on SQLite as several commands do that one server takes.
func crowd(t *testing.T, n int, fn func(t *testing.T, w []*world)) {
	t.Run("sqlite", func(t *testing.T) {
		db, err := open("sqlite:" + t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var all []*world
		for range n {
			all = append(all, over(t, db))
		}
		fn(t, all)
	})
	t.Run("postgres", func(t *testing.T) {
		storetest.Postgres(t, storetest.Recorder{}).Close() // says loudly when there is no server
		schema := "test_" + strings.ToLower(string(types.RandomID()))
		t.Cleanup(func() { storetest.Drop(t, serverURL(), schema) })
		var all []*world
		for range n {
			db, err := open("postgres:" + schema)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			all = append(all, over(t, db))
		}
		fn(t, all)
	})
}

// atOnce runs fn for each world at the same moment and returns the errors.
func atOnce(all []*world, fn func(n int, w *world) error) []error {
	out, start := make([]error, len(all)), make(chan struct{})
	var wg sync.WaitGroup
	for n, w := range all {
		wg.Go(func() {
			<-start
			out[n] = fn(n, w)
		})
	}
	close(start)
	wg.Wait()
	return out
}

// TestMigrationsAtOnce: several processes bring one database to a declaration at the same moment. All of them end where it says, nothing is
// done twice or half, and each value is converted once.
func TestMigrationsAtOnce(t *testing.T) {
	was := things("f: {type: decimal, digits: 2}", "l: {type: list, max: 9, of: {type: int}}", "old: {type: text, max: 9, encrypted: true}")
	now := things("f: {type: decimal, digits: 3, from: {type: decimal, digits: 2}}", "l: {type: list, max: 9, of: {type: text, max: 9}, from: {type: list, of: {type: int}}}",
		"fresh: {type: text, max: 9, was: old, from: {type: text, encrypted: true}}", "more: {type: int, fill: \"7\"}") + "  extra:\n    fields: {a: {type: int}}\n"
	crowd(t, 3, func(t *testing.T, all []*world) {
		for _, err := range atOnce(all, func(n int, w *world) error { // on an empty database
			_, err := migration.Bring(t.Context(), w.data, target(w, was))
			return err
		}) {
			if err != nil {
				t.Errorf("an empty database: %v", err)
			}
		}
		w := all[0]
		w.must(was)
		var ids []string
		for range 650 {
			ids = append(ids, w.create("things", `{"label": "x", "f": "1.25", "l": [1, 2], "old": "s"}`))
		}
		for n, err := range atOnce(all, func(n int, w *world) error {
			if n == 0 { // beside what is served
				_, err := migration.Prepare(t.Context(), w.data, target(w, now))
				return err
			}
			_, err := migration.Bring(t.Context(), w.data, target(w, now))
			return err
		}) {
			if err != nil {
				t.Errorf("process %d: %v", n, err)
			}
		}
		if d, err := w.bring(now); err != nil || len(d.Steps)+len(d.Changes) > 0 {
			t.Fatalf("the start after finds %v, %v", d, err)
		}
		for _, id := range ids {
			if got := w.get("things", id); got["f"] != `"1.250"` || got["l"] != `["1","2"]` || got["fresh"] != `"s"` || got["more"] != "7" {
				t.Fatalf("a row reads %v", got)
			}
		}
		if w.side("things", "l") != 1300 {
			t.Errorf("the side table has %d rows", w.side("things", "l"))
		}
	})
}

// TestDifferentMigrationsAtOnce: two processes that bring one database to different declarations: one gets there. The other is refused by what
// the first one made of the data, in words; no value becomes another.
func TestDifferentMigrationsAtOnce(t *testing.T) {
	was := things("f: {type: decimal, digits: 2}")
	to := func(digits int) string {
		return things(fmt.Sprintf("f: {type: decimal, digits: %d, from: {type: decimal, digits: 2}}", digits))
	}
	crowd(t, 2, func(t *testing.T, all []*world) {
		w := all[0]
		w.must(was)
		id := ""
		for range 650 {
			id = w.create("things", `{"label": "x", "f": "1.25"}`)
		}
		errs := atOnce(all, func(n int, w *world) error {
			_, err := migration.Bring(t.Context(), w.data, target(w, to(3+n)))
			return err
		})
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("both or neither: %v, %v", errs[0], errs[1])
		}
		for n, err := range errs {
			switch {
			case err == nil:
				w.must(to(3 + n))
				if got := w.get("things", id)["f"]; got != `"1.25`+strings.Repeat("0", 1+n)+`"` {
					t.Errorf("the row reads %s", got)
				}
			case !strings.Contains(err.Error(), "the database holds") && !strings.Contains(err.Error(), "another process converts things.f"):
				t.Errorf("the other one says %v", err)
			}
		}
	})
}

// TestMadeByAnother: another process makes the columns of a conversion, and fills them, after this one looked for them.
func TestMadeByAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		was, now := things("l: {type: list, max: 9, of: {type: int}}"), things("l: {type: list, max: 9, of: {type: text, max: 9}, from: {type: list, of: {type: int}}}")
		w.must(was)
		id := w.create("things", `{"label": "x", "l": [1, 2]}`)
		db := w.data.DB
		w.data.DB = &late{DB: db, act: func() {
			if _, err := migration.Prepare(t.Context(), migration.Data{DB: db, Ring: w.data.Ring}, target(w, now)); err != nil {
				t.Error(err)
			}
		}}
		w.must(now)
		if got := w.get("things", id)["l"]; got != `["1","2"]` || w.side("things", "l") != 2 {
			t.Errorf("the row reads %s", got)
		}
	})
}

// late acts once just before the first change of a database.
type late struct {
	store.DB
	act func()
}

func (l *late) Migrate(ctx context.Context, changes []store.Change) error {
	if act := l.act; act != nil {
		l.act = nil
		act()
	}
	return l.DB.Migrate(ctx, changes)
}
