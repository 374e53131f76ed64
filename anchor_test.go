package fastness

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestCopyPutBack: a copy of the database that is put back revives neither sessions nor links; a restart, another server on the same
// database and a folder without its anchor end nothing.
func TestCopyPutBack(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", "")
			t.Setenv("XDG_CONFIG_HOME", t.TempDir())
			url := ""
			if kind == "postgres" {
				url = storetest.Database(t)
			}
			dir := place(t, url)
			extend(t, dir, "roles: {staff: {}}\n")
			by := &types.Caller{Kind: types.Operator, Name: "operator@cli", Reason: "test", RequestID: types.RandomID()}
			var log bytes.Buffer
			start := func() *App {
				t.Helper()
				a, err := Open(dir, Options{Environment: "development", Log: slog.New(slog.NewTextHandler(&log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			a := start()
			added, err := a.Identity.AddUser(t.Context(), by, "ada@example.org", []string{"staff"})
			if err != nil {
				t.Fatal(err)
			}
			counts := func(a *App) [2]int {
				t.Helper()
				links := storetest.Rows(t, a.DB, "SELECT id FROM fastness_link")
				sessions, err := a.Identity.SessionsOf(t.Context(), by, added.ID)
				if err != nil {
					t.Fatal(err)
				}
				return [2]int{len(sessions), len(links)}
			}
			if _, err := a.Identity.DevSession(t.Context(), by, added.ID); err != nil {
				t.Fatal(err)
			}
			had := counts(a)
			if had[0] != 1 || had[1] != 1 {
				t.Fatalf("sessions and links at first: %v", had)
			}
			a.Close()
			back := copied(t, dir, kind)
			for _, path := range []string{"", "data/anchor-*", "restart"} { // a restart, a folder without its anchor, a restart
				for _, name := range glob(t, dir, path) {
					os.Remove(name)
				}
				a = start()
				if got := counts(a); got != had {
					t.Errorf("%q ended sessions or links: %v", path, got)
				}
				a.Close()
			}
			back()
			a = start()
			if got := counts(a); got != [2]int{} || !strings.Contains(log.String(), "copy of an earlier time") {
				t.Errorf("after a copy was put back sessions and links are %v; the log: %s", got, log.String())
			}
			if got := storetest.Rows(t, a.DB, "SELECT code FROM fastness_evidence WHERE code = 'all_ended'"); len(got) != 1 {
				t.Errorf("%d entries of it", len(got))
			}
			if _, err := a.Identity.DevSession(t.Context(), by, added.ID); err != nil {
				t.Fatal(err)
			}
			a.Close()
			a = start()
			defer a.Close()
			if got := counts(a); got[0] != 1 {
				t.Errorf("the start after ended what was begun since: %v", got)
			}
		})
	}
}

// copied copies the database and returns what puts the copy back.
func copied(t *testing.T, dir, kind string) (back func()) {
	t.Helper()
	if kind == "sqlite" {
		from, to := filepath.Join(dir, "data"), t.TempDir()
		move := func(from, to string) {
			for _, name := range []string{"fastness.db", "fastness.db-wal"} {
				os.Remove(filepath.Join(to, name))
				if b, err := os.ReadFile(filepath.Join(from, name)); err == nil {
					if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			os.Remove(filepath.Join(to, "fastness.db-shm"))
		}
		move(from, to)
		return func() { move(to, from) }
	}
	var was []byte
	a := open(t, dir)
	defer a.Close()
	was, err := a.meta(t.Context(), "anchor")
	if err != nil {
		t.Fatal(err)
	}
	return func() { // what a restored dump says
		a := open(t, dir)
		defer a.Close()
		if err := a.DB.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), writeAnchor, types.BytesValue(was))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || !strings.Contains(pattern, "*") {
		return nil
	}
	return found
}
