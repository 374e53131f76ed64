package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
	p, err := plan.Load(fastness.Declaration(o.Declaration), o.Env)
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
			Items []json.RawMessage `json:"items"`
			Next  *string           `json:"next"`
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

type rowsImportCmd struct {
	Collection string `arg:""`
	File       string `arg:"" help:"A file of JSON Lines or CSV with a header; - is the standard input."`
	Format     string `name:"format" help:"jsonl or csv; else by the file's name."`
	Skip       int    `name:"skip" help:"Leave out so many rows: those that an earlier run has imported."`
	asWhom
}

// Bounds of one transaction of an import.
const (
	batchRows  = 100
	batchBytes = 256 << 10
)

// Run creates a row for each line, a hundred in one transaction, under the caller's rules.
func (c *rowsImportCmd) Run(e *env) error {
	col, err := c.collection(c.Collection)
	if err != nil {
		return err
	}
	format, err := rowfile.FormatOf(c.Format, c.File)
	if err != nil {
		return &coded{exitUsage, err}
	}
	in := e.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	call, done, err := c.calls(e)
	if err != nil {
		return err
	}
	defer done()
	said := terminal.NewProgress(e.err, "rows")
	defer said.End()
	i := &importer{cmd: c, call: call, done: c.Skip, Progress: said}
	read := rowfile.Reader(in, format, col)
	for n := 1; ; n++ {
		row, err := read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return i.stopped(fmt.Errorf("row %d: %w", n, err))
		}
		if n <= c.Skip {
			continue
		}
		if err := i.add(row); err != nil {
			return i.stopped(err)
		}
	}
	if err := i.flush(); err != nil {
		return i.stopped(err)
	}
	fmt.Fprintf(e.out, "%d rows imported\n", i.done-c.Skip)
	return nil
}

// importer gathers rows to transactions.
type importer struct {
	cmd  *rowsImportCmd
	call caller
	rows []json.RawMessage
	size int
	done int // rows of the file that are in, skipped ones included
	*terminal.Progress
}

func (i *importer) add(row json.RawMessage) error {
	if i.size+len(row) > batchBytes || len(i.rows) == batchRows {
		if err := i.flush(); err != nil {
			return err
		}
	}
	i.rows, i.size = append(i.rows, row), i.size+len(row)
	return nil
}

func (i *importer) flush() error {
	if len(i.rows) == 0 {
		return nil
	}
	type operation struct {
		Create string          `json:"create"`
		New    json.RawMessage `json:"new"`
	}
	var do []operation
	for _, r := range i.rows {
		do = append(do, operation{i.cmd.Collection, r})
	}
	body, err := json.Marshal(map[string]any{"do": do})
	if err != nil {
		return err
	}
	if _, err := i.call(i.cmd.args("rows", "batch", string(body))...); err != nil {
		return fmt.Errorf("rows %d to %d (do[0] is row %d): %w", i.done+1, i.done+len(i.rows), i.done+1, err)
	}
	i.done += len(i.rows)
	i.At(i.done)
	i.rows, i.size = nil, 0
	return nil
}

// stopped says what is in and how to go on.
func (i *importer) stopped(err error) error {
	return fmt.Errorf("%w\n%d rows are in, none after them; correct the file and go on with --skip %d", err, i.done, i.done)
}

type rowsBatchCmd struct {
	JSON string `arg:"" help:"{\"do\": [{\"create\": COLLECTION, \"new\": {…}}, …]}, all or nothing; - reads it from the standard input."`
	asWhom
}

// Run does several operations in one transaction.
func (c *rowsBatchCmd) Run(e *env) error {
	if err := terminal.FromInput(e.in, &c.JSON); err != nil {
		return &coded{exitUsage, err}
	}
	return c.run(e, []string{"rows", "batch", c.JSON}, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.Batch(e.ctx, by, []byte(c.JSON), keep.Write{})
	})
}
