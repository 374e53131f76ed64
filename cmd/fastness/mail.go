package main

import (
	"fmt"
	"time"

	"github.com/fastness-dev/fastness"
)

type mailCmd struct {
	JSON bool `name:"json" help:"For machines."`
	on
}

// unsent is a letter that was given up, on the wire.
type unsent struct {
	ID    string `json:"id"`
	At    string `json:"at"`
	Tries int    `json:"tries"`
	Code  string `json:"code"`
}

// Run says how many letters wait, and lists those that were given up in the last month: never to whom.
func (c *mailCmd) Run(e *env) error {
	args := []string{"mail"}
	if c.JSON {
		args = append(args, "--json")
	}
	return c.work(e, args, func(app *fastness.App) error {
		waits, err := app.Letters(e.ctx)
		if err != nil {
			return err
		}
		failed, err := app.Unsent(e.ctx, 100)
		if err != nil {
			return err
		}
		out := struct {
			Waiting int      `json:"waiting"`
			Unsent  []unsent `json:"unsent"`
		}{waits, []unsent{}}
		for _, f := range failed {
			out.Unsent = append(out.Unsent, unsent{string(f.ID), f.At.UTC().Format(time.RFC3339), f.Tries, f.Code})
		}
		if c.JSON {
			return printJSON(e, out)
		}
		fmt.Fprintf(e.out, "%d letters wait, %d were given up in the last month\n", out.Waiting, len(out.Unsent))
		for _, u := range out.Unsent {
			fmt.Fprintf(e.out, "%s %s after %d tries: %s\n", u.At, u.ID, u.Tries, u.Code)
		}
		return nil
	})
}
