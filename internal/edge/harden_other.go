//go:build !linux

package edge

// descriptors is what Go's own runtime asks for at least.
func descriptors() uint64 { return 1024 }

// Harden knows no switch for this system.
func Harden() {}
