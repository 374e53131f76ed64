// Package command is what families of commands share: where they work, and the program around them.
package command

import (
	"context"
	"fmt"
	"io"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/types"
)

// On is where a command works, for kong.
type On struct {
	Declaration string `name:"declaration" short:"d" default:"." help:"The declaration: a file, or a folder with fastness.yaml."`
	Env         string `name:"env" default:"" enum:",production,development" help:"The environment: production or development. Without: the running server's, else production."`
}

// Environments are those whose data a command looks for a server in, the likely one first.
func (o On) Environments() []string {
	if o.Env != "" {
		return []string{o.Env}
	}
	return []string{"production", "development"}
}

// Environment is where a command works that no server runs.
func (o On) Environment() string { return o.Environments()[0] }

// Host is the program around the commands.
type Host interface {
	// Work runs fn on the app of a declaration: in the running server when there is one, which is told args, else on the data.
	Work(at On, args []string, fn func(*fastness.App) error) error
	// Account finds an account by address or id.
	Account(app *fastness.App, who string) (types.ID, error)
	// Operator is who works here, with the reason that becomes evidence.
	Operator(reason string) *types.Caller
	Context() context.Context
	Out() io.Writer
}

// Ended is an error with the exit code that it ends the program with. One without a text has been said already.
type Ended struct {
	Code int
	Err  error
}

// Error implements error.
func (e *Ended) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Ended) Unwrap() error { return e.Err }

// Misused is an error of the person who typed the command.
func Misused(format string, args ...any) error { return &Ended{2, fmt.Errorf(format, args...)} }

// Untold is a question that could not be answered: never to be taken for a yes.
func Untold(format string, args ...any) error { return &Ended{3, fmt.Errorf(format, args...)} }
