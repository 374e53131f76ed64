// Command fastness is a team's secure backend: it serves a declaration, and says what it would do.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/edge"
)

// Exit codes: a check held, it was broken, the command was misused, it could not be told.
const (
	exitHeld   = 0
	exitBroken = 1
	exitUsage  = 2
)

// commands is the whole command line; each command is a file of its own.
type commands struct {
	New      newCmd      `cmd:"" group:"Begin" help:"Make a folder with a commented declaration."`
	Check    checkCmd    `cmd:"" group:"Begin" help:"Read the declaration and say what is wrong with it."`
	Settings settingsCmd `cmd:"" group:"Understand" help:"List every setting in force, its source and the requirement it serves."`
	Serve    serveCmd    `cmd:"" group:"Run" help:"Serve the declaration over HTTPS."`
	Plan     planCmd     `cmd:"" group:"Run" help:"Say what would change in the database, or print the OpenAPI document."`
	Migrate  migrateCmd  `cmd:"" group:"Run" help:"Bring the database to the declaration; what would be lost must be named."`
	Health   healthCmd   `cmd:"" group:"Run" help:"Ask a running server whether it is ready."`
	Who      whoCmd      `cmd:"" group:"Understand" help:"Say in plain English who may do what with a collection."`
	Why      whyCmd      `cmd:"" group:"Understand" help:"Say why a request was refused (asks the running server)."`
	Users    usersCmd    `cmd:"" group:"People" help:"Add, list and change accounts."`
	Rows     rowsCmd     `cmd:"" group:"Data" help:"Read and write rows, as somebody or as the system with a reason."`
	Trust    trustCmd    `cmd:"" group:"Run" help:"Trust development's certificate authority on this machine."`
	Version  versionCmd  `cmd:"" group:"Run" help:"Print the version."`
}

// env is what a command works with: where it writes, and where it runs.
type env struct {
	ctx    context.Context
	out    io.Writer
	err    io.Writer
	remote *remote  // set while a command runs inside a server
	worker []string // how this program starts itself as a password worker; nil: it does not
}

func main() {
	edge.Harden()
	if len(os.Args) == 2 && os.Args[1] == fastness.PasswordWorker {
		if fastness.ServePasswords(os.Stdin, os.Stdout) != nil {
			os.Exit(exitBroken)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	e := &env{ctx: ctx, out: os.Stdout, err: os.Stderr}
	if self, err := os.Executable(); err == nil {
		e.worker = []string{self, fastness.PasswordWorker}
	}
	code := run(e, os.Args[1:])
	stop()
	os.Exit(code)
}

// run parses and runs one command line; it is what main and the control socket share.
func run(e *env, args []string) int {
	var c commands
	code, exited := 0, false
	parser, err := kong.New(&c, kong.Name("fastness"), kong.Description("A team's secure backend: serve a declaration, and say what it does."),
		kong.Writers(e.out, e.err), kong.Exit(func(n int) { code, exited = n, true }), kong.UsageOnError(), kong.Bind(e))
	if err != nil {
		fmt.Fprintln(e.err, err)
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		fmt.Fprintf(e.err, "fastness: %v; see fastness --help\n", err)
		return exitUsage
	}
	if err := parsed.Run(e); err != nil {
		fmt.Fprintln(e.err, err)
		return exitBroken
	}
	return exitHeld
}
