package main

import (
	"encoding/json"
	"fmt"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/store"
)

type checkCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment."`
}

// Run compiles the declaration and prints what is wrong, or what it amounts to.
func (c *checkCmd) Run(e *env) error {
	p, err := fastness.Check(c.Declaration, c.Env)
	if err != nil {
		return err
	}
	for _, w := range p.Warnings {
		fmt.Fprintln(e.err, "warning:", w)
	}
	rules := 0
	for _, col := range p.Collections {
		rules += len(col.Reads) + len(col.Creates) + len(col.Updates) + len(col.Deletes)
	}
	fmt.Fprintf(e.out, "held: %s (%s), plan %s: %d collections, %d roles, %d rules\n", p.Decl.Service.Name, c.Env, p.Version, len(p.Collections), len(p.Roles), rules)
	return nil
}

type planCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment."`
	OpenAPI     bool   `name:"openapi" help:"Print the OpenAPI 3.1 document."`
}

// Run prints the steps from the database to the declaration.
func (c *planCmd) Run(e *env) error {
	o := on{c.Declaration, c.Env}
	args := []string{"plan", "--env", c.Env}
	if c.OpenAPI {
		args = append(args, "--openapi")
	}
	if done, err := o.forward(e, args); done || err != nil {
		return err
	}
	if c.OpenAPI {
		return c.describe(e, o)
	}
	changes, err := c.changes(e)
	if err != nil {
		return err
	}
	for _, ch := range changes {
		fmt.Fprintln(e.out, ch.Words())
	}
	if len(changes) == 0 {
		fmt.Fprintln(e.out, "the database is as the declaration says")
	}
	return nil
}

// changes asks the data of a running server, or the database by itself.
func (c *planCmd) changes(e *env) ([]store.Change, error) {
	if e.remote != nil {
		return e.remote.app.Changes(e.ctx)
	}
	return fastness.Difference(c.Declaration, fastness.Options{Environment: c.Env})
}

func (c *planCmd) describe(e *env, o on) error {
	app, done, err := o.app(e)
	if err != nil {
		return err
	}
	defer done()
	doc, err := app.Plan.OpenAPI(app.Routes())
	if err == nil {
		_, err = e.out.Write(append(doc, '\n'))
	}
	return err
}

type versionCmd struct {
	JSON bool `name:"json" help:"For machines."`
}

// Run prints the version.
func (c *versionCmd) Run(e *env) error {
	if c.JSON {
		return json.NewEncoder(e.out).Encode(map[string]string{"version": fastness.Version})
	}
	fmt.Fprintln(e.out, fastness.Version)
	return nil
}
