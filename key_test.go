package fastness

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestKeyOfAnotherPlace: data are not opened with the root key of another place, development's for instance, and that somebody tried is
// in evidence.
func TestKeyOfAnotherPlace(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	dir := place(t, "")
	open(t, dir).Close()
	key := filepath.Join(dir, "fastness-root")
	right, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	other := make([]byte, 32)
	other[0] = 1
	if err := os.WriteFile(key, []byte(hex.EncodeToString(other)), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := Open(dir, Options{Environment: "development"}); err == nil {
		a.Close()
		t.Fatal("data were opened with another root key")
	}
	if err := os.WriteFile(key, right, 0o600); err != nil {
		t.Fatal(err)
	}
	a := open(t, dir)
	defer a.Close()
	found := 0
	if err := a.DB.View(t.Context(), func(r store.Reader) error {
		rows, err := r.Query(t.Context(), store.SQL("SELECT code FROM fastness_evidence WHERE event = ?"), types.TextValue(string(types.KeyChange)))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if rows.Text(0) == "root_key_of_another_place" {
				found++
			}
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	if found != 1 {
		t.Fatalf("%d entries of the attempt, want 1", found)
	}
}
