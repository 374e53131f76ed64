//go:build !race

package hosttest

// Race reports whether the tests run under the race detector. It slows every step some tenfold and looks for another
// kind of fault than a test's own: what repeats the same steps with other data may repeat them less often there.
const Race = false
