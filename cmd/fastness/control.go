package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// remote is a running server that commands work on.
type remote struct{ app *fastness.App }

// on is where most commands work: the declaration and its environment.
type on struct {
	Declaration string `name:"declaration" short:"d" default:"." help:"The declaration: a file, or a folder with fastness.yaml."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment: production or development."`
}

// operator is who works at the command line.
func operator(reason string) *types.Caller {
	return &types.Caller{Kind: types.Operator, Name: "operator@cli", Reason: reason, RequestID: types.RandomID()}
}

// app opens the data, or gives the app of the server that this command runs in.
func (o on) app(e *env) (*fastness.App, func(), error) {
	if e.remote != nil {
		return e.remote.app, func() {}, nil
	}
	a, err := fastness.Open(o.Declaration, fastness.Options{Environment: o.Env, Terminal: e.out})
	if errors.Is(err, store.ErrBusy) {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	return a, func() { a.Close() }, nil
}

// forward runs the command in the server that holds the data, when there is one. done is false when there is none.
func (o on) forward(e *env, args []string) (done bool, err error) {
	if e.remote != nil {
		return false, nil
	}
	dir, err := fastness.DataDirOf(o.Declaration, o.Env)
	if err != nil {
		return false, err
	}
	conn, err := net.Dial("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		return false, nil
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(args); err != nil {
		return true, fmt.Errorf("control socket: %w", err)
	}
	var answer struct {
		Out, Err string
		Code     int
	}
	if err := json.NewDecoder(conn).Decode(&answer); err != nil {
		return true, fmt.Errorf("control socket: %w", err)
	}
	io.WriteString(e.out, answer.Out)
	if answer.Code != 0 {
		return true, errors.New(string(bytes.TrimSpace([]byte(answer.Err))))
	}
	io.WriteString(e.err, answer.Err)
	return true, nil
}

// listenControl serves commands on DATA/control.sock: mode 0600, and only to the user that runs the server (and root).
func listenControl(ctx context.Context, app *fastness.App) (func(), error) {
	path := filepath.Join(app.DataDir(), "control.sock")
	os.Remove(path) // the data directory's lock is held: a socket that lies here is left over
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go control(ctx, app, conn)
		}
	}()
	return func() { l.Close() }, nil
}

func control(ctx context.Context, app *fastness.App, conn net.Conn) {
	defer conn.Close()
	if !samePeer(conn) {
		return
	}
	var args []string
	if err := json.NewDecoder(io.LimitReader(conn, 1<<20)).Decode(&args); err != nil {
		return
	}
	var out, errs bytes.Buffer
	code := run(&env{ctx: ctx, out: &out, err: &errs, remote: &remote{app}}, args)
	json.NewEncoder(conn).Encode(map[string]any{"Out": out.String(), "Err": errs.String(), "Code": code})
}
