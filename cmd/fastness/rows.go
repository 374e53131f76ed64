package main

import (
	"fmt"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/terminal"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type rowsCmd struct {
	List   rowsListCmd   `cmd:"" help:"Print a page of rows."`
	Get    rowsGetCmd    `cmd:"" help:"Print one row."`
	Create rowsCreateCmd `cmd:"" help:"Make a row from a JSON object."`
	Update rowsUpdateCmd `cmd:"" help:"Change a row by a JSON merge patch."`
	Delete rowsDeleteCmd `cmd:"" help:"Remove a row."`
	Batch  rowsBatchCmd  `cmd:"" help:"Do several operations, all or nothing."`
	Export rowsExportCmd `cmd:"" help:"Write all rows as JSON Lines or CSV."`
	Import rowsImportCmd `cmd:"" help:"Create rows from JSON Lines or CSV, up to a thousand in one transaction."`
	Take   rowsTakeCmd   `cmd:"" hidden:""`
}

// asWhom says whose rules apply: an account's, or none with a reason that becomes evidence.
type asWhom struct {
	As     string `name:"as" help:"Act as this account (address or id), under its rules."`
	System bool   `name:"system" help:"Act without rules; needs --reason."`
	Reason string `name:"reason" help:"Why rules do not apply; it is recorded."`
	Org    string `name:"org" help:"An organisation, by id: the active one of --as, or with --system the one that new rows belong to."`
	on
}

func (a asWhom) args(words ...string) []string {
	if a.As != "" {
		words = append(words, "--as", a.As)
	}
	if a.System {
		words = append(words, "--system", "--reason", a.Reason)
	}
	if a.Org != "" {
		words = append(words, "--org", a.Org)
	}
	return words
}

func (a asWhom) caller(e *env, app *fastness.App) (*types.Caller, error) {
	switch {
	case a.System && a.As == "" && a.Reason != "":
		c := operator(a.Reason)
		c.Org = types.ID(a.Org)
		return c, nil
	case a.As != "" && !a.System:
		id, err := user(e, app, a.As)
		if err != nil {
			return nil, err
		}
		return app.CallerIn(e.ctx, id, types.ID(a.Org))
	}
	return nil, misused("say whose rules apply: --as EMAIL, or --system --reason WHY")
}

func (a asWhom) run(e *env, words []string, fn func(*fastness.App, *types.Caller) (*plan.Answer, error)) error {
	return a.work(e, a.args(words...), func(app *fastness.App) error {
		c, err := a.caller(e, app)
		if err != nil {
			return err
		}
		answer, err := fn(app, c)
		if err != nil {
			return err
		}
		if len(answer.Body) > 0 {
			fmt.Fprintf(e.out, "%s\n", answer.Body)
		}
		return nil
	})
}

type rowsListCmd struct {
	Collection string `arg:""`
	Filter     string `name:"filter" help:"CEL over row."`
	Sort       string `name:"sort"`
	Limit      int    `name:"limit"`
	After      string `name:"after"`
	asWhom
}

// Run prints a page.
func (c *rowsListCmd) Run(e *env) error {
	words := []string{"rows", "list", c.Collection, "--filter=" + c.Filter, "--sort=" + c.Sort, fmt.Sprintf("--limit=%d", c.Limit), "--after=" + c.After}
	return c.run(e, words, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.List(e.ctx, by, keep.ListQuery{Collection: c.Collection, Filter: c.Filter, Sort: c.Sort, Limit: c.Limit, After: c.After})
	})
}

type rowsGetCmd struct {
	Collection string `arg:""`
	ID         string `arg:""`
	asWhom
}

// Run prints a row.
func (c *rowsGetCmd) Run(e *env) error {
	return c.run(e, []string{"rows", "get", c.Collection, c.ID}, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.Get(e.ctx, by, keep.GetQuery{Collection: c.Collection, ID: c.ID})
	})
}

type rowsCreateCmd struct {
	Collection string `arg:""`
	JSON       string `arg:"" help:"A JSON object; - reads it from the standard input, where neither history nor process lists see it."`
	asWhom
}

// Run makes a row.
func (c *rowsCreateCmd) Run(e *env) error {
	if err := terminal.FromInput(e.in, &c.JSON); err != nil {
		return ended(exitUsage, err)
	}
	return c.run(e, []string{"rows", "create", c.Collection, c.JSON}, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.Create(e.ctx, by, keep.Write{Collection: c.Collection, Body: []byte(c.JSON)})
	})
}

type rowsUpdateCmd struct {
	Collection string `arg:""`
	ID         string `arg:""`
	JSON       string `arg:"" help:"A JSON merge patch; - reads it from the standard input."`
	asWhom
}

// Run changes a row.
func (c *rowsUpdateCmd) Run(e *env) error {
	if err := terminal.FromInput(e.in, &c.JSON); err != nil {
		return ended(exitUsage, err)
	}
	return c.run(e, []string{"rows", "update", c.Collection, c.ID, c.JSON}, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.Update(e.ctx, by, keep.Write{Collection: c.Collection, ID: c.ID, Body: []byte(c.JSON)})
	})
}

type rowsDeleteCmd struct {
	Collection string `arg:""`
	ID         string `arg:""`
	Yes        bool   `name:"yes" help:"Do not ask."`
	asWhom
}

// Run removes a row.
func (c *rowsDeleteCmd) Run(e *env) error {
	if !c.Yes {
		if err := terminal.Confirm(e.in, e.err, fmt.Sprintf("Remove %s/%s and what is removed with it, for good?", c.Collection, c.ID)); err != nil {
			return ended(exitUsage, err)
		}
	}
	return c.run(e, []string{"rows", "delete", c.Collection, c.ID, "--yes"}, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.Delete(e.ctx, by, keep.Write{Collection: c.Collection, ID: c.ID})
	})
}
