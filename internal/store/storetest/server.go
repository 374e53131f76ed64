package storetest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fastness-dev/fastness/internal/types"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// A Server is a PostgreSQL of a test's own on loopback, for tests that stop it, copy it or set something before it. It ends with the test.
type Server struct {
	t    testing.TB
	bin  string
	dir  string
	Port int
}

// ports are those for servers of tests: below what the system gives away.
const firstPort, lastPort = 15440, 15449

// NewServer makes a PostgreSQL and starts it. Without its programs it skips or fails like Postgres.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, bin: filepath.Dir(Program(t, "initdb", "postgresql"))}
	s.dir = Place(t)
	s.run("initdb", "-A", "trust", "-N", "-U", "postgres", "--locale=C", "-E", "UTF8", "-D", s.dir)
	s.Start()
	return s
}

// Standby makes a server that follows this one.
func (s *Server) Standby() *Server {
	s.t.Helper()
	next := &Server{t: s.t, bin: s.bin, dir: Place(s.t)}
	s.run("pg_basebackup", "-R", "-c", "fast", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "postgres", "-D", next.dir)
	next.Start()
	return next
}

// Start starts the server, on the port that it had.
func (s *Server) Start() {
	s.t.Helper()
	if s.Port == 0 {
		s.Port = FreePort(s.t)
		s.t.Cleanup(func() { s.command("pg_ctl", "-D", s.dir, "-m", "immediate", "stop").Run() })
	}
	s.run("pg_ctl", "-D", s.dir, "-w", "-l", filepath.Join(s.dir, "log"), "-o",
		fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=16MB", s.Port), "start")
}

// Stop stops the server at once, as if it were killed.
func (s *Server) Stop() { s.t.Helper(); s.run("pg_ctl", "-D", s.dir, "-m", "immediate", "stop") }

// Restart stops the server, telling its clients, and starts it again.
func (s *Server) Restart() {
	s.t.Helper()
	s.run("pg_ctl", "-D", s.dir, "-m", "fast", "stop")
	s.Start()
}

// Promote makes a standby the server that writes.
func (s *Server) Promote() { s.t.Helper(); s.run("pg_ctl", "-D", s.dir, "-w", "promote") }

// Host is the server's address and port.
func (s *Server) Host() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// URL names the servers, the first of which is tried first, and adds parameters such as "target_session_attrs=read-write".
func URL(parameters string, hosts ...string) types.Secret {
	return types.NewSecret("postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable&" + parameters)
}

func (s *Server) command(program string, args ...string) *exec.Cmd {
	return AsPostgres(s.t, filepath.Join(s.bin, program), args...)
}

func (s *Server) run(program string, args ...string) {
	s.t.Helper()
	log, err := os.CreateTemp(s.t.TempDir(), "log") // a server that goes on would keep a pipe open
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := s.command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		s.t.Fatalf("%s: %v: %s", program, err, text)
	}
}

// AsPostgres is a command of the user postgres when the tests run as root, which the database's programs refuse.
func AsPostgres(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...) // #nosec G204 -- the tests name the program
	cmd.Dir = "/"
	if uid, gid := postgresUser(t); uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return cmd
}

// postgresUser is who the database's programs run as; 0 when that is who runs the tests.
func postgresUser(t testing.TB) (uid, gid uint32) {
	t.Helper()
	if os.Getuid() != 0 {
		return 0, 0
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		absent(t, err)
	}
	id := func(s string) uint32 {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(n)
	}
	return id(who.Uid), id(who.Gid)
}

// Place is an empty folder of the user of AsPostgres.
func Place(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postgres") // t.TempDir lies in a folder of root's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if uid, gid := postgresUser(t); uid != 0 {
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Program finds a program, first where Debian puts those of PostgreSQL and of the system; without it the test skips or fails like Postgres.
func Program(t testing.TB, name, from string) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/", "/usr/sbin/"} {
		if found, _ := filepath.Glob(pattern + name); len(found) > 0 {
			return slices.Max(found)
		}
	}
	return hosttest.Tool(t, name, from)
}

// FreePort is a port of this machine that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	for port := firstPort; port <= lastPort; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatalf("all ports from %d to %d are taken", firstPort, lastPort)
	return 0
}
