package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastness-dev/fastness/cmd/fastness/control"
	"github.com/fastness-dev/fastness/internal/store/storetest"
	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// press is a built server that serves a copy of examples/press.
type press struct {
	*testing.T
	bin, dir, base string
	env            []string
	client         *http.Client
	tokens         map[string]string
	cmd            *exec.Cmd
	log            *bytes.Buffer
}

// program is the built binary, made once for all tests of this package.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fastness-test-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "fastness")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", bin, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

// TestMain removes the program that the tests built.
func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// scratchDatabase makes an empty database on the test's PostgreSQL, dropped afterwards, and returns its URL.
func scratchDatabase(t *testing.T) string { t.Helper(); return storetest.Database(t) }

// onEach runs a test against the press on SQLite and on PostgreSQL, side by side with others.
func onEach(t *testing.T, fn func(*press)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(startPress(t, ""))
	})
	if storetest.OnPostgres(t.Name()) {
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
			fn(startPress(t, scratchDatabase(t)))
		})
	}
}

// newServer prepares a folder for the program to serve a declaration from, on a port of its own; serve starts it.
func newServer(t *testing.T, declaration string, env ...string) *press {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	port, err := hosttest.Port()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &press{T: t, dir: dir, bin: bin, base: "https://localhost:" + port, tokens: map[string]string{}, log: &bytes.Buffer{}}
	declaration += fmt.Sprintf("\nlisten: {https: \"127.0.0.1:%s\"}\n", port)
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), []byte(declaration), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append(append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config")), env...)
	p.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}} // the test of certificates is edge's
	return p
}

// startPress starts examples/press on a database ("" is SQLite) and makes one account per role.
func startPress(t *testing.T, database string) *press { return pressOn(t, database, nil) }

// pressOn is startPress with a preparation of the folder before the server starts.
func pressOn(t *testing.T, database string, before func(*press)) *press {
	t.Helper()
	text, err := os.ReadFile("../../examples/press/fastness.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if database != "" {
		text = bytes.Replace(text, []byte("store: sqlite"), []byte(`store: "${env:DATABASE_URL}"`), 1)
	}
	p := newServer(t, string(text), "DATABASE_URL="+database)
	if before != nil {
		before(p)
	}
	p.serve()
	for who, role := range map[string]string{"ada": "author", "bob": "author", "ed": "editor", "adm": "admin", "reader": ""} {
		args := []string{"users", "add", who + "@press.example"}
		if role != "" {
			args = append(args, "--role", role)
		}
		p.tell(args...)
		p.tokens[who] = strings.TrimSpace(p.tell("users", "session", who+"@press.example"))
	}
	return p
}

// serve starts the server and waits until it answers.
func (p *press) serve() {
	p.Helper()
	p.cmd = exec.Command(p.bin, "serve", "--env", "development", "--no-access-log", "--no-calibrate", p.dir)
	p.cmd.Env, p.cmd.Stderr = p.env, p.log
	if err := p.cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	for range 500 {
		if resp, err := p.client.Get(p.base + "/openapi.json"); err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.Fatalf("the server does not answer:\n%s", p.log)
}

// tell gives the running server a command over its control socket, as the program does, and spares the
// program's start. What the program itself does is for run and for the scripts.
func (p *press) tell(args ...string) string {
	p.Helper()
	a, err := control.Ask(filepath.Join(p.dir, "data"), args)
	if err != nil || a == nil || a.Code != exitHeld {
		p.Fatalf("%v: %v %+v\n%s", args, err, a, p.log)
	}
	return a.Out + a.Err
}

// run runs a command beside the server, which it reaches through the control socket.
func (p *press) run(args ...string) string {
	p.Helper()
	cmd := exec.Command(p.bin, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// ask sends a request as somebody ("" is nobody) and returns status and body.
func (p *press) ask(who, method, path, body string) (int, map[string]any) {
	p.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+p.tokens[who])
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for name, want := range protective {
		if got := resp.Header.Values(name); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			p.Errorf("%s %s (%d): %s is %q, want %q", method, path, resp.StatusCode, name, got, want)
		}
	}
	if kind := resp.Header.Get("Content-Type"); len(text) > 0 && resp.StatusCode >= 400 && kind != "application/problem+json" {
		p.Errorf("%s %s (%d): an error of type %q", method, path, resp.StatusCode, kind)
	}
	out := map[string]any{}
	if len(text) > 0 && json.Unmarshal(text, &out) != nil {
		p.Fatalf("%s %s: not JSON: %s", method, path, text)
	}
	return resp.StatusCode, out
}

// protective are the headers that every answer carries, whatever was asked and whatever became of it.
var protective = map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	"Referrer-Policy": "no-referrer", "Permissions-Policy": "camera=()", "Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "X-Request-Id": ""}

// want is ask with an expected status.
func (p *press) want(status int, who, method, path, body string) map[string]any {
	p.Helper()
	got, out := p.ask(who, method, path, body)
	if got != status {
		p.Errorf("%s %s as %q: %d, want %d: %v", method, path, who, got, status, out)
	}
	return out
}

// TestKillMinusNine: what was acknowledged is there after a kill, and the next start needs no hand.
func TestKillMinusNine(t *testing.T) { onEach(t, killMinusNine) }

func killMinusNine(p *press) {
	var ids []string
	for i := range 20 {
		made := p.want(201, "ada", "POST", "/api/v1/articles", fmt.Sprintf(`{"title": "T", "slug": "t-%d", "body": "", "section": "news"}`, i))
		ids = append(ids, made["id"].(string))
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.serve()
	for _, id := range ids {
		p.want(200, "ada", "GET", "/api/v1/articles/"+id, "")
	}
}
