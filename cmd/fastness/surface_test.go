package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fastness-dev/fastness/internal/types/hosttest"
)

// minimal declares nothing but a name: whatever is reachable on it is there for everybody.
const minimal = "version: 1\nservice: {name: minimal, host: minimal.example}\n"

// elsewhere are paths that other backends have, that we have when they are declared, or that crawlers try.
var elsewhere = []string{"/admin", "/console", "/console/", "/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/vars", "/.env", "/.git/config",
	"/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/accounts", "/api/v1/roles", "/api/v1/fastness_session", "/api/v1/fastness_evidence", "/api/v1/organisations",
	"/auth", "/auth/", "/auth/oidc/any", "/auth/oidc/any/callback", "/auth/organisations", "/oauth/authorize", "/oauth/token", "/.well-known/openid-configuration", "/.well-known/security.txt",
	"/swagger", "/openapi.yaml", "/graphql", "/rest/v1/", "/_/", "/server-status", "/phpinfo.php", "/wp-login.php", "/robots.txt", "/fastness.yaml", "/data/fastness.db", "/control.sock"}

// TestMinimalSurface: a declaration without blocks serves the routes, answers and ports of a list that is checked in, and nothing more
// (FASTNESS_GOLDEN=write makes it anew; read the difference).
func TestMinimalSurface(t *testing.T) {
	t.Parallel()
	p := newServer(t, minimal)
	p.serve()
	p.tell("users", "add", "me@minimal.example")
	p.tokens["me"] = strings.TrimSpace(p.tell("users", "session", "me@minimal.example"))
	var lines []string
	for path, verbs := range p.want(200, "me", "GET", "/openapi.json", "")["paths"].(map[string]any) {
		for verb := range verbs.(map[string]any) {
			if verb != "parameters" {
				lines = append(lines, "route "+strings.ToUpper(verb)+" "+path)
			}
		}
	}
	slices.Sort(lines)
	for _, path := range elsewhere {
		nobody, _ := p.ask("", "GET", path, "")
		somebody, _ := p.ask("me", "GET", path, "")
		lines = append(lines, fmt.Sprintf("path %s %d %d", path, nobody, somebody))
	}
	for _, verb := range []string{"PUT", "TRACE", "CONNECT", "PROPFIND", "OPTIONS", "HEAD", "get"} {
		status, _ := p.ask("me", verb, "/auth/session", "")
		lines = append(lines, fmt.Sprintf("verb %s /auth/session %d", verb, status))
	}
	for _, at := range listening(p) {
		lines = append(lines, "listens "+at)
	}
	got, golden := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", "minimal.txt")
	if os.Getenv("FASTNESS_GOLDEN") == "write" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		for _, l := range lines {
			if !strings.Contains(string(want), l+"\n") {
				t.Errorf("not in %s: %s", golden, l)
			}
		}
		for l := range strings.Lines(string(want)) {
			if !strings.Contains(got, l) {
				t.Errorf("gone: %s", l)
			}
		}
	}
}

// listening tells what the server's process listens on, from the kernel's own tables: the public port by its name, any other as it is.
func listening(p *press) []string {
	if runtime.GOOS != "linux" {
		hosttest.Missing(p.T, "the ports of a process are read from Linux's /proc")
	}
	sockets := map[string]bool{}
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		p.Fatal(err)
	}
	for _, fd := range list {
		if to, err := os.Readlink(filepath.Join(dir, fd.Name())); err == nil {
			sockets[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	var out []string
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.cmd.Process.Pid, table))
		if err != nil {
			p.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 10 || !sockets[f[9]] || strings.HasPrefix(table, "tcp") && f[3] != "0A" {
				continue
			}
			_, hex, _ := strings.Cut(f[1], ":")
			port, err := strconv.ParseUint(hex, 16, 16)
			if err != nil {
				p.Fatal(err)
			}
			at := fmt.Sprintf("%s %s", table, f[1])
			if net.JoinHostPort("localhost", fmt.Sprint(port)) == strings.TrimPrefix(p.base, "https://") {
				at = table + " public"
			}
			out = append(out, at)
		}
	}
	return out
}
