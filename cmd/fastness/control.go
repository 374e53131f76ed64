package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/cmd/fastness/control"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// remote is a running server that commands work on.
type remote struct{ app *fastness.App }

// on is where most commands work: the declaration and its environment.
type on struct{ command.On }

// operator is who works at the command line.
func operator(reason string) *types.Caller {
	return &types.Caller{Kind: types.Operator, Name: "operator@cli", Reason: reason, RequestID: types.RandomID()}
}

// app opens the data, or gives the app of the server that this command runs in.
func (o on) app(e *env) (*fastness.App, func(), error) {
	if e.remote != nil {
		return e.remote.app, func() {}, nil
	}
	a, err := fastness.Open(o.Declaration, fastness.Options{Environment: o.Environment(), Terminal: e.out})
	if err != nil {
		return nil, nil, err
	}
	before, err := a.Letters(e.ctx)
	if err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, func() { deliver(e, a, before); a.Close() }, nil
}

// deliver sends what a command left in the outbox, where before so many letters waited, for there is no server that would.
func deliver(e *env, a *fastness.App, before int) {
	now, err := a.Letters(e.ctx)
	if err != nil || now <= before {
		return
	}
	ctx, stop := context.WithTimeout(e.ctx, 20*time.Second)
	defer stop()
	_, err = a.Mail.Deliver(ctx)
	if now, e2 := a.Letters(e.ctx); err != nil || e2 != nil || now > 0 {
		fmt.Fprintf(e.err, "%d letters wait; a running server sends them\n", now)
	}
}

// patience is how often a command that finds the data held by another command tries again, and pause how long it waits between.
const (
	patience = 50
	pause    = 100 * time.Millisecond
)

// work runs fn on the app: in the running server when there is one, else on the data.
func (o on) work(e *env, args []string, fn func(*fastness.App) error) error {
	app, done, served, err := o.reach(e, args)
	if served || err != nil {
		return err
	}
	defer done()
	return fn(app)
}

// reach finds what a command works on: the server that holds the data, which then has run it, or the data, opened. Commands without a
// server take turns.
func (o on) reach(e *env, args []string) (app *fastness.App, done func(), served bool, err error) {
	for turn := 0; ; turn++ {
		if served, err = o.forward(e, args); served || err != nil {
			return nil, nil, served, err
		}
		app, done, err = o.app(e)
		if !errors.Is(err, store.ErrBusy) || turn >= patience {
			return app, done, false, err
		}
		select {
		case <-time.After(pause):
		case <-e.ctx.Done():
			return nil, nil, false, e.ctx.Err()
		}
	}
}

// ask runs the command in the server that holds the data of an environment; nil when there is none.
func (o on) ask(args []string) (*control.Answer, error) {
	var first error
	for i, environment := range o.Environments() {
		dir, err := fastness.DataDirOf(o.Declaration, environment)
		if err == nil {
			var a *control.Answer
			if a, err = control.Ask(dir, args); a != nil {
				return a, nil
			}
		}
		if i == 0 { // of the others only a server counts
			first = err
		}
	}
	return nil, first
}

// forward runs the command in the server that holds the data, when there is one. done is false when there is none.
func (o on) forward(e *env, args []string) (done bool, err error) {
	if e.remote != nil {
		return false, nil
	}
	a, err := o.ask(args)
	var lost *control.Lost
	if errors.As(err, &lost) {
		err = ended(exitUntold, err)
	}
	if err != nil || a == nil {
		return false, err
	}
	io.WriteString(e.out, a.Out)
	if a.Code != exitHeld {
		return true, ended(a.Code, errors.New(strings.TrimSpace(a.Err)))
	}
	io.WriteString(e.err, a.Err)
	return true, nil
}

// listenControl serves commands on the control socket.
func listenControl(ctx context.Context, app *fastness.App) (func(), error) {
	return control.Listen(app.DataDir(), func(args []string) control.Answer {
		var out, errs bytes.Buffer
		code := run(&env{ctx: ctx, in: strings.NewReader(""), out: &out, err: &errs, remote: &remote{app}}, args)
		return control.Answer{Out: out.String(), Err: errs.String(), Code: code}
	})
}
