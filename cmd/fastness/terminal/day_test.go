package terminal

import (
	"testing"
	"time"
)

// TestDay: dates and weekdays; nothing else.
func TestDay(t *testing.T) {
	now := time.Date(2026, 11, 27, 23, 30, 0, 0, time.UTC) // a Friday
	for text, want := range map[string]string{"2026-12-31": "2026-12-31", "friday": "2026-12-04", "Saturday": "2026-11-28", "thursday": "2026-12-03"} {
		if day, ok := Day(text, now); !ok || day.Format(time.DateOnly) != want {
			t.Errorf("%s: %v %v, want %s", text, day, ok, want)
		}
	}
	for _, text := range []string{"", "soon", "2026-13-01", "31.12.2026"} {
		if _, ok := Day(text, now); ok {
			t.Errorf("%q was read as a day", text)
		}
	}
}
