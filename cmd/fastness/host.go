package main

import (
	"context"
	"io"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/internal/types"
)

// host is the program for commands in packages of their own.
type host struct{ e *env }

// Work is on.work.
func (h host) Work(at command.On, args []string, fn func(*fastness.App) error) error {
	return on{at}.work(h.e, args, fn)
}

// Account is user.
func (h host) Account(app *fastness.App, who string) (types.ID, error) { return user(h.e, app, who) }

// Operator is operator.
func (h host) Operator(reason string) *types.Caller { return operator(reason) }

// Context ends when the program shall.
func (h host) Context() context.Context { return h.e.ctx }

// Out is where a command writes.
func (h host) Out() io.Writer { return h.e.out }
