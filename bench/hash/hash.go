// Package hash is the yardstick of sign-ins: Argon2id in a process that does nothing else.
package hash

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/crypto/argon2"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/internal/identity/password"
)

// Child is what a child process does that only hashes, with the parameters "KIB PASSES": it prints the CPU of one.
func Child(costs string) error {
	const n = 20
	var c password.Params
	if _, err := fmt.Sscan(costs, &c.MemoryKiB, &c.Time); err != nil {
		return err
	}
	before, err := proc.CPUTime(os.Getpid())
	if err != nil {
		return err
	}
	for range n {
		argon2.IDKey([]byte("a long enough sentence for benches"), make([]byte, 16), c.Time, c.MemoryKiB, 1, 32)
		runtime.GC()
	}
	after, err := proc.CPUTime(os.Getpid())
	if err != nil {
		return err
	}
	_, err = fmt.Println(int64(after-before) / n)
	return err
}
