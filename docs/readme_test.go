package docs_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// said is what a program printed so far.
type said struct {
	sync.Mutex
	b bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.Lock()
	defer s.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.Lock()
	defer s.Unlock()
	return s.b.String()
}

// tour gives the code blocks of the README's tour, byte for byte.
func tour(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "\n## A minute's tour\n")
	part, _, more := strings.Cut(after, "\n## ")
	if !ok || !more {
		t.Fatal("the README has no tour")
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?m)(?:^ {4}.*\n)+`).FindAllString(part, -1) {
		out = append(out, regexp.MustCompile(`(?m)^ {4}`).ReplaceAllString(m, ""))
	}
	return out
}

// checkout copies what is under version control, as it lies here, into an empty folder.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list, err := exec.Command("git", "-C", "..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		hosttest.Missing(t, fmt.Sprintf("this is not a checkout: %v", err))
	}
	for _, name := range strings.Split(strings.TrimRight(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue
		}
		info, statErr := os.Stat(filepath.Join("..", name))
		to := filepath.Join(dir, name)
		if err != nil || statErr != nil || os.MkdirAll(filepath.Dir(to), 0o755) != nil || os.WriteFile(to, text, info.Mode()) != nil {
			t.Fatalf("copy %s: %v", name, err)
		}
	}
	return dir
}

// TestReadmeTour does what the README says to somebody who has a minute: make run, then its commands as they stand, then the curl that
// was printed for each role.
func TestReadmeTour(t *testing.T) {
	for _, tool := range []string{"make", "curl", "bash", "git"} {
		hosttest.Tool(t, tool, tool)
	}
	if l, err := net.Listen("tcp", "127.0.0.1:8443"); err != nil {
		hosttest.Missing(t, fmt.Sprintf("port 8443, which the README names, is in use: %v", err))
	} else {
		l.Close()
	}
	dir := checkout(t)
	env := append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir(), "GOFLAGS=-buildvcs=false")
	out := &said{}
	run := exec.Command("make", "run")
	run.Dir, run.Env, run.Stdout, run.Stderr, run.SysProcAttr = dir, env, out, out, &syscall.SysProcAttr{Setpgid: true}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		syscall.Kill(-run.Process.Pid, syscall.SIGTERM) // the whole group: make and what it started
		run.Wait()
	}()
	shell := func(text string) string {
		t.Helper()
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", text)
		cmd.Dir, cmd.Env = dir, env
		got, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", text, err, got)
		}
		return string(got)
	}
	printed := regexp.MustCompile(`(?m)^\w+: (curl .*)$`)
	for deadline := 900; ; deadline-- { // a first build on a slow machine takes minutes
		if conn, err := net.DialTimeout("tcp", "127.0.0.1:8443", time.Second); err == nil {
			conn.Close()
			break
		}
		if deadline == 0 {
			t.Fatalf("make run does not serve:\n%s", out)
		}
		time.Sleep(200 * time.Millisecond)
	}
	for range 100 {
		if len(printed.FindAllString(out.String(), -1)) >= 3 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	blocks := tour(t)
	if len(blocks) != 4 {
		t.Fatalf("the tour has %d blocks", len(blocks))
	}
	for i, want := range []string{`"count":`, "read", "", "ca.pem"} {
		if got := shell(blocks[i]); !strings.Contains(got, want) {
			t.Errorf("%s printed\n%s", blocks[i], got)
		}
	}
	curls := printed.FindAllStringSubmatch(out.String(), -1)
	if len(curls) < 3 {
		t.Fatalf("make run printed %d curls:\n%s", len(curls), out)
	}
	for _, c := range curls {
		got, drafts := shell(c[1]), !strings.HasPrefix(c[0], "anonymous: ")
		if !strings.HasPrefix(got, `{"items":[`) || strings.Contains(got, `"status":"draft"`) != drafts {
			t.Errorf("%s printed\n%s", c[0], got)
		}
	}
	if got := shell("curl -sk https://localhost:8443/dev/mail"); !strings.Contains(got, "Letters") {
		t.Errorf("/dev/mail shows\n%s", got)
	}
	shell("bin/fastness new mine && bin/fastness check mine --env development")
}
