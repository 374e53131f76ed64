package seal

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPipeIsNoSecret: a pipe where a secret file should be is refused at once instead of holding the start.
func TestPipeIsNoSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := ReadSecretFile(path)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("it was read")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it waits for a writer")
	}
}
