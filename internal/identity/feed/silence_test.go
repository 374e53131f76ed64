package feed

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// nap is a clock of a machine that can be paused: its monotonic reading stands still meanwhile, its wall clock goes as it is told.
type nap struct{ now time.Time }

func (n *nap) Now() time.Time { return n.now }

// sleep moves the wall clock alone, as no function of package time can: a time.Time with a monotonic reading keeps the seconds of the wall
// clock in bits 30 to 62 of its first word.
func (n *nap) sleep(t *testing.T, d time.Duration) {
	t.Helper()
	before := n.now
	word := (*uint64)(unsafe.Pointer(&n.now))
	*word += uint64(d/time.Second) << 30
	if n.now.Sub(before) != 0 || n.now.Round(0).Sub(before.Round(0)) != d {
		t.Fatalf("package time keeps its readings in another way: %v and %v", n.now.Sub(before), n.now.Round(0).Sub(before.Round(0)))
	}
}

// TestPausedMachine: a process that was paused and does not know it does not trust what it knew before: not at its first request, when the
// wall clock tells; not after its first poll, when only the database's clock does.
func TestPausedMachine(t *testing.T) {
	for _, c := range []struct {
		name              string
		wall, database    time.Duration // how far they went while the monotonic clock stood still
		distrusted, deafs bool
	}{
		{"suspended", 5 * time.Minute, 5 * time.Minute, true, true},
		{"suspended shortly", 4 * time.Second, 4 * time.Second, true, true},
		{"set back", -5 * time.Minute, 0, true, true},
		{"stopped with its wall clock", 0, 5 * time.Minute, false, true},
		{"not paused", 0, 0, false, false},
		{"for a moment", 2 * time.Second, 2 * time.Second, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			pair(t, func(t *testing.T, _ *types.ManualClock, _, b *hand) {
				clock, database := &nap{time.Now()}, start
				b.cfg.Clock = clock
				at := func() {
					b.beats = store.SQL(fmt.Sprintf("SELECT process, at, beat, CAST(%d AS BIGINT) FROM fastness_feed_beat", database.UnixMilli()))
				}
				for range 3 {
					at()
					b.turn(t)
					clock.now, database = clock.now.Add(time.Second), database.Add(time.Second)
				}
				if !b.Live() || b.missed != 1 {
					t.Fatalf("before: trusted %v, told %d times to forget", b.Live(), b.missed)
				}
				clock.sleep(t, c.wall)
				database = database.Add(c.database)
				at()
				if b.Live() == c.distrusted {
					t.Errorf("at the first request caches are trusted: %v", b.Live())
				}
				b.turn(t)
				if deaf := b.missed == 2; deaf != c.deafs || !b.Live() {
					t.Errorf("after the first poll: told to forget %v, trusted again %v", deaf, b.Live())
				}
			})
		})
	}
}

// TestDatabaseTime: the statement that each database gives its time with says the time.
func TestDatabaseTime(t *testing.T) {
	pair(t, func(t *testing.T, clock *types.ManualClock, a, _ *hand) {
		a.beats = beats[a.cfg.DB.Dialect()]
		a.turn(t)
		if off := time.Since(a.met.theirs).Abs(); off > time.Hour {
			t.Fatalf("the database's time is %v away", off)
		}
	})
}
