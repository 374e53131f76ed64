package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// startPress builds the program, starts it and makes one account per role.
func startPress(t *testing.T) *press {
	t.Helper()
	dir := t.TempDir()
	p := &press{T: t, dir: dir, bin: filepath.Join(dir, "fastness"), tokens: map[string]string{}, log: &bytes.Buffer{}}
	if out, err := exec.Command("go", "build", "-o", p.bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	text, err := os.ReadFile("../../examples/press/fastness.yaml")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	text = append(text, fmt.Sprintf("\nlisten: {https: \"127.0.0.1:%s\"}\n", port)...)
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	p.base = "https://localhost:" + port
	p.env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	p.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}} // the test of certificates is edge's
	p.serve()
	for who, role := range map[string]string{"ada": "author", "bob": "author", "ed": "editor", "adm": "admin", "reader": ""} {
		args := []string{"users", "add", who + "@press.example"}
		if role != "" {
			args = append(args, "--role", role)
		}
		p.run(args...)
		p.tokens[who] = strings.TrimSpace(p.run("users", "session", who+"@press.example"))
	}
	return p
}

// serve starts the server and waits until it answers.
func (p *press) serve() {
	p.Helper()
	p.cmd = exec.Command(p.bin, "serve", "--env", "development", "--no-access-log", p.dir)
	p.cmd.Env, p.cmd.Stderr = p.env, p.log
	if err := p.cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	for range 100 {
		if resp, err := p.client.Get(p.base + "/openapi.json"); err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.Fatalf("the server does not answer:\n%s", p.log)
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
	out := map[string]any{}
	if len(text) > 0 && json.Unmarshal(text, &out) != nil {
		p.Fatalf("%s %s: not JSON: %s", method, path, text)
	}
	return resp.StatusCode, out
}

// want is ask with an expected status.
func (p *press) want(status int, who, method, path, body string) map[string]any {
	p.Helper()
	got, out := p.ask(who, method, path, body)
	if got != status {
		p.Errorf("%s %s as %q: %d, want %d: %v", method, path, who, got, status, out)
	}
	return out
}

// TestDayInThePress plays a day as clients would: write, review, publish, comment, withdraw; each step also by the wrong people.
func TestDayInThePress(t *testing.T) {
	p := startPress(t)
	const text = `{"title": "Harbour", "slug": "harbour", "body": "<p>Hi<img src=x onerror=alert(1)></p>", "section": "news"}`
	p.want(401, "", "POST", "/api/v1/articles", text)
	p.want(403, "reader", "POST", "/api/v1/articles", text)
	p.want(403, "ed", "POST", "/api/v1/articles", text)
	made := p.want(201, "ada", "POST", "/api/v1/articles", text)
	id, _ := made["id"].(string)
	if made["body"] != "<p>Hi</p>" {
		t.Errorf("stored %v", made["body"])
	}
	at := "/api/v1/articles/" + id
	for who, status := range map[string]int{"": 404, "reader": 404, "bob": 404, "ada": 200, "ed": 200} {
		p.want(status, who, "GET", at, "")
	}
	for who, status := range map[string]int{"reader": 404, "bob": 404, "ed": 404, "": 401} {
		p.want(status, who, "PATCH", at, `{"status": "review"}`)
	}
	p.want(409, "ada", "POST", "/api/v1/articles", text)
	p.want(422, "bob", "POST", "/api/v1/articles", text)
	p.want(200, "ada", "PATCH", at, `{"status": "review"}`)
	p.want(404, "ada", "PATCH", at, `{"title": "Late change"}`)
	p.want(422, "ed", "PATCH", at, `{"status": "published"}`)
	p.want(409, "ed", "PATCH", at, `{"status": "withdrawn"}`)
	p.want(200, "ed", "PATCH", at, `{"status": "published", "published_on": "2026-11-24", "editor_note": "fine"}`)
	seen := p.want(200, "", "GET", at, "")
	if _, leaks := seen["editor_note"]; leaks || seen["title"] != "Harbour" {
		t.Errorf("anonymous sees %v", seen)
	}
	comment := p.want(201, "reader", "POST", "/api/v1/comments", fmt.Sprintf(`{"article": %q, "text": "Nice"}`, id))
	cid, _ := comment["id"].(string)
	p.want(403, "reader", "POST", "/api/v1/comments", `{"article": "00000000000000000000000000", "text": "Nice"}`)
	p.want(200, "", "GET", "/api/v1/comments/"+cid, "")
	p.want(404, "bob", "PATCH", "/api/v1/comments/"+cid, `{"text": "Mine"}`)
	p.want(200, "ed", "PATCH", at, `{"status": "withdrawn"}`)
	p.want(404, "", "GET", at, "")
	p.want(404, "", "GET", "/api/v1/comments/"+cid, "")
	p.want(200, "reader", "GET", "/api/v1/comments/"+cid, "")
	p.want(401, "", "GET", "/api/v1/nothing", "")
	p.want(404, "ada", "GET", "/api/v1/nothing", "")
	p.want(405, "ada", "PUT", at, "")
	p.want(204, "adm", "DELETE", at, "")
	p.want(404, "reader", "GET", "/api/v1/comments/"+cid, "")
}

// TestKillMinusNine: what was acknowledged is there after a kill, and the next start needs no hand.
func TestKillMinusNine(t *testing.T) {
	p := startPress(t)
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
