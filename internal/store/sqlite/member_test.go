package sqlite_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var addItem = store.SQL("INSERT INTO item (id) VALUES (?)")

// TestMembersWhoFail: whoever shares a commit and fails leaves nothing but the evidence that he keeps, before and after he wrote,
// and takes nothing from the others; each of them wrote once, however often a batch was run.
func TestMembersWhoFail(t *testing.T) {
	refused := errors.New("refused")
	for _, way := range []struct {
		name            string
		writes, records bool
		end             error
		entry           bool // is left
	}{
		{"at once", false, false, refused, false},
		{"after it wrote", true, false, refused, false},
		{"after it recorded", false, true, refused, false},
		{"and keeps evidence", false, true, store.Keep(refused), true},
		{"after it wrote, and keeps evidence", true, true, store.Keep(refused), true},
	} {
		db, err := sqlite.Open(sqlite.Config{Dir: t.TempDir(), Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
		if err != nil {
			t.Fatal(err)
		}
		item := store.Table{Name: "item", Primary: []string{"id"}, Columns: []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true}}}
		storetest.Create(t, db, []store.Table{storetest.Table, item})
		write := func(id string, writes, records bool, end error) {
			err := db.Write(t.Context(), func(tx store.Tx) error {
				if writes {
					if _, err := tx.Exec(t.Context(), addItem, types.TextValue(id)); err != nil {
						return err
					}
				}
				if records {
					if err := tx.Record(types.Entry{Event: types.RowRead, Outcome: types.Done, Row: types.ID(id)}); err != nil {
						return err
					}
				}
				return end
			})
			if end == nil && err != nil || end != nil && !errors.Is(err, refused) {
				t.Errorf("%s: %v", way.name, err)
			}
		}
		write("alone", way.writes, way.records, way.end) // nobody has failed before: it is not guarded
		const others = 40
		var wg sync.WaitGroup
		for i := range others {
			wg.Go(func() { write(fmt.Sprint(i), true, false, nil) })
			if i%10 == 5 {
				wg.Go(func() { write(fmt.Sprint("failed ", i), way.writes, way.records, way.end) })
			}
		}
		wg.Wait()
		entries := 0
		if way.entry {
			entries = 1 + others/10
		}
		if n := len(storetest.Rows(t, db, "SELECT id FROM item")); n != others {
			t.Errorf("fails %s: %d rows are there, want those of the %d others", way.name, n, others)
		}
		if n := len(storetest.Rows(t, db, "SELECT id FROM evidence")); n != entries {
			t.Errorf("fails %s: %d entries are there, want %d", way.name, n, entries)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
