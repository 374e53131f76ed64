package value

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestTimesAsTheLibraryWrites: AppendTime writes what the general way does, also at the ends of years and of the range.
func TestTimesAsTheLibraryWrites(t *testing.T) {
	at := []int64{0, -1, 1, 10, 100_000, 999_999, 1_000_000, -62167219200_000_000, -62167219200_000_001, 253402300799_999_999, 253402300800_000_000,
		time.Date(2024, 2, 29, 23, 59, 59, 999_990_000, time.UTC).UnixMicro()}
	for range 20_000 {
		us := rand.Int64N(400_000_000_000_000_000) - 70_000_000_000_000_000
		at = append(at, us, us/1_000_000*1_000_000, us/1000*1000)
	}
	for _, us := range at {
		want := `"` + time.UnixMicro(us).UTC().Format(timeLayout) + `"`
		if got := string(AppendTime(nil, us)); got != want {
			t.Fatalf("%d is written %s, not %s", us, got, want)
		}
	}
}
