// Package command is what families of commands share: where they work, and the program around them.
package command

import (
	"context"
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
