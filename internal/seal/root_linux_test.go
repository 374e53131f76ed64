package seal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
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

// TestSecretOfAnother: a secret that belongs to another user, who could put one of their own in its place, is refused.
func TestSecretOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, -1); err != nil {
		hosttest.Missing(t, fmt.Sprintf("another user's file takes root to make: %v", err))
	}
	if _, err := ReadSecretFile(path); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Errorf("it was read: %v", err)
	}
}
