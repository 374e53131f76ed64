// Package yard starts the programs that are measured, each as a child on core 0: this program once more, the bare server that is the
// yardstick, or any other program that greets as they do.
package yard

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/fastness-dev/fastness/bench/proc"
)

// Target is a running server.
type Target struct {
	URL   string         // https://localhost:PORT
	Roots *x509.CertPool // that its certificate is checked against
	PID   int
}

// Child is a program that serves on core 0. It ends when its input does.
type Child struct {
	Target
	Token string   // of a signed-in caller, where the child has any
	IDs   []string // of its rows, where it tells them
	in    io.WriteCloser
	out   *bufio.Reader
	cmd   *exec.Cmd
}

// Greeting is the first line that a child prints.
type Greeting struct {
	URL, Certificate, Token string
	IDs                     []string
}

// Greet tells the parent where the child listens and which certificate it has.
func Greet(g Greeting, der []byte) error {
	g.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(text))
	return err
}

// Start starts this program with args and waits for its greeting. Its GOMAXPROCS is 1, as its core allows no more.
func Start(ctx context.Context, env []string, args ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return StartProgram(ctx, self, append(env, "GOMAXPROCS=1"), args...)
}

// StartProgram starts any program that greets as a child does.
func StartProgram(ctx context.Context, path string, env []string, args ...string) (c *Child, err error) {
	c = &Child{cmd: exec.CommandContext(ctx, path, args...)}
	c.cmd.Stderr = os.Stderr
	c.cmd.Env = append(os.Environ(), env...)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 1<<16)
	if err := proc.StartPinned(c.cmd); err != nil {
		return nil, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		c.Stop()
		return nil, fmt.Errorf("the child %q did not start: %w", args[0], err)
	}
	var g Greeting
	if err := json.Unmarshal(line, &g); err != nil {
		c.Stop()
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(g.Certificate))
	c.Target = Target{URL: g.URL, Roots: roots, PID: c.cmd.Process.Pid}
	c.Token, c.IDs = g.Token, g.IDs
	return c, nil
}

// Tell sends the child one line and waits for the one it answers with.
func (c *Child) Tell(line string) error {
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		return err
	}
	_, err := c.out.ReadString('\n')
	return err
}

// Stop ends the child and waits for it.
func (c *Child) Stop() {
	c.in.Close()
	_ = c.cmd.Wait() // how it ended changes no figure
}
