//go:build !linux

package seal

import "os"

// secretMount knows no memory mounts on this system: the mode decides alone.
func secretMount(*os.File) bool { return false }
