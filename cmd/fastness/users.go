package main

import (
	"fmt"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/types"
)

type usersCmd struct {
	Add     usersAddCmd     `cmd:"" help:"Make an account and print its one-time enrolment link."`
	Invite  usersInviteCmd  `cmd:"" help:"Send somebody a link by which he makes an account with roles."`
	Import  usersImportCmd  `cmd:"" help:"Take over accounts of Django, Flask and others, with their passwords; says what it would do unless --yes."`
	Take    usersTakeCmd    `cmd:"" hidden:"" help:"A part of import."`
	List    usersListCmd    `cmd:"" help:"List accounts."`
	Grant   usersGrantCmd   `cmd:"" help:"Give a role, for good or until a date."`
	Revoke  usersRevokeCmd  `cmd:"" help:"Take a role."`
	Disable usersDisableCmd `cmd:"" help:"Disable an account and end its sessions."`
	Enable  usersEnableCmd  `cmd:"" help:"Undo disable."`
	Explain usersExplainCmd `cmd:"" help:"Say which roles are in force and why, and what somebody may do with a collection."`
	Approve usersApproveCmd `cmd:"" help:"Approve a role that somebody else asked for; without an id, list what waits."`
	Deny    usersDenyCmd    `cmd:"" help:"Deny a role that somebody asked for."`
	Require usersRequireCmd `cmd:"" help:"Demand a second factor of one account, whatever its roles."`

	Sessions     usersSessionsCmd     `cmd:"" help:"List somebody's sessions, or end them."`
	ResetFactors usersResetFactorsCmd `cmd:"" help:"Forget the factors of somebody who lost them."`

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
		fmt.Fprintf(e.out, "account %s\nenrolment link, once, for %v:\n%s\n", added.ID, added.Valid, added.Link.Reveal())
		waiting(e, added.Waits)
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
		fmt.Fprintf(e.out, "invited; the link is good for %v\n", added.Valid)
		waiting(e, added.Waits)
		return nil
	})
}

type usersRevokeCmd struct {
	Who  string `arg:"" help:"Address or id."`
	Role string `arg:"" help:"The role."`
	on
}

// Run takes a role.
func (c *usersRevokeCmd) Run(e *env) error {
	return c.work(e, []string{"users", "revoke", c.Who, c.Role}, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Revoke(e.ctx, operator("users revoke"), id, c.Role)
	})
}

type usersDisableCmd struct {
	Who string `arg:"" help:"Address or id."`
	on
}

// Run disables an account.
func (c *usersDisableCmd) Run(e *env) error {
	return c.work(e, []string{"users", "disable", c.Who}, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Disable(e.ctx, operator("users disable"), id)
	})
}

type usersEnableCmd struct {
	Who string `arg:"" help:"Address or id."`
	on
}

// Run lets a disabled account in again.
func (c *usersEnableCmd) Run(e *env) error {
	return c.work(e, []string{"users", "enable", c.Who}, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Enable(e.ctx, operator("users enable"), id)
	})
}

type usersSessionCmd struct {
	Who         string `arg:"" help:"Address or id."`
	Declaration string `name:"declaration" short:"d" default:"." help:"The declaration."`
	Env         string `name:"env" default:"development" enum:"production,development" help:"The environment."`
}

// Run prints a bearer token that counts as freshly proved; refused outside development.
func (c *usersSessionCmd) Run(e *env) error {
	return on{c.Declaration, c.Env}.work(e, []string{"users", "session", c.Who, "--env", c.Env}, func(app *fastness.App) error {
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
