package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

// TestFaultKinds: a sync that fails and persisted, and one that fails and did not, once and for a while. What is answered is true: an
// acknowledged write is there, now and after a cut, a refused one is not seen by anybody, and the store goes on when the disk does.
func TestFaultKinds(t *testing.T) {
	for _, persist := range []bool{true, false} {
		for _, times := range []int{1, 100} {
			t.Run(fmt.Sprintf("persist=%v times=%d", persist, times), func(t *testing.T) {
				d := &disk{rnd: rand.New(rand.NewPCG(7, uint64(times))), files: map[string]*inode{}, shm: t.TempDir()}
				c := &cut{dir: t.TempDir(), disk: d}
				db := c.open(t, d)
				storetest.Create(t, db, []store.Table{{Name: "left_half", Primary: []string{"id"}, Columns: []store.Column{
					{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "body", Type: store.TextColumn}}}})
				add := func(db *sqlite.DB, id string) error {
					return db.Write(context.Background(), func(tx store.Tx) error {
						_, err := tx.Exec(context.Background(), cutLeft, types.TextValue(id), types.TextValue("x"))
						return err
					})
				}
				arm := func(n int) {
					d.mu.Lock()
					defer d.mu.Unlock()
					d.fault = fault{n, persist}
				}
				arm(times)
				first := add(db, "b")
				if times == 1 && first != nil {
					t.Errorf("one failed sync is not survived: %v", first)
				}
				if times > 1 && types.KindOf(first) != types.Unavailable {
					t.Errorf("a disk that does not sync is told as %v", first)
				}
				arm(0)
				if err := add(db, "c"); err != nil {
					t.Fatalf("the disk works again and the store does not: %v", err)
				}
				look := func(when string, db *sqlite.DB) {
					t.Helper()
					var ids []string
					for _, row := range storetest.Rows(t, db, "SELECT id FROM left_half") {
						ids = append(ids, row[0])
					}
					if !slices.Contains(ids, "c") || first == nil && !slices.Contains(ids, "b") {
						t.Errorf("%s: an acknowledged write is missing from %v", when, ids)
					}
					if first != nil && !errors.Is(first, store.ErrUncertain) && slices.Contains(ids, "b") {
						t.Errorf("%s: a refused write is there: %v", when, ids)
					}
				}
				look("at once", db)
				after := d.survivors()
				after.shm = t.TempDir()
				db.Close() // its errors are the cut's
				again := c.open(t, after)
				defer again.Close()
				look("after a cut", again)
			})
		}
	}
}
