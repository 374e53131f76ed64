package sqlite_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/store/sqlite"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types"
)

var (
	cutLeft  = store.SQL("INSERT INTO left_half (id, body) VALUES (?, ?)")
	cutRight = store.SQL("INSERT INTO right_half (id, body) VALUES (?, ?)")
)

// TestPowerCut cuts the power at a random moment of concurrent writes, FASTNESS_ROUNDS times (20), and asks of what is found
// afterwards: the file is sound, every acknowledged write is there, every write is there whole or not at all. A round that is
// red prints its seed; FASTNESS_SEED repeats it.
func TestPowerCut(t *testing.T) {
	rounds, seed := 20, rand.Uint64()
	if v, err := strconv.Atoi(os.Getenv("FASTNESS_ROUNDS")); err == nil {
		rounds = v
	}
	if v, err := strconv.ParseUint(os.Getenv("FASTNESS_SEED"), 10, 64); err == nil {
		rounds, seed = 1, v
	}
	var acknowledged, lost, checkpoints int
	for i := range rounds {
		seed := seed + uint64(i)
		t.Run("cut", func(t *testing.T) {
			c := newCut(t, seed)
			c.write(t)
			c.check(t)
			if t.Failed() {
				t.Logf("repeat it with FASTNESS_SEED=%d", seed)
			}
			acknowledged, lost = acknowledged+len(c.acks), lost+c.unanswered
			if c.checkpointed {
				checkpoints++
			}
		})
	}
	t.Logf("%d cuts: %d writes acknowledged, %d under way, %d cuts after a checkpoint", rounds, acknowledged, lost, checkpoints)
	if acknowledged == 0 || lost == 0 || checkpoints == 0 && rounds >= 20 {
		t.Errorf("nothing was at stake: %d acknowledged, %d under way, %d checkpoints", acknowledged, lost, checkpoints)
	}
}

// cut is one round.
type cut struct {
	dir          string
	disk         *disk
	body         string
	least        int // operations of the disk before the power may go
	acks         []string
	unanswered   int
	checkpointed bool
}

func newCut(t *testing.T, seed uint64) *cut {
	rnd := rand.New(rand.NewPCG(seed, 7))
	c := &cut{dir: t.TempDir(), body: strings.Repeat("x", 1+rnd.IntN(9000))}
	if seed%4 == 0 { // one in four lasts until the log was folded into the file
		c.body, c.least = strings.Repeat("x", 8000+rnd.IntN(1000)), 4000
	}
	c.disk = &disk{rnd: rnd, files: map[string]*inode{}, shm: t.TempDir()}
	return c
}

func (c *cut) open(t *testing.T, d *disk) *sqlite.DB {
	t.Helper()
	name := fmt.Sprintf("cut-%p", d)
	vfs.Register(name, d)
	t.Cleanup(func() { vfs.Unregister(name) })
	db, err := sqlite.Open(sqlite.Config{Dir: c.dir, VFS: name, Recorder: storetest.Recorder{}})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return db
}

// write runs writers until the power goes.
func (c *cut) write(t *testing.T) {
	db := c.open(t, c.disk)
	half := []store.Column{{Name: "id", Type: store.TextColumn, NotNull: true}, {Name: "body", Type: store.TextColumn}}
	storetest.Create(t, db, []store.Table{{Name: "left_half", Primary: []string{"id"}, Columns: half}, {Name: "right_half", Primary: []string{"id"}, Columns: half}})
	c.disk.mu.Lock()
	c.disk.cutAt = c.disk.ops + 1 + c.least + c.disk.rnd.IntN(3000)
	c.disk.mu.Unlock()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var n atomic.Int64
	for range 4 {
		wg.Go(func() {
			for {
				id := fmt.Sprint(n.Add(1))
				err := db.Write(context.Background(), func(tx store.Tx) error {
					if _, err := tx.Exec(context.Background(), cutLeft, types.TextValue(id), types.TextValue(c.body)); err != nil {
						return err
					}
					_, err := tx.Exec(context.Background(), cutRight, types.TextValue(id), types.TextValue(c.body))
					return err
				})
				mu.Lock()
				if err == nil {
					c.acks = append(c.acks, id)
				} else {
					c.unanswered++
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for name, f := range c.disk.files {
		if strings.HasSuffix(name, ".db") && len(f.synced) > 16*4096 {
			c.checkpointed = true
		}
	}
	db.Close() // its errors are the cut's
}

// check looks at what is left, first as any SQLite would, then as the store does.
func (c *cut) check(t *testing.T) {
	after := c.disk.survivors()
	after.shm = t.TempDir()
	name := fmt.Sprintf("cut-%p", after)
	vfs.Register(name, after)
	raw, err := sqlite3.Open("file:" + filepath.Join(c.dir, "fastness.db") + "?vfs=" + name)
	if err != nil {
		t.Fatal(err)
	}
	stmt, _, err := raw.Prepare("PRAGMA integrity_check")
	if err != nil {
		t.Fatal(err)
	}
	for stmt.Step() {
		if got := stmt.ColumnText(0); got != "ok" {
			t.Errorf("integrity_check: %s", got)
		}
	}
	if err := stmt.Close(); err != nil {
		t.Errorf("integrity_check: %v", err)
	}
	raw.Close()
	db := c.open(t, after)
	defer db.Close()
	left := map[string]bool{}
	for _, row := range storetest.Rows(t, db, "SELECT id, body FROM left_half") {
		left[row[0]] = true
		if row[1] != c.body {
			t.Errorf("row %s has a body of %d bytes, want %d", row[0], len(row[1]), len(c.body))
		}
	}
	for _, row := range storetest.Rows(t, db, "SELECT id FROM right_half") {
		if !left[row[0]] {
			t.Errorf("write %s is there by half (right)", row[0])
		}
	}
	right := len(storetest.Rows(t, db, "SELECT id FROM right_half"))
	if right != len(left) {
		t.Errorf("%d left halves and %d right halves", len(left), right)
	}
	missing := 0
	for _, id := range c.acks {
		if !left[id] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d acknowledged writes are lost", missing, len(c.acks))
	}
}
