package control_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fastness-dev/fastness/cmd/fastness/control"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// TestStrangersSocket: a socket on which another user listens is told nothing. Root speaks to the server of who owns the data.
func TestStrangersSocket(t *testing.T) {
	if os.Getuid() != 0 {
		hosttest.Missing(t, "another user's socket takes root to make")
	}
	for name, c := range map[string]struct {
		owner int
		told  bool
	}{"another user's": {0, false}, "the owner's of the data": {nobody, true}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chown(dir, c.owner, -1); err != nil {
				t.Fatal(err)
			}
			l := listenAs(t, filepath.Join(dir, "control.sock"))
			heard := make(chan string, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					heard <- ""
					return
				}
				defer conn.Close()
				line, _ := io.ReadAll(io.LimitReader(conn, 10))
				heard <- string(line)
			}()
			_, err := control.Ask(dir, []string{"users", "add", "secret"})
			l.Close()
			said := <-heard
			if told := said != ""; told != c.told {
				t.Errorf("said %q (%v)", said, err)
			}
			if !c.told && (err == nil || !strings.Contains(err.Error(), "nothing was said")) {
				t.Errorf("the command line: %v", err)
			}
		})
	}
}

const nobody = 65534

// listenAs listens as nobody: the kernel keeps who called listen, and a thread has a user of its own.
func listenAs(t *testing.T, path string) net.Listener {
	t.Helper()
	type made struct {
		l   net.Listener
		err error
	}
	out := make(chan made)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
		if err == nil {
			if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), nobody, ^uintptr(0)); e != 0 {
				err = e
			}
		}
		if err == nil {
			err = unix.Listen(fd, 1)
		}
		if err != nil {
			out <- made{nil, err}
			return
		}
		f := os.NewFile(uintptr(fd), path)
		l, err := net.FileListener(f)
		f.Close()
		out <- made{l, err}
	}()
	m := <-out
	if m.err != nil {
		t.Fatal(m.err)
	}
	t.Cleanup(func() { m.l.Close() })
	return m.l
}
