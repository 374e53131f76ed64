package sqlite_test

import (
	"context"
	"errors"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestReferencesHoldAfterReopening: SQLite forgets with the connection whether it enforces references, and a migration switches
// it on again, so only a database that was closed after its migration shows what a new connection does.
func TestReferencesHoldAfterReopening(t *testing.T) {
	cfg := sqlite.Config{Dir: t.TempDir(), Recorder: storetest.Recorder{}}
	db, err := sqlite.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	id := store.Column{Name: "id", Type: store.TextColumn, NotNull: true}
	storetest.Create(t, db, []store.Table{{Name: "parent", Primary: []string{"id"}, Columns: []store.Column{id}},
		{Name: "child", Primary: []string{"id"}, Columns: []store.Column{id},
			Foreign: []store.ForeignKey{{Name: "child_parent", Columns: []string{"id"}, RefTable: "parent", RefColumn: "id"}}}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = sqlite.Open(cfg); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	orphan := store.SQL("INSERT INTO child (id) VALUES (?)")
	err = db.Write(context.Background(), func(tx store.Tx) error {
		_, err := tx.Exec(context.Background(), orphan, types.TextValue("nobody"))
		return err
	})
	var broken *store.ConstraintError
	if !errors.As(err, &broken) || broken.Kind != store.Foreign {
		t.Errorf("an orphan was written: %v", err)
	}
}
