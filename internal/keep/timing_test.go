package keep_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/clocktest"
)

// TestTimingOfRefusals: a row that the caller may not read is refused as slowly as one that does not exist, by get, update and delete, on
// each engine. Equal is less than half of what a second refusal adds, and than what is told apart across the Internet. FASTNESS_TIMING
// judges, FASTNESS_ROUNDS is the number of pairs; without it the test only walks the path.
func TestTimingOfRefusals(t *testing.T) {
	timed, pairs := os.Getenv("FASTNESS_TIMING") != "", 20
	if timed {
		pairs = 2000
		if n, err := strconv.Atoi(os.Getenv("FASTNESS_ROUNDS")); err == nil {
			pairs = n
		}
	}
	each(t, func(t *testing.T, o *office) {
		refused := func(door func(c *types.Caller, id string) error, id string) func() {
			return func() {
				if err := door(o.other, id); types.KindOf(err) != types.NotFound {
					t.Fatalf("%s: %v", id, err)
				}
			}
		}
		for name, door := range map[string]func(c *types.Caller, id string) error{
			"get":    func(c *types.Caller, id string) error { _, err := o.Get(c, "cases", id); return err },
			"update": func(c *types.Caller, id string) error { return o.write(t, c, id, `{"title": "B"}`, "") },
			"delete": func(c *types.Caller, id string) error { return o.write(t, c, id, "", "") },
		} {
			t.Run(name, func(t *testing.T) {
				denied, absent := refused(door, o.id), refused(door, o.absent)
				second := clocktest.Until(pairs, pairs/10, 16, func() { denied(); denied() }, absent, func(a clocktest.Apart) bool { return !timed || a.Low >= a.Median/2 })
				within := min(second.Low/2, clocktest.Internet)
				a := clocktest.Until(pairs, pairs/10, 16, denied, absent, func(a clocktest.Apart) bool { return !timed || a.Told(within) })
				if timed {
					a.Demand(t, within, "whether a row exists")
				}
			})
		}
	})
}
