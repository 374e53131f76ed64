package main

import (
	"fmt"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/cmd/fastness/person"
	"github.com/fastness-dev/fastness/cmd/fastness/terminal"
	"github.com/fastness-dev/fastness/internal/types"
)

type usersCmd struct {
	Add    usersAddCmd    `cmd:"" help:"Make an account and print its one-time enrolment link."`
	Invite usersInviteCmd `cmd:"" help:"Send somebody a link by which he makes an account with roles."`
	Import usersImportCmd `cmd:"" help:"Take over accounts of Django, Flask and others, with their passwords; says what it would do unless --yes."`
	Take   usersTakeCmd   `cmd:"" hidden:"" help:"A part of import."`
	List   usersListCmd   `cmd:"" help:"List accounts."`
	person.Commands
	Session usersSessionCmd `cmd:"" help:"Development: print a one-hour bearer token."`
}

func user(e *env, app *fastness.App, who string) (types.ID, error) {
	acc, err := app.Identity.Find(e.ctx, operator("users"), who)
	if err != nil {
		return "", err
	}
	return acc.ID, nil
}

type usersAddCmd struct {
	Email string   `arg:"" help:"The address."`
	Role  []string `name:"role" help:"A role; may be repeated."`
	on
}

// Run adds an account.
func (c *usersAddCmd) Run(e *env) error {
	args := []string{"users", "add", c.Email}
	for _, r := range c.Role {
		args = append(args, "--role", r)
	}
	return c.work(e, args, func(app *fastness.App) error {
		added, err := app.Identity.AddUser(e.ctx, operator("users add"), c.Email, c.Role)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "account %s\nenrolment link, once, for %s:\n%s\n", added.ID, terminal.Span(added.Valid), added.Link.Reveal())
		person.Waiting(e.out, added.Waits)
		return nil
	})
}

type usersInviteCmd struct {
	Email string   `arg:"" help:"The address."`
	Role  []string `name:"role" help:"A role; may be repeated."`
	on
}

// Run invites somebody. The link goes by mail; development shows it.
func (c *usersInviteCmd) Run(e *env) error {
	args := []string{"users", "invite", c.Email}
	for _, r := range c.Role {
		args = append(args, "--role", r)
	}
	return c.work(e, args, func(app *fastness.App) error {
		added, err := app.Identity.Invite(e.ctx, operator("users invite"), c.Email, c.Role)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "invited; the link is good for %s\n", terminal.Span(added.Valid))
		if app.Plan.Development() {
			fmt.Fprintln(e.out, added.Link.Reveal())
		}
		person.Waiting(e.out, added.Waits)
		return nil
	})
}

type usersSessionCmd struct {
	Who         string `arg:"" help:"Address or id."`
	Declaration string `name:"declaration" short:"d" default:"." help:"The declaration."`
	Env         string `name:"env" default:"development" enum:"production,development" help:"The environment."`
}

// Run prints a bearer token that counts as freshly proved; refused outside development.
func (c *usersSessionCmd) Run(e *env) error {
	return on{command.On{Declaration: c.Declaration, Env: c.Env}}.work(e, []string{"users", "session", c.Who, "--env", c.Env}, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		s, err := app.Identity.DevSession(e.ctx, operator("users session"), id)
		if err != nil {
			return err
		}
		fmt.Fprintln(e.out, s.Token.Reveal())
		return nil
	})
}
