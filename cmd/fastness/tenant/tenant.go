// Package tenant is `fastness organisations`: what operators do for organisations and who belongs to them.
package tenant

import (
	"fmt"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/internal/types"
)

// Commands are the commands, for kong.
type Commands struct {
	List    listCmd    `cmd:"" help:"List organisations."`
	Add     addCmd     `cmd:"" help:"Make an organisation for an owner."`
	Members membersCmd `cmd:"" help:"List who belongs to an organisation."`
	Put     putCmd     `cmd:"" help:"Make an account a member, or give a member another role."`
	Remove  removeCmd  `cmd:"" help:"Take a member out."`
}

// on is where the commands work.
type on struct{ command.On }

// work runs fn on the app of a declaration that has organisations.
func (o on) work(h command.Host, args []string, fn func(*fastness.App) error) error {
	return h.Work(o.On, append([]string{"organisations"}, args...), func(app *fastness.App) error {
		if app.Plan.Organisations == nil {
			return fmt.Errorf("the declaration has no organisations; add the block organisations")
		}
		return fn(app)
	})
}

func parse(id string) (types.ID, error) {
	org, ok := types.ParseID(id)
	if !ok {
		return "", fmt.Errorf("%q is not the id of an organisation; see fastness organisations list", id)
	}
	return org, nil
}

type listCmd struct{ on }

// Run lists organisations with their ids and how many belong to each.
func (c *listCmd) Run(h command.Host) error {
	return c.work(h, []string{"list"}, func(app *fastness.App) error {
		after := types.ID("")
		for {
			page, err := app.Identity.Organisations().All(h.Context(), h.Operator("organisations list"), after)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, o := range page {
				fmt.Fprintf(h.Out(), "%s %d %s\n", o.ID, o.Members, o.Name)
				after = o.ID
			}
		}
	})
}

type addCmd struct {
	Name  string `arg:"" help:"What it is called."`
	Owner string `name:"owner" required:"" help:"Address or id of the account that gets the highest role."`
	on
}

// Run makes an organisation and prints its id.
func (c *addCmd) Run(h command.Host) error {
	return c.work(h, []string{"add", c.Name, "--owner", c.Owner}, func(app *fastness.App) error {
		id, err := h.Account(app, c.Owner)
		if err != nil {
			return err
		}
		o, err := app.Identity.Organisations().Create(h.Context(), h.Operator("organisations add"), id, c.Name)
		if err != nil {
			return err
		}
		fmt.Fprintln(h.Out(), o.ID)
		return nil
	})
}

type membersCmd struct {
	ID string `arg:"" help:"The organisation."`
	on
}

// Run lists members.
func (c *membersCmd) Run(h command.Host) error {
	return c.work(h, []string{"members", c.ID}, func(app *fastness.App) error {
		org, err := parse(c.ID)
		if err != nil {
			return err
		}
		all, err := app.Identity.Organisations().Members(h.Context(), h.Operator("organisations members"), org)
		for _, m := range all {
			fmt.Fprintf(h.Out(), "%s %s %s\n", m.Account, m.Role, m.Email)
		}
		return err
	})
}

type putCmd struct {
	ID   string `arg:"" help:"The organisation."`
	Who  string `arg:"" help:"Address or id."`
	Role string `arg:"" help:"A role within organisations."`
	on
}

// Run makes or changes a membership.
func (c *putCmd) Run(h command.Host) error {
	return c.work(h, []string{"put", c.ID, c.Who, c.Role}, func(app *fastness.App) error {
		org, id, err := both(h, app, c.ID, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Organisations().Put(h.Context(), h.Operator("organisations put"), org, id, c.Role)
	})
}

type removeCmd struct {
	ID  string `arg:"" help:"The organisation."`
	Who string `arg:"" help:"Address or id."`
	on
}

// Run takes a member out.
func (c *removeCmd) Run(h command.Host) error {
	return c.work(h, []string{"remove", c.ID, c.Who}, func(app *fastness.App) error {
		org, id, err := both(h, app, c.ID, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Organisations().Remove(h.Context(), h.Operator("organisations remove"), org, id)
	})
}

func both(h command.Host, app *fastness.App, org, who string) (types.ID, types.ID, error) {
	o, err := parse(org)
	if err != nil {
		return "", "", err
	}
	id, err := h.Account(app, who)
	return o, id, err
}
