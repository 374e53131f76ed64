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
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/cmd/fastness/project"
	"github.com/fastness-dev/fastness/cmd/fastness/tenant"
	"github.com/fastness-dev/fastness/internal/edge"
)

// commands is the whole command line; each command is a file of its own.
type commands struct {
	New           newCmd          `cmd:"" group:"begin" help:"Make a folder with a commented declaration."`
	Check         checkCmd        `cmd:"" group:"declaration" help:"Read the declaration and say what is wrong with it."`
	Settings      settingsCmd     `cmd:"" group:"declaration" help:"List every setting in force, its source and the requirement it serves."`
	Serve         serveCmd        `cmd:"" group:"server" help:"Serve the declaration over HTTPS."`
	Plan          planCmd         `cmd:"" group:"server" help:"Say what would change in the database, or print the OpenAPI document."`
	Migrate       migrateCmd      `cmd:"" group:"server" help:"Bring the database to the declaration; what would be lost must be named."`
	Health        healthCmd       `cmd:"" group:"server" help:"Ask a running server whether it is ready."`
	Schema        schemaCmd       `cmd:"" group:"declaration" help:"Print the JSON Schema by which editors complete a declaration."`
	Who           whoCmd          `cmd:"" group:"declaration" help:"Say in plain English who may do what with a collection."`
	Why           whyCmd          `cmd:"" group:"understand" help:"Say why a request was refused."`
	Users         usersCmd        `cmd:"" group:"people" help:"Add, list and change accounts."`
	Organisations tenant.Commands `cmd:"" group:"people" help:"Make organisations and change who belongs to them."`
	Mail          mailCmd         `cmd:"" group:"people" help:"Say how many letters wait, and which were given up and why."`
	Rows          rowsCmd         `cmd:"" group:"data" help:"Read and write rows, as somebody or as the system with a reason."`
	Scan          project.Scan    `cmd:"" group:"project" help:"Say which known holes a project takes in, and keep its register of findings."`
	Trust         trustCmd        `cmd:"" group:"begin" help:"Trust development's certificate authority on this machine."`
	Version       versionCmd      `cmd:"" group:"program" help:"Print the version."`
}

// env is what a command works with: where it writes, and where it runs.
type env struct {
	ctx    context.Context
	in     io.Reader
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
	e := &env{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if self, err := os.Executable(); err == nil {
		e.worker = []string{self, fastness.PasswordWorker}
	}
	code := run(e, os.Args[1:])
	stop()
	os.Exit(code)
}

// groups say on what the commands work.
var groups = []kong.Group{
	{Key: "begin", Title: "Begin (in this folder):"},
	{Key: "declaration", Title: "The declaration (reads fastness.yaml; needs neither server nor data):"},
	{Key: "server", Title: "The server and its database:"},
	{Key: "people", Title: "People (through the running server, else on the data themselves):"},
	{Key: "data", Title: "Rows (through the running server, else on the data themselves):"},
	{Key: "understand", Title: "What happened (through the running server, else on the data themselves):"},
	{Key: "project", Title: "A project (reads its files; needs neither server nor network):"},
	{Key: "program", Title: "This program:"},
}

// run parses and runs one command line; it is what main and the control socket share.
func run(e *env, args []string) int {
	var c commands
	code, exited := 0, false
	parser, err := kong.New(&c, kong.Name("fastness"), kong.Description("A team's secure backend: serve a declaration, and say what it does."),
		kong.Writers(e.out, e.err), kong.Exit(func(n int) { code, exited = n, true }), kong.ExplicitGroups(groups),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true}), kong.Bind(e), kong.BindTo(host{e}, (*command.Host)(nil)))
	if err != nil {
		fmt.Fprintln(e.err, err)
		return exitUsage
	}
	if len(args) == 0 {
		e.out, args, code = e.err, []string{"--help"}, exitUsage
		parser.Stdout = e.err
		parser.Exit = func(int) { exited = true }
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
		if err.Error() != "" {
			fmt.Fprintln(e.err, err)
		}
		return exitOf(err)
	}
	return exitHeld
}
