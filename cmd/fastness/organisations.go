package main

import (
	"fmt"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/types"
)

type organisationsCmd struct {
	List    organisationsListCmd    `cmd:"" help:"List organisations."`
	Add     organisationsAddCmd     `cmd:"" help:"Make an organisation for an owner."`
	Members organisationsMembersCmd `cmd:"" help:"List who belongs to an organisation."`
	Put     organisationsPutCmd     `cmd:"" help:"Make an account a member, or give a member another role."`
	Remove  organisationsRemoveCmd  `cmd:"" help:"Take a member out."`
}

// tenants runs fn on the app of a declaration that has organisations.
func (o on) tenants(e *env, args []string, fn func(*fastness.App) error) error {
	return o.work(e, append([]string{"organisations"}, args...), func(app *fastness.App) error {
		if app.Plan.Organisations == nil {
			return fmt.Errorf("the declaration has no organisations; add the block organisations")
		}
		return fn(app)
	})
}

func organisation(id string) (types.ID, error) {
	org, ok := types.ParseID(id)
	if !ok {
		return "", fmt.Errorf("%q is not the id of an organisation; see fastness organisations list", id)
	}
	return org, nil
}

type organisationsListCmd struct{ on }

// Run lists organisations with their ids and how many belong to each.
func (c *organisationsListCmd) Run(e *env) error {
	return c.tenants(e, []string{"list"}, func(app *fastness.App) error {
		after := types.ID("")
		for {
			page, err := app.Identity.Organisations().All(e.ctx, operator("organisations list"), after)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, o := range page {
				fmt.Fprintf(e.out, "%s %d %s\n", o.ID, o.Members, o.Name)
				after = o.ID
			}
		}
	})
}

type organisationsAddCmd struct {
	Name  string `arg:"" help:"What it is called."`
	Owner string `name:"owner" required:"" help:"Address or id of the account that gets the highest role."`
	on
}

// Run makes an organisation and prints its id.
func (c *organisationsAddCmd) Run(e *env) error {
	return c.tenants(e, []string{"add", c.Name, "--owner", c.Owner}, func(app *fastness.App) error {
		id, err := user(e, app, c.Owner)
		if err != nil {
			return err
		}
		o, err := app.Identity.Organisations().Create(e.ctx, operator("organisations add"), id, c.Name)
		if err != nil {
			return err
		}
		fmt.Fprintln(e.out, o.ID)
		return nil
	})
}

type organisationsMembersCmd struct {
	ID string `arg:"" help:"The organisation."`
	on
}

// Run lists members.
func (c *organisationsMembersCmd) Run(e *env) error {
	return c.tenants(e, []string{"members", c.ID}, func(app *fastness.App) error {
		org, err := organisation(c.ID)
		if err != nil {
			return err
		}
		all, err := app.Identity.Organisations().Members(e.ctx, operator("organisations members"), org)
		for _, m := range all {
			fmt.Fprintf(e.out, "%s %s %s\n", m.Account, m.Role, m.Email)
		}
		return err
	})
}

type organisationsPutCmd struct {
	ID   string `arg:"" help:"The organisation."`
	Who  string `arg:"" help:"Address or id."`
	Role string `arg:"" help:"A role within organisations."`
	on
}

// Run makes or changes a membership.
func (c *organisationsPutCmd) Run(e *env) error {
	return c.tenants(e, []string{"put", c.ID, c.Who, c.Role}, func(app *fastness.App) error {
		org, err := organisation(c.ID)
		if err != nil {
			return err
		}
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Organisations().Put(e.ctx, operator("organisations put"), org, id, c.Role)
	})
}

type organisationsRemoveCmd struct {
	ID  string `arg:"" help:"The organisation."`
	Who string `arg:"" help:"Address or id."`
	on
}

// Run takes a member out.
func (c *organisationsRemoveCmd) Run(e *env) error {
	return c.tenants(e, []string{"remove", c.ID, c.Who}, func(app *fastness.App) error {
		org, err := organisation(c.ID)
		if err != nil {
			return err
		}
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Organisations().Remove(e.ctx, operator("organisations remove"), org, id)
	})
}
