package main

import (
	"fmt"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/types"
)

type whyCmd struct {
	Request string `arg:"" help:"The request id of the refusal (X-Request-Id)."`
	JSON    bool   `name:"json" help:"For machines."`
	on
}

// Run says what is known of a refused request: the clauses that were not true, from the memory of the server or from the evidence.
func (c *whyCmd) Run(e *env) error {
	id, ok := types.ParseID(c.Request)
	if !ok {
		return misused("%q is not the id of a request; it stands in X-Request-Id and in the error's request_id", c.Request)
	}
	args := []string{"why", c.Request}
	if c.JSON {
		args = append(args, "--json")
	}
	return c.work(e, args, func(app *fastness.App) error {
		lines, err := app.Why(e.ctx, id)
		if err != nil {
			return err
		}
		if lines == nil {
			return untold("could not tell: nothing is known of request %s: no rule refused it, nobody was signed in, or it was one of many that were only counted", id)
		}
		if c.JSON {
			return printJSON(e, map[string]any{"request": id, "lines": lines})
		}
		fmt.Fprintln(e.out, strings.Join(lines, "\n"))
		return nil
	})
}
