package main

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/rowfile"
	"github.com/fastness-dev/fastness/cmd/fastness/terminal"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// caller runs other commands: in the server when one runs, else on data that are opened once.
type caller func(args ...string) (out string, err error)

// calls opens what several commands of one run share.
func (o on) calls(e *env) (caller, func(), error) {
	app, done, served, err := o.reach(&env{ctx: e.ctx, in: e.in, out: io.Discard, err: io.Discard, remote: e.remote}, []string{"version"})
	if err != nil {
		return nil, nil, err
	}
	if served {
		return func(args ...string) (string, error) {
			var out bytes.Buffer
			done, err := o.forward(&env{ctx: e.ctx, in: e.in, out: &out, err: e.err}, args)
			if err == nil && !done {
				err = untold("the server has gone away; run the command again")
			}
			return out.String(), err
		}, func() {}, nil
	}
	return func(args ...string) (string, error) {
		var out, errs bytes.Buffer
		if run(&env{ctx: e.ctx, in: e.in, out: &out, err: &errs, remote: &remote{app}}, args) != exitHeld {
			return "", errors.New(strings.TrimSpace(errs.String()))
		}
		return out.String(), nil
	}, done, nil
}

// collection finds a collection of the declaration.
func (o on) collection(name string) (*plan.Collection, error) {
	p, err := plan.Load(fastness.Declaration(o.Declaration), o.Environment())
	if err != nil {
		return nil, err
	}
	if col := p.Collection(name); col != nil {
		return col, nil
	}
	return nil, misused("there is no collection %q in the declaration; see fastness check", name)
}

type rowsExportCmd struct {
	Collection string `arg:""`
	Format     string `name:"format" enum:"jsonl,csv" default:"jsonl" help:"jsonl (one JSON object a line) or csv."`
	Filter     string `name:"filter" help:"CEL over row."`
	asWhom
}

// Run writes every row that the caller may read, with the fields he may read.
func (c *rowsExportCmd) Run(e *env) error {
	col, err := c.collection(c.Collection)
	if err != nil {
		return err
	}
	call, done, err := c.calls(e)
	if err != nil {
		return err
	}
	defer done()
	write := rowfile.Writer(e.out, c.Format, col)
	said, n := terminal.NewProgress(e.err, "rows"), 0
	defer said.End()
	after := ""
	for {
		text, err := call(c.args("rows", "list", c.Collection, "--filter="+c.Filter, "--limit=200", "--after="+after)...)
		if err != nil {
			return err
		}
		var page struct {
			Items []jsontext.Value `json:"items"`
			Next  *string          `json:"next"`
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			return err
		}
		if err := write(page.Items); err != nil {
			return err
		}
		n += len(page.Items)
		said.At(n)
		if page.Next == nil {
			return write(nil)
		}
		after = *page.Next
	}
}

type rowsBatchCmd struct {
	JSON string `arg:"" help:"{\"do\": [{\"create\": COLLECTION, \"new\": {…}}, …]}, all or nothing; - reads it from the standard input."`
	asWhom
}

// Run does several operations in one transaction.
func (c *rowsBatchCmd) Run(e *env) error {
	if err := terminal.FromInput(e.in, &c.JSON); err != nil {
		return ended(exitUsage, err)
	}
	return c.run(e, []string{"rows", "batch", c.JSON}, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.Batch(e.ctx, by, []byte(c.JSON), keep.Write{})
	})
}
