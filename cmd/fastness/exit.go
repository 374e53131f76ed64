package main

import (
	"errors"

	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/internal/types"
)

// Exit codes: a check held (or the work is done), it was broken (or the work was refused), the command was misused, it could not be told.
const (
	exitHeld   = 0
	exitBroken = 1
	exitUsage  = 2
	exitUntold = 3
)

// ended is an error with the exit code that it ends the command with.
func ended(code int, err error) error { return &command.Ended{Code: code, Err: err} }

// misused is an error of who typed the command.
func misused(format string, args ...any) error { return command.Misused(format, args...) }

// untold is a question that could not be answered: never to be taken for a yes.
func untold(format string, args ...any) error { return command.Untold(format, args...) }

// exitOf is the exit code of an error. What could not be reached could not tell.
func exitOf(err error) int {
	var c *command.Ended
	switch {
	case err == nil:
		return exitHeld
	case errors.As(err, &c):
		return c.Code
	case types.KindOf(err) == types.Unavailable:
		return exitUntold
	}
	return exitBroken
}
