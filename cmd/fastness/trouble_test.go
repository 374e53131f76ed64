package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fastness-dev/fastness/internal/store/storetest"
)

// article is the body of a request that makes an article of about so many bytes.
func article(slug string, size int) string {
	return fmt.Sprintf(`{"title": "T", "slug": %q, "body": "<p>%s</p>", "section": "news"}`, slug, strings.Repeat("x", size))
}

// send is ask with headers, and without a word about what comes back.
func (p *press) send(who, method, path, body string, headers ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Authorization", "Bearer "+p.tokens[who])
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// TestDiskFull fills the disk under a running server: writes are 507, reads go on, nothing acknowledged is lost, and when there is room
// again writes go on without a hand. Once by a small file system (as root), once by a limit on the size of files.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	t.Run("file system", func(t *testing.T) {
		t.Parallel()
		if os.Getuid() != 0 {
			t.Skip("mounting a small file system takes root; the limit on file sizes shows the rest")
		}
		var data string
		p := pressOn(t, "", func(p *press) {
			data = filepath.Join(p.dir, "data")
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mount("fastness-test", data, "tmpfs", 0, "size=4m,mode=700"); err != nil {
				t.Skipf("this machine lets nobody mount: %v", err)
			}
			t.Cleanup(func() { unix.Unmount(data, unix.MNT_DETACH) })
		})
		fillUp(p, func() {
			if err := unix.Mount("fastness-test", data, "tmpfs", unix.MS_REMOUNT, "size=64m,mode=700"); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("file size", func(t *testing.T) {
		t.Parallel()
		p := pressOn(t, "", nil)
		var old unix.Rlimit
		if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 2 << 20, Max: unix.RLIM_INFINITY}, &old); err != nil {
			t.Skipf("the limit cannot be set here: %v", err)
		}
		fillUp(p, func() {
			if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &old, nil); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func fillUp(p *press, makeRoom func()) {
	p.Helper()
	var ids []string
	make := func(n int) (int, map[string]any) {
		return p.ask("ada", "POST", "/api/v1/articles", article(fmt.Sprintf("s-%d", n), 15000))
	}
	full := false
	for n := 0; n < 1000 && !full; n++ {
		status, out := make(n)
		switch {
		case status == 201:
			ids = append(ids, out["id"].(string))
		case status == 507 && out["code"] == "storage_full":
			full = true
		default:
			p.Fatalf("row %d: %d %v\n%s", n, status, out, p.log)
		}
	}
	if !full || len(ids) == 0 {
		p.Fatalf("%d rows, full: %v", len(ids), full)
	}
	for n := range 3 {
		if status, out := make(2000 + n); status != 507 {
			p.Errorf("a write on a full disk: %d %v", status, out)
		}
		p.want(200, "ada", "GET", "/api/v1/articles/"+ids[n], "")
		p.want(200, "ada", "GET", "/api/v1/articles?limit=100", "")
		p.want(200, "", "GET", "/api/v1/articles", "")
	}
	makeRoom()
	for n := range 20 {
		made := p.want(201, "ada", "POST", "/api/v1/articles", article(fmt.Sprintf("later-%d", n), 15000))
		if id, ok := made["id"].(string); ok {
			ids = append(ids, id)
		}
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.serve()
	for _, id := range ids {
		p.want(200, "ada", "GET", "/api/v1/articles/"+id, "")
	}
}

// TestDatabaseGoesAway takes PostgreSQL away from a running server and gives it back: 503 and when to come again, then everything goes on by
// itself. A write whose commit got no answer is repeated with its Idempotency-Key and happens once, whether it had happened or not.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	database, err := url.Parse(scratchDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := storetest.NewProxy(t)
	behind, err := url.Parse(proxy.URL().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	behind.Path = database.Path
	p := pressOn(t, behind.String(), nil)
	made := p.want(201, "ada", "POST", "/api/v1/articles", article("before", 10))
	for range 2 {
		proxy.Cut()
		for method, path := range map[string]string{"GET": "/api/v1/articles/" + made["id"].(string), "POST": "/api/v1/articles"} {
			body := ""
			if method == "POST" {
				body = article("lost", 10)
			}
			resp, text, err := p.send("ada", method, path, body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || strings.Contains(text, "127.0.0.1") || strings.Contains(text, "EOF") {
				t.Errorf("%s without a database: %d, Retry-After %q: %s", method, resp.StatusCode, resp.Header.Get("Retry-After"), text)
			}
		}
		proxy.Restore(t)
		p.want(200, "ada", "GET", "/api/v1/articles/"+made["id"].(string), "")
	}
	for name, fault := range map[string]storetest.Fault{"happened": storetest.Persisted, "did-not": storetest.NotPersisted} {
		slug, key := "", ""
		for n := 0; n < 50 && key == ""; n++ { // the server's own heartbeat may take the fault
			slug = fmt.Sprintf("%s-%d", name, n)
			proxy.Next(fault)
			first, text, err := p.send("ada", "POST", "/api/v1/articles", article(slug, 10), "Idempotency-Key: key-"+slug)
			if err != nil {
				t.Fatal(err)
			}
			if first.StatusCode == 503 && strings.Contains(text, `"uncertain"`) && first.Header.Get("Retry-After") != "" {
				key = "Idempotency-Key: key-" + slug
			} else if first.StatusCode != 201 {
				t.Errorf("%s: a commit without an answer: %d %s", name, first.StatusCode, text)
			}
		}
		again, text, err := p.send("ada", "POST", "/api/v1/articles", article(slug, 10), key)
		if err != nil || key == "" || again.StatusCode != 201 {
			t.Errorf("%s: repeated with %q: %v %v %s", name, key, err, again, text)
		}
		list := p.want(200, "ada", "GET", "/api/v1/articles?slug="+slug, "")
		if items, _ := list["items"].([]any); len(items) != 1 {
			t.Errorf("%s: there are %d", name, len(items))
		}
	}
	list := p.want(200, "ada", "GET", "/api/v1/articles?slug=lost", "")
	if items, _ := list["items"].([]any); len(items) != 0 {
		t.Errorf("a write that was refused is there %d times", len(items))
	}
}

// TestDatabaseAwayAtStart: a server whose database is away does not start, says so, tells nothing of the URL, and could not tell more.
func TestDatabaseAwayAtStart(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../examples/press/fastness.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("store: sqlite"), []byte(`store: "${env:DATABASE_URL}"`), 1)
	p := newServer(t, string(text), "DATABASE_URL=postgres://app:hunter2@127.0.0.1:1/press")
	cmd := exec.Command(p.bin, "serve", "--env", "development", p.dir)
	cmd.Env = p.env
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitUntold || !bytes.Contains(out, []byte("storage_unavailable")) || bytes.Contains(out, []byte("hunter2")) {
		t.Errorf("exit %d: %s", code, out)
	}
}

// TestGracefulEnd asks a server under load to end: what it accepted it finishes, what it acknowledged is there, and it ends with 0.
func TestGracefulEnd(t *testing.T) { onEach(t, gracefulEnd) }

func gracefulEnd(p *press) {
	var mu sync.Mutex
	var acks []string
	var cut []error
	started := make(chan struct{})
	begin := sync.OnceFunc(func() { close(started) })
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				resp, text, err := p.send("ada", "POST", "/api/v1/articles", article(fmt.Sprintf("w-%d-%d", w, n), 200))
				mu.Lock()
				switch {
				case err != nil && !strings.Contains(err.Error(), "refused"):
					cut = append(cut, err)
				case err == nil && resp.StatusCode == 201:
					acks = append(acks, strings.Split(text, `"`)[3])
				case err == nil && resp.StatusCode != 503 && resp.StatusCode != 429:
					cut = append(cut, fmt.Errorf("%d: %s", resp.StatusCode, text))
				}
				if len(acks) >= 50 {
					begin()
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	<-started
	p.cmd.Process.Signal(syscall.SIGTERM)
	wg.Wait()
	if err := p.cmd.Wait(); err != nil {
		p.Errorf("the server ended with %v:\n%s", err, p.log)
	}
	for _, err := range cut {
		p.Errorf("an accepted request was cut: %v", err)
	}
	p.serve()
	for _, id := range acks {
		p.want(200, "ada", "GET", "/api/v1/articles/"+id, "")
	}
}
