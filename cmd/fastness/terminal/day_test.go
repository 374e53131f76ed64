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

// TestSpan: the largest unit that is exact.
func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{15 * time.Minute: "15 minutes", 7 * 24 * time.Hour: "7 days", 24 * time.Hour: "1 day", 36 * time.Hour: "36 hours", 90 * time.Second: "1m30s"} {
		if got := Span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
