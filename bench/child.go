package main

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

// child is this program once more, as a server on core 0. It ends when its input does.
type child struct {
	target
	token string   // of a signed-in caller, where the child has any
	ids   []string // of its rows, where it tells them
	in    io.WriteCloser
	out   *bufio.Reader
	cmd   *exec.Cmd
}

// greeting is the first line that a child prints.
type greeting struct {
	URL, Certificate, Token string
	IDs                     []string
}

// greet tells the parent where the child listens and which certificate it has.
func greet(g greeting, der []byte) error {
	g.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(text))
	return err
}

// startChild starts this program with args and waits for its greeting. Its GOMAXPROCS is 1, as its core allows no more.
func startChild(ctx context.Context, env []string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startProgram(ctx, self, append(env, "GOMAXPROCS=1"), args...)
}

// startProgram starts any program that greets as a child does.
func startProgram(ctx context.Context, path string, env []string, args ...string) (c *child, err error) {
	c = &child{cmd: exec.CommandContext(ctx, path, args...)}
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
		c.stop()
		return nil, fmt.Errorf("the child %q did not start: %w", args[0], err)
	}
	var g greeting
	if err := json.Unmarshal(line, &g); err != nil {
		c.stop()
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(g.Certificate))
	c.target, c.token = target{url: g.URL, roots: roots, pid: c.cmd.Process.Pid}, g.Token
	c.ids = g.IDs
	return c, nil
}

// tell sends the child one line and waits for the one it answers with.
func (c *child) tell(line string) error {
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		return err
	}
	_, err := c.out.ReadString('\n')
	return err
}

// stop ends the child and waits for it.
func (c *child) stop() {
	c.in.Close()
	_ = c.cmd.Wait() // how it ended changes no figure
}
