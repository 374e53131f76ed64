// Package control is the socket through which commands work in a running server: DATA/control.sock, mode 0600. One connection carries one
// command line and its answer, as JSON.
//
// Policy: the server takes commands from the user that runs it and from root, by the kernel's word for who connected and not only by the
// mode of the file. The command line says nothing before it knows by the same word that the server is its own user's or root's. A socket that a dead server left behind is no server.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/fastness-dev/fastness/internal/types"
)

// Answer is what a command printed, and its exit code.
type Answer struct {
	Out, Err string
	Code     int
}

// ErrForeign says that the socket is another user's.
var ErrForeign = errors.New("control socket: permission denied; run this as the user that runs the server")

// Lost says that the server went away before it answered: nobody knows whether the command ran.
type Lost struct{ Err error }

// Error says what to do.
func (l *Lost) Error() string {
	return fmt.Sprintf("control socket: the server went away: %v; look whether it happened, and run the command again", l.Err)
}

// Unwrap returns the cause.
func (l *Lost) Unwrap() error { return l.Err }

// bounds of a command line and of the time to send one.
const (
	maxLine  = 8 << 20
	sendTime = 10 * time.Second
)

// Ask runs a command line in the server that holds the data directory; nil without an error when there is none.
func Ask(dir string, args []string) (*Answer, error) {
	path, release, err := address(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ErrForeign
	}
	defer release()
	conn, err := net.Dial("unix", path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, ErrForeign
	}
	if err != nil {
		return nil, nil
	}
	defer conn.Close()
	if uid, ok := peer(conn); !ok || !trusted(uid, dir) {
		return nil, fmt.Errorf("control socket: user %d answers at %s, not the server: nothing was said; look who put it there, and remove it", uid, filepath.Join(dir, "control.sock"))
	}
	line := json.NewEncoder(conn)
	line.SetEscapeHTML(false) // an import of rich text would grow sixfold
	if err := line.Encode(args); err != nil {
		return nil, &Lost{err}
	}
	var a Answer
	if err := json.NewDecoder(conn).Decode(&a); err != nil {
		return nil, &Lost{err}
	}
	return &a, nil
}

// trusted reports whether a server of this user may be told commands, which may hold secrets: our own, root's, or for root the one of who
// owns the data directory.
func trusted(uid int, dir string) bool {
	if uid == os.Getuid() || uid == 0 {
		return true
	}
	info, err := os.Stat(dir)
	return err == nil && os.Getuid() == 0 && owner(info) == uid
}

// longest is what fits into an address of a Unix socket, with room to spare.
const longest = 100

// address is where the socket of a data directory lies. A path that is too long is reached through the open directory.
func address(dir string) (path string, release func(), err error) {
	path = filepath.Join(dir, "control.sock")
	if len(path) <= longest {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/control.sock", d.Fd()), func() { d.Close() }, nil
}

// Listen serves commands by run until the returned function is called. The caller holds the directory's lock: a socket that lies there
// is left over.
func Listen(dir string, run func(args []string) Answer) (stop func(), err error) {
	path, release, err := address(dir)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	os.Remove(path)
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("control socket: %w; the data directory must be on a file system that has sockets", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go one(conn, run)
		}
	}()
	return func() { l.Close(); release() }, nil
}

// one runs one command for who connected, and never for another user.
func one(conn net.Conn, run func([]string) Answer) {
	defer conn.Close()
	var args []string
	conn.SetReadDeadline(types.SystemClock{}.Now().Add(sendTime))
	if err := json.NewDecoder(io.LimitReader(conn, maxLine)).Decode(&args); err != nil {
		return
	}
	if uid, ok := peer(conn); !ok || uid != 0 && uid != os.Getuid() {
		json.NewEncoder(conn).Encode(Answer{Err: "this server takes commands from the user that runs it and from nobody else", Code: 1})
		return
	}
	json.NewEncoder(conn).Encode(run(args))
}
