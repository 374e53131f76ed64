package fastness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// TestLongNamesAcrossStarts: a side table whose name does not fit is found again at the next start, with its rows.
func TestLongNamesAcrossStarts(t *testing.T) {
	table, field := strings.Repeat("c", 48), strings.Repeat("f", 48)
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", "")
			url := ""
			if kind == "postgres" {
				url = storetest.Database(t)
			}
			dir := place(t, url)
			extend(t, dir, "collections:\n  "+table+":\n    fields:\n      "+field+": {type: list, of: {type: text, max: 9}, max: 5}\n")
			a := open(t, dir)
			f := a.Plan.Collection(table).Field(field)
			steps := []string{`INSERT INTO ` + table + ` (id, created, updated, version, ` + field + `) VALUES ('a', 1, 1, 1, '["x"]')`,
				`INSERT INTO ` + f.Side + ` (row_id, position, value) VALUES ('a', 0, 'x')`}
			if err := a.DB.Write(t.Context(), func(tx store.Tx) error {
				for _, sql := range steps {
					if _, err := tx.Exec(t.Context(), store.SQL(sql)); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			a.Close()
			open(t, dir).Close()
			a = open(t, dir)
			defer a.Close()
			if d, err := a.Compare(t.Context(), nil); err != nil || len(d.Changes)+len(d.Steps) > 0 {
				t.Fatalf("the start after still finds %v (%v)", d, err)
			}
			if got := storetest.Rows(t, a.DB, "SELECT value FROM "+f.Side); len(got) != 1 || got[0][0] != "x" {
				t.Fatalf("the side table holds %v", got)
			}
		})
	}
}

// extend adds to the declaration of a place.
func extend(t *testing.T, dir, text string) {
	t.Helper()
	save(t, dir, string(read(t, dir))+text)
}

func read(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "fastness.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func save(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
