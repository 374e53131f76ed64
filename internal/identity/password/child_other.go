//go:build !linux

package password

import "syscall"

// lower knows no priorities on this system: the bounded pool alone holds hashes back.
func lower() {}

// yield knows no classes on this system.
func yield(int) {}

func apart() *syscall.SysProcAttr { return nil }
