package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/fastness-dev/fastness/bench/proc"
	"github.com/fastness-dev/fastness/bench/yard"
)

// server is the built Fastness, serving a copy of a declaration from a folder of its own.
type server struct {
	yard.Target
	opt   options
	dir   string
	cmd   *exec.Cmd
	port  int
	start time.Duration // from exec to the first answer
}

// prepare copies the declaration into dir. Two things differ from the original: it listens on a free port, and the limits per
// account and address are so high that the load meets them without being stopped (they are counted all the same).
func prepare(opt options, dir string) (*server, error) {
	text, err := os.ReadFile(opt.dir)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "limits:") && !strings.HasPrefix(line, "listen:") && !strings.HasPrefix(line, "store:") {
			out.WriteString(line)
		}
	}
	store := "sqlite"
	if opt.store != "sqlite" {
		store = `"${env:BENCH_DATABASE}"`
	}
	fmt.Fprintf(&out, "store: %s\nlisten: {https: \"127.0.0.1:%d\"}\nlimits: {body: 1MiB, per_account: 9999999/s, per_address: 9999999/s}\n", store, port)
	if err := os.WriteFile(filepath.Join(dir, "fastness.yaml"), []byte(out.String()), 0o600); err != nil {
		return nil, err
	}
	return &server{opt: opt, dir: dir, port: port}, nil
}

func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.opt.binary, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(s.dir, "config"))
	if s.opt.narrow {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1") // as the bare server
	}
	if s.opt.store != "sqlite" {
		cmd.Env = append(cmd.Env, "BENCH_DATABASE="+s.opt.store)
	}
	return cmd
}

// serve starts the server on core 0 and waits for its first answer.
func (s *server) serve(ctx context.Context) error {
	args := []string{"serve", "--env", "development"}
	if !s.opt.calibrate {
		args = append(args, "--no-calibrate") // or a hash would cost something else in every run
	}
	s.cmd = s.command(ctx, append(args, s.dir)...)
	log, err := os.Create(filepath.Join(s.dir, "serve.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	begun := time.Now()
	if err := proc.StartPinned(s.cmd); err != nil {
		return err
	}
	s.URL, s.PID = fmt.Sprintf("https://localhost:%d", s.port), s.cmd.Process.Pid
	for time.Since(begun) < 20*time.Second && ctx.Err() == nil {
		if err = s.hello(ctx); err == nil {
			s.start = time.Since(begun)
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	return errors.Join(fmt.Errorf("the server did not answer: %w\n%s", err, text), s.stop())
}

// hello trusts the certificate that this server, which we have just started, presents, and asks for an answer of any status.
func (s *server) hello(ctx context.Context) error {
	conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), &tls.Config{ServerName: "localhost", InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	s.Roots = x509.NewCertPool()
	for _, c := range conn.ConnectionState().PeerCertificates {
		s.Roots.AddCert(c)
	}
	conn.Close()
	c := newClient(s.Roots, "h2", 1)
	defer c.close()
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/", nil)
	if err != nil {
		return err
	}
	resp, err := c.conns[0].(transport).RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// stop ends the server as an operator would and waits for it.
func (s *server) stop() error {
	if s.cmd == nil || s.cmd.ProcessState != nil {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

var token = regexp.MustCompile(`[A-Za-z0-9_-]{30,}`)

// account makes an account with a role and returns a bearer token for it.
func (s *server) account(ctx context.Context, email, role string) (string, error) {
	for _, args := range [][]string{{"users", "add", email, "--role", role}, {"users", "session", email}} {
		var stderr bytes.Buffer
		cmd := s.command(ctx, args...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("fastness %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
		}
		if args[1] == "session" {
			if t := token.FindString(string(out)); t != "" {
				return t, nil
			}
			return "", fmt.Errorf("no token in %q", out)
		}
	}
	return "", nil
}
