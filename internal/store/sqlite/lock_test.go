package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// TestOneHolder: a database that is open is not opened again under another name of its file, nor after the lock file was removed, and a
// folder that others can write or that holds links is refused by name.
func TestOneHolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	open := func(dir string) error {
		db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
		if err == nil {
			db.Close()
		}
		return err
	}
	db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "fastness.db"), filepath.Join(other, "fastness.db")); err != nil {
		t.Fatal(err)
	}
	if err := open(other); !errors.Is(err, store.ErrBusy) {
		t.Errorf("the same file under another name: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if err := open(dir); !errors.Is(err, store.ErrBusy) {
		t.Errorf("without the lock file: %v", err)
	}
	db.Close()
	if err := open(dir); err != nil {
		t.Errorf("after it was closed: %v", err)
	}
}

// TestFolderOfOthers: a data folder in which others choose what lies there is refused, with what to do.
func TestFolderOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string) error
		want  string
	}{
		"writable by all":     {func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o777) }, "chmod go-w"},
		"writable by a group": {func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o770) }, "chmod go-w"},
		"the database a link": {func(t *testing.T, dir string) error {
			return os.Symlink(filepath.Join(t.TempDir(), "x"), filepath.Join(dir, "fastness.db"))
		}, "symbolic link"},
		"the log a link": {func(t *testing.T, dir string) error {
			return os.Symlink(filepath.Join(t.TempDir(), "x"), filepath.Join(dir, "fastness.db-wal"))
		}, "symbolic link"},
		"the lock a link": {func(t *testing.T, dir string) error {
			return os.Symlink(filepath.Join(t.TempDir(), "x"), filepath.Join(dir, "lock"))
		}, "symbolic link"},
		"the socket a link": {func(t *testing.T, dir string) error {
			return os.Symlink(filepath.Join(t.TempDir(), "x"), filepath.Join(dir, "control.sock"))
		}, "symbolic link"},
		"another user's": {func(_ *testing.T, dir string) error { return os.Chown(dir, 65534, -1) }, "belongs to user 65534"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(t, dir); err != nil {
				hosttest.Missing(t, fmt.Sprintf("another user's file takes root to make: %v", err))
			}
			db, err := sqlite.Open(sqlite.Config{Dir: dir, Recorder: storetest.Recorder{}, ReadLimit: storetest.Patience, WriteTime: storetest.Patience})
			if err == nil {
				db.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; it should say %q", err, c.want)
			}
		})
	}
}
