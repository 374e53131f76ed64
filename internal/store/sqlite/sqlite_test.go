package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

func TestConformance(t *testing.T) { storetest.Run(t) }

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	cfg := sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}}
	db, err := sqlite.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(cfg); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a second opener got %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := sqlite.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// TestFolderNames: a folder whose name has the marks of a URI holds its own data and not its neighbour's.
// TestCloseLeavesOneFile: closing finalises every statement and folds the log into the database.
func TestCloseLeavesOneFile(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Create(t, db, []store.Table{storetest.Table})
	storetest.Rows(t, db, "SELECT id FROM evidence")
	if err := db.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Errorf("the folder holds %v after the close, want the database and the lock: %v", files, err)
	}
}

func TestFolderNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a#1?x=%41")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := os.Stat(filepath.Join(dir, "fastness.db")); err != nil {
		t.Fatal("the data lie elsewhere:", err)
	}
}
