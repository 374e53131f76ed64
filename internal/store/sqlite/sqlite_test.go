package sqlite_test

import (
	"errors"
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
