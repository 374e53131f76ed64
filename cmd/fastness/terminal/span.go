package terminal

import (
	"fmt"
	"time"
)

// Span writes how long something is good for, in the largest unit that says it exactly: "15 minutes", "7 days".
func Span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch {
		case d == u.unit:
			return "1 " + u.name
		case d > u.unit && d%u.unit == 0:
			return fmt.Sprintf("%d %ss", d/u.unit, u.name)
		}
	}
	return d.String()
}
