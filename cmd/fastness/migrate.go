package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/difference"
)

type migrateCmd struct {
	Drop    []string `name:"drop" help:"A collection or COLLECTION.FIELD that the declaration no longer names: destroy it and what it holds. May be repeated."`
	Convert []string `name:"convert" help:"A COLLECTION.FIELD whose stored values are to be converted to its new form. May be repeated."`
	Yes     bool     `name:"yes" help:"Do it; without this the changes are printed and nothing is done."`
	on
}

// Run brings the database to the declaration. What loses data must be named, each piece of it. Beside a server it converts what must be
// converted; the server's next start puts it in place.
func (c *migrateCmd) Run(e *env) error {
	if e.remote != nil {
		return c.prepare(e)
	}
	if done, err := c.forward(e, append([]string{"migrate"}, c.flags()...)); done || err != nil {
		return err
	}
	opt := fastness.Options{Environment: c.Env, Drop: c.Drop, Convert: c.Convert, Progress: c.progress(e)}
	all, err := fastness.Compare(c.Declaration, fastness.Options{Environment: c.Env, Convert: c.Convert})
	if err != nil {
		return err
	}
	for _, d := range c.Drop {
		if !slices.Contains(all.Lost, d) { // it may be a slip for something that would be lost
			return fmt.Errorf("--drop %s: the declaration still names it, or the database never had it", d)
		}
	}
	all.Lost = slices.DeleteFunc(all.Lost, func(name string) bool { return slices.Contains(c.Drop, name) })
	if err := difference.Print(e.out, all); err != nil {
		return err
	}
	switch {
	case len(all.Changes)+len(all.Steps) == 0:
		return nil
	case !c.Yes:
		fmt.Fprintln(e.out, "nothing was done; say --yes to do it")
		return nil
	}
	app, err := fastness.Open(c.Declaration, opt)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, "done")
	return app.Close()
}

// prepare converts beside a running server.
func (c *migrateCmd) prepare(e *env) error {
	d, err := e.remote.app.Compare(e.ctx, c.Convert)
	if err != nil {
		return err
	}
	if err := difference.Print(e.out, d); err != nil {
		return err
	}
	if len(c.Drop) > 0 || len(d.Steps) == 0 {
		return errors.New("a server works on this data; stop it first. It adds what a declaration gained when it starts, " +
			"and with --yes values that must be converted are converted beside it")
	}
	if !c.Yes {
		fmt.Fprintln(e.out, "nothing was done; say --yes to convert beside the server")
		return nil
	}
	fields, err := e.remote.app.Prepare(e.ctx, c.Convert, c.progress(e))
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return errors.New("a server works on this data and no value must be converted; stop it and start it with the new declaration")
	}
	fmt.Fprintf(e.out, "converted beside the server: %s; start it anew to put them in place\n", strings.Join(fields, ", "))
	return nil
}

// progress prints a line each time another tenth of a field is converted.
func (c *migrateCmd) progress(e *env) func(field string, done, all int64) {
	told := map[string]int64{}
	return func(field string, done, all int64) {
		if tenth := done * 10 / max(all, 1); tenth > told[field] {
			told[field] = tenth
			fmt.Fprintf(e.out, "%s: %d of %d rows\n", field, done, all)
		}
	}
}

func (c *migrateCmd) flags() []string {
	var out []string
	for _, d := range c.Drop {
		out = append(out, "--drop", d)
	}
	for _, d := range c.Convert {
		out = append(out, "--convert", d)
	}
	if c.Yes {
		out = append(out, "--yes")
	}
	return out
}
