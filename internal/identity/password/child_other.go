//go:build !linux

package password

import "syscall"

// lower knows no priorities on this system: the bounded pool alone holds hashes back.
func lower() {}

func apart() *syscall.SysProcAttr { return nil }
