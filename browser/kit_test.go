// Package browser drives the people's pages with Chromium: the built binary serves an example in development, the browser trusts its
// certificate authority as a person's would (through its own store; no certificate error is ignored), and passkeys are made by
// DevTools' virtual authenticator.
//
// The map: kit_test.go (the server, the browser), tab_test.go (one person's window), person_test.go (accounts), then a file per story:
// passkey, app, provider, session, stepup (a proof that is demanded), organisation, plain (without script), hostile (another site), inert (stored
// text), access (axe-core), picture (docs/img).
package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
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

	"github.com/chromedp/chromedp"
)

// service is a running server with its declaration.
type service struct {
	dir, config, base string
	env               []string
	cmd               *exec.Cmd
	later             time.Duration // how far its clock is moved, see move

	mu       sync.Mutex
	log      []string
	got      *sync.Cond
	stopping bool
	ended    chan struct{}
}

// The servers and the one browser of the tests. Each person has a browser context of his own: other cookies, other storage.
var (
	app    *service // the program as it is
	aging  *service // the same with a clock that a test moves
	chrome context.Context
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "fastness-browser-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "fastness")
	if err := build(program); err != nil {
		return 0, err
	}
	if app, err = serve(program, filepath.Join(dir, "clinic"), "testdata/fastness.yaml"); err != nil {
		return 0, err
	}
	defer app.stop()
	if neighbour, err = newAuthority(filepath.Join(app.authority(), "neighbour")); err != nil {
		return 0, err
	}
	if aging, err = serveAging(dir); err != nil {
		return 0, err
	}
	defer aging.stop()
	home := filepath.Join(dir, "home")
	if err := trust(home, app.authority(), aging.authority()); err != nil {
		return 0, err
	}
	stop, err := startBrowser(home)
	if err != nil {
		return 0, err
	}
	defer stop()
	return m.Run(), nil
}

// build makes the program of the house.
func build(to string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", to, "./cmd/fastness")...)
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// serveAging serves a program that differs from the house's in its clock alone: nothing that is shipped has one that can be moved from outside.
func serveAging(dir string) (*service, error) {
	house, err := filepath.Abs("../internal/types")
	if err != nil {
		return nil, err
	}
	later, err := filepath.Abs("testdata/later.go")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(house, "clock.go"))
	if err != nil {
		return nil, err
	}
	moved := bytes.Replace(text, []byte("{ return time.Now() }"), []byte("{ return time.Now().Add(later()) }"), 1)
	if bytes.Equal(moved, text) {
		return nil, errors.New("internal/types/clock.go does not read the clock where it did")
	}
	clock, overlay, program := filepath.Join(dir, "clock.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "fastness-aging")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(house, "clock.go"): clock, filepath.Join(house, "later.go"): later}})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(clock, moved, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return nil, err
	}
	if err := build(program, "-overlay="+overlay); err != nil {
		return nil, err
	}
	return serve(program, filepath.Join(dir, "aging"), "testdata/fastness.yaml")
}

// move moves the clock of a server that has one to move.
func (s *service) move(t *testing.T, d time.Duration) {
	t.Helper()
	s.later += d
	name := filepath.Join(s.dir, "later")
	if err := os.WriteFile(name+".new", []byte(s.later.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil { // the server may read it at any moment, and never half
		t.Fatal(err)
	}
}

// now is the server's time.
func (s *service) now() time.Time { return time.Now().Add(s.later) }

// freePort finds a port below those that the system gives to outgoing connections, of which a browser makes many.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("100 ports from 20000 to 31999 are all in use")
}

// serve starts the binary with a declaration and waits until it says that it serves.
func serve(program, dir, declaration string) (*service, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return serveOn(port, program, dir, filepath.Join(dir, "config"), declaration, "")
}

// serveOn is serve on a port that was found before, with more text in the declaration. Services with one folder of configuration have one
// certificate authority.
func serveOn(port int, program, dir, config, declaration, more string) (*service, error) {
	text, err := os.ReadFile(declaration)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	text = fmt.Appendf(text, "\nlisten: {https: \"127.0.0.1:%d\"}\n%s", port, more)
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), text, 0o600); err != nil {
		return nil, err
	}
	s := &service{dir: dir, config: config, base: fmt.Sprintf("https://localhost:%d", port), env: append(os.Environ(), "XDG_CONFIG_HOME="+config, "LATER="+filepath.Join(dir, "later"))}
	s.got, s.ended = sync.NewCond(&s.mu), make(chan struct{})
	s.cmd = exec.Command(program, "serve", "--env", "development", "--no-access-log", dir)
	s.cmd.Env = s.env
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			s.mu.Lock()
			s.log = append(s.log, lines.Text())
			s.got.Broadcast()
			s.mu.Unlock()
		}
		s.end(lines.Err())
	}()
	if _, err := s.wait(regexp.MustCompile(` serves .* on (https://\S+)`), 0); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// wait returns the last group of the first line, from a mark on, that matches.
func (s *service) wait(re *regexp.Regexp, from int) (string, error) {
	over := time.AfterFunc(30*time.Second, func() { s.got.Broadcast() })
	defer over.Stop()
	deadline := time.Now().Add(30 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for ; from < len(s.log); from++ {
			if m := re.FindStringSubmatch(s.log[from]); m != nil {
				return m[len(m)-1], nil
			}
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("the server did not say %q; it said:\n%s", re, strings.Join(s.log, "\n"))
		}
		s.got.Wait()
	}
}

// mark is where wait shall begin to look for what comes next.
func (s *service) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.log)
}

// link is the link of the next letter to an address.
func (s *service) link(t *testing.T, address string, from int) string {
	t.Helper()
	link, err := s.wait(regexp.MustCompile(regexp.QuoteMeta(address)+`.*?(https://localhost:\d+/account/\S+)`), from)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// run calls the command line, which works through the control socket.
func (s *service) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(s.cmd.Path, append(args, "--env", "development", "--declaration", s.dir)...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *service) authority() string { return filepath.Join(s.config, "fastness") }

// end waits for the process. One that nobody stopped says so: pages of a server that is gone look like faults of theirs.
func (s *service) end(reading error) {
	err := s.cmd.Wait()
	s.mu.Lock()
	if !s.stopping {
		last := s.log[max(0, len(s.log)-40):]
		fmt.Fprintf(os.Stderr, "the server %s ended by itself: %v, its log: %v\n%s\n", s.base, err, reading, strings.Join(last, "\n"))
	}
	s.mu.Unlock()
	close(s.ended)
}

func (s *service) stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.ended
}

// trust puts the development authorities below folders into the certificate store of a home, as `fastness trust` tells people to.
func trust(home string, folders ...string) error {
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		return err
	}
	certutil := func(args ...string) error {
		if out, err := exec.Command("certutil", append(args, "-d", "sql:"+db)...).CombinedOutput(); err != nil {
			return fmt.Errorf("certutil %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := certutil("-N", "--empty-password"); err != nil {
		return err
	}
	for _, authorities := range folders {
		found := 0
		err := filepath.WalkDir(authorities, func(path string, d os.DirEntry, err error) error {
			if err != nil || !strings.HasPrefix(d.Name(), "ca") || !strings.HasSuffix(d.Name(), ".pem") || strings.Contains(d.Name(), "key") {
				return err
			}
			found++
			return certutil("-A", "-t", "C,,", "-n", path, "-i", path)
		})
		if err == nil && found == 0 {
			err = fmt.Errorf("no certificate authority below %s", authorities)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func startBrowser(home string) (stop func(), err error) {
	path := os.Getenv("CHROMIUM")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.UserDataDir(filepath.Join(home, "profile")), chromedp.Env("HOME=" + home), chromedp.WSURLReadTimeout(60 * time.Second)}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	chrome, _ = chromedp.NewContext(allocator)
	if err := chromedp.Run(chrome); err != nil {
		cancel()
		return nil, fmt.Errorf("chromium: %w", err)
	}
	return func() { chromedp.Cancel(chrome); cancel() }, nil
}
