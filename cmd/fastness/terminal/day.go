package terminal

import (
	"strings"
	"time"
)

// Day reads a day as people write it: a date, or the name of a weekday, which is the next one after today. Days are UTC's.
func Day(text string, now time.Time) (day time.Time, ok bool) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, true
	}
	day = now.UTC().Truncate(24 * time.Hour)
	for range 7 {
		day = day.Add(24 * time.Hour)
		if strings.EqualFold(day.Weekday().String(), text) {
			return day, true
		}
	}
	return time.Time{}, false
}
