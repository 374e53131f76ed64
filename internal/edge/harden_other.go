//go:build !linux

package edge

// Harden knows no switch for this system.
func Harden() {}
