package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/store"
)

type migrateCmd struct {
	Drop []string `name:"drop" help:"A collection or COLLECTION.FIELD that the declaration no longer names: destroy it and what it holds. May be repeated."`
	Yes  bool     `name:"yes" help:"Do it; without this the changes are printed and nothing is done."`
	on
}

// Run brings the database to the declaration. What loses data must be named, each piece of it.
func (c *migrateCmd) Run(e *env) error {
	if e.remote != nil {
		return errors.New("a server works on this data; stop it first. It adds what a declaration gained when it starts")
	}
	if done, err := c.forward(e, append([]string{"migrate"}, c.flags()...)); done || err != nil {
		return err
	}
	changes, err := fastness.Difference(c.Declaration, fastness.Options{Environment: c.Env})
	if err != nil {
		return err
	}
	if err := c.named(changes); err != nil {
		return err
	}
	for _, ch := range changes {
		fmt.Fprintln(e.out, ch.Words())
	}
	switch {
	case len(changes) == 0:
		fmt.Fprintln(e.out, "the database is as the declaration says")
		return nil
	case !c.Yes:
		fmt.Fprintln(e.out, "nothing was done; say --yes to do it")
		return nil
	}
	app, err := fastness.Open(c.Declaration, fastness.Options{Environment: c.Env, Drop: c.Drop})
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, "done")
	return app.Close()
}

func (c *migrateCmd) flags() []string {
	var out []string
	for _, d := range c.Drop {
		out = append(out, "--drop", d)
	}
	return out
}

// named refuses a name that nothing is lost under: it may be a slip for something that would be.
func (c *migrateCmd) named(changes []store.Change) error {
	for _, d := range c.Drop {
		if !slices.ContainsFunc(changes, func(ch store.Change) bool { return fastness.Destroyed(ch) == d }) {
			return fmt.Errorf("--drop %s: the declaration still names it, or the database never had it", d)
		}
	}
	return nil
}
