package fastness

import (
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// TestStrangersTables: tables of others in the database are left alone: nobody is told to drop them, and one that has the name of ours is
// said by name. A collection that is no longer declared is still asked about.
func TestStrangersTables(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", "")
			url := ""
			if kind == "postgres" {
				url = storetest.Database(t)
			}
			dir := place(t, url)
			open(t, dir).Close()
			run := func(statements ...string) {
				a := open(t, dir)
				defer a.Close()
				for _, sql := range statements {
					if err := a.DB.Write(t.Context(), func(tx store.Tx) error {
						_, err := tx.Exec(t.Context(), store.SQL(sql))
						return err
					}); err != nil {
						t.Fatalf("%s: %v", sql, err)
					}
				}
			}
			run("CREATE TABLE spatial_ref_sys (srid INTEGER PRIMARY KEY, created INTEGER)", "CREATE TABLE bare (n INTEGER)",
				"CREATE TABLE invoices (id INTEGER PRIMARY KEY, total INTEGER)", "INSERT INTO invoices VALUES (1, 2)", "CREATE INDEX invoices_by_total ON invoices (total)")
			if kind == "postgres" {
				run("CREATE EXTENSION IF NOT EXISTS postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw", "CREATE FOREIGN TABLE far_rows (n INTEGER) SERVER far")
			}
			a := open(t, dir)
			d, err := a.Compare(t.Context(), nil)
			if err != nil || len(d.Changes)+len(d.Steps) > 0 {
				t.Errorf("the next start would %v (%v)", d, err)
			}
			a.Close()
			before := string(read(t, dir))
			extend(t, dir, "collections:\n  invoices:\n    fields: {total: {type: int}}\n")
			if a, err := Open(dir, Options{Environment: "development"}); err == nil {
				a.Close()
				t.Error("a stranger's table was taken for ours")
			} else if !strings.Contains(err.Error(), `"invoices"`) || strings.Contains(err.Error(), "--drop") {
				t.Errorf("a stranger's table has the name of ours: %v", err)
			}
			save(t, dir, before+"collections:\n  notes:\n    fields: {total: {type: list, max: 3, of: {type: int}}}\n")
			open(t, dir).Close()
			save(t, dir, before)
			if _, err := Open(dir, Options{Environment: "development"}); err == nil || !strings.Contains(err.Error(), "notes") {
				t.Errorf("a collection that was taken out: %v", err)
			}
		})
	}
}
