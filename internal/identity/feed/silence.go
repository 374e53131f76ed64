package feed

import "time"

// silence is how long it has been since a reading of the clock: by the monotonic clock, which nobody can set, or by the wall clock, which
// goes on while the machine sleeps; whichever says more. A wall clock that was set back by more is silence too: it hides how long it was.
func silence(since, now time.Time) time.Duration {
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)).Abs())
}

// meeting is a moment at which our clock and the database's were read together.
type meeting struct{ ours, theirs time.Time }

// slept is how much longer the time since the meeting was for the database than for us: what our machine slept without noticing.
func (m meeting) slept(ours, theirs time.Time) time.Duration {
	if m.ours.IsZero() {
		return 0 // they have not met
	}
	return theirs.Sub(m.theirs) - ours.Sub(m.ours)
}
