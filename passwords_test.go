package fastness

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/fastness-dev/fastness/internal/identity/password"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// TestMain lets the test binary be a worker, as the product's program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == PasswordWorker {
		if err := ServePasswords(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// place is a folder with a declaration; database "" is SQLite in it.
func place(t *testing.T, database string) string {
	t.Helper()
	dir := t.TempDir()
	where := "sqlite"
	if database != "" {
		where = `"${env:COSTS_DATABASE}"`
		t.Setenv("COSTS_DATABASE", database)
	}
	save := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("fastness.yaml", fmt.Sprintf("version: 1\nservice: {name: costs, host: costs.example}\nstore: %s\n", where))
	if os.Getenv("CREDENTIALS_DIRECTORY") == "" {
		save("fastness-root", hex.EncodeToString(make([]byte, 32)))
		t.Setenv("CREDENTIALS_DIRECTORY", dir)
	}
	return dir
}

func open(t *testing.T, dir string) *App {
	t.Helper()
	a, err := Open(dir, Options{Environment: "development"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestCostsAreChosenOnce: the first to choose chooses for all, now and after a restart.
func TestCostsAreChosenOnce(t *testing.T) {
	ctx := context.Background()
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	server := os.Getenv("FASTNESS_TEST_POSTGRES")
	if server == "" {
		server = "postgres://postgres@127.0.0.1:5432/test"
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		hosttest.Missing(t, fmt.Sprintf("PostgreSQL is needed here: %v; set FASTNESS_TEST_POSTGRES", err))
	}
	name := "costs_" + strings.ToLower(string(types.RandomID()))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("the database %s is left behind: %v", name, err)
		}
		conn.Close(ctx)
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	a := open(t, place(t, u.String()))
	defer a.Close()
	b := open(t, place(t, u.String()))
	defer b.Close()
	if a.passwords.Params() != password.Least || b.passwords.Params() != password.Least {
		t.Fatal("before anything was measured hashes do not cost the least")
	}
	chosen := password.Params{MemoryKiB: 40 << 10, Time: 2} // which nobody would measure: it is not among the candidates
	if _, err := a.agree(ctx, "password", []byte(`{"memory_kib": 40960, "passes": 2}`)); err != nil {
		t.Fatal(err)
	}
	for who, app := range map[string]*App{"the first": a, "a replica": b} {
		if err := app.chooseCosts(ctx); err != nil || app.passwords.Params() != chosen {
			t.Errorf("%s hashes with %v, %v; want %v", who, app.passwords.Params(), err, chosen)
		}
	}
	if c := open(t, place(t, u.String())); c.passwords.Params() != chosen {
		t.Errorf("a later start hashes with %v, want %v", c.passwords.Params(), chosen)
	} else {
		c.Close()
	}
}

// TestCostsAreMeasured: what is chosen lies within the bounds and is stored.
func TestCostsAreMeasured(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	a := open(t, place(t, ""))
	defer a.Close()
	ctx := context.Background()
	if err := a.chooseCosts(ctx); err != nil {
		t.Fatal(err)
	}
	text, err := a.meta(ctx, "password")
	if err != nil || text == nil {
		t.Fatalf("nothing is stored: %v", err)
	}
	if p := a.passwords.Params(); p.MemoryKiB < password.Least.MemoryKiB || p.MemoryKiB > password.Most.MemoryKiB || p.Time < 2 || p.Time > 3 {
		t.Fatalf("chosen were %v", p)
	}
}

// TestWeakCostsAreRefused: a row that would make new hashes weaker, or absurdly dear, stops the start.
func TestWeakCostsAreRefused(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	dir := place(t, "")
	for _, text := range []string{`{"memory_kib": 8, "passes": 1}`, `{"memory_kib": 19456, "passes": 1}`, `{"memory_kib": 4194304, "passes": 3}`, `{}`, `x`} {
		a := open(t, dir)
		if err := a.DB.Write(t.Context(), func(tx store.Tx) error {
			if _, err := tx.Exec(t.Context(), store.SQL("DELETE FROM fastness_meta WHERE name = ?"), types.TextValue("password")); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), writeMeta, types.TextValue("password"), types.BytesValue([]byte(text)))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		a.Close()
		if b, err := Open(dir, Options{Environment: "development"}); err == nil {
			t.Errorf("%s: the start went on with %v", text, b.passwords.Params())
			b.Close()
		}
		c, err := load(dir, Options{Environment: "development"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.openData(); err != nil {
			t.Fatal(err)
		}
		if err := c.DB.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), store.SQL("DELETE FROM fastness_meta WHERE name = ?"), types.TextValue("password"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		c.DB.Close()
	}
}

// TestWorkerReadsImportedHashes: the workers of the program verify what accounts were imported with.
func TestWorkerReadsImportedHashes(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(place(t, ""), Options{Environment: "development", PasswordWorker: []string{self, PasswordWorker}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stored := types.NewSecret("$2b$10$kHbhTRddPyEvcQUeq1n72.5YClttjrLSX/Uhl3CRcr2ibuLskSfLK")
	for typed, want := range map[string]bool{"correct horse battery staple": true, "another": false} {
		if ok, stale, err := a.passwords.Verify(t.Context(), types.NewSecret(typed), stored); ok != want || !stale || err != nil {
			t.Errorf("%q: %v %v %v", typed, ok, stale, err)
		}
	}
}
