package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

// system are the fields that every row has and nobody writes.
var system = []string{"id", "created", "updated", "version"}

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

// formatOf is the form of a file: what was asked for, else what its name ends in.
func formatOf(asked, file string) (string, error) {
	if asked == "" {
		asked = strings.TrimPrefix(filepath.Ext(file), ".")
	}
	switch asked {
	case "csv":
		return "csv", nil
	case "jsonl", "ndjson", "json", "":
		return "jsonl", nil
	}
	return "", misused("a file of rows is csv or jsonl; say --format")
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
	write := exporter(e.out, c.Format, col)
	said, n := newProgress(e, "rows"), 0
	defer said.end()
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
		said.at(n)
		if page.Next == nil {
			return write(nil)
		}
		after = *page.Next
	}
}

// exporter writes pages of rows in a format. A page of none ends the file.
func exporter(w io.Writer, format string, col *plan.Collection) func([]json.RawMessage) error {
	if format == "jsonl" {
		return func(rows []json.RawMessage) error {
			for _, r := range rows {
				if _, err := fmt.Fprintf(w, "%s\n", r); err != nil {
					return err
				}
			}
			return nil
		}
	}
	out, names := csv.NewWriter(w), append([]string{}, system...)
	for _, f := range col.Fields {
		names = append(names, f.Name)
	}
	begun := false
	return func(rows []json.RawMessage) error {
		if !begun {
			begun = true
			out.Write(names)
		}
		for _, r := range rows {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(r, &fields); err != nil {
				return err
			}
			line := make([]string, len(names))
			for i, name := range names {
				line[i] = cell(fields[name])
			}
			out.Write(line)
		}
		out.Flush()
		return out.Error()
	}
}

// cell is a JSON value as a cell: text as it is, what is missing or masked empty, everything else as JSON.
func cell(v json.RawMessage) string {
	var text string
	switch {
	case len(v) == 0 || string(v) == "null":
		return ""
	case json.Unmarshal(v, &text) == nil:
		return text
	}
	return string(v)
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
	format, err := formatOf(c.Format, c.File)
	if err != nil {
		return err
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
	said := newProgress(e, "rows")
	defer said.end()
	i := &importer{cmd: c, call: call, done: c.Skip, progress: said}
	read := jsonLines(in)
	if format == "csv" {
		read = csvRows(in, col)
	}
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
	*progress
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
	i.at(i.done)
	i.rows, i.size = nil, 0
	return nil
}

// stopped says what is in and how to go on.
func (i *importer) stopped(err error) error {
	return fmt.Errorf("%w\n%d rows are in, none after them; correct the file and go on with --skip %d", err, i.done, i.done)
}

// jsonLines reads one JSON object a line.
func jsonLines(in io.Reader) func() (json.RawMessage, error) {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	return func() (json.RawMessage, error) {
		for s.Scan() {
			line := bytes.TrimSpace(s.Bytes())
			if len(line) == 0 {
				continue
			}
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(line, &fields); err != nil {
				return nil, fmt.Errorf("this is not a JSON object: %w", err)
			}
			for _, name := range system {
				delete(fields, name)
			}
			return json.Marshal(fields)
		}
		if err := s.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
}

// csvRows reads a table with a header of field names. An empty cell is a value that is not given.
func csvRows(in io.Reader, col *plan.Collection) func() (json.RawMessage, error) {
	r := csv.NewReader(in)
	var header []string
	return func() (json.RawMessage, error) {
		if header == nil {
			var err error
			if header, err = r.Read(); err != nil {
				return nil, err
			}
		}
		line, err := r.Read()
		if err != nil {
			return nil, err
		}
		out := map[string]json.RawMessage{}
		for i, name := range header {
			if line[i] == "" || slices.Contains(system, name) {
				continue
			}
			f := col.Field(name)
			if f == nil {
				return nil, fmt.Errorf("the header names %q, which %s has not", name, col.Name)
			}
			out[name] = jsonOf(f, line[i])
		}
		return json.Marshal(out)
	}
}

// jsonOf is a cell as the JSON value of its field. What cannot be read stays text, and is refused with the field's name.
func jsonOf(f *plan.Field, text string) json.RawMessage {
	switch f.Rule.Kind {
	case rule.IntType:
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.RawMessage(text)
		}
	case rule.BoolType:
		if text == "true" || text == "false" {
			return json.RawMessage(text)
		}
	}
	if (f.Type == plan.ListField || f.Type == plan.JSONField) && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, _ := json.Marshal(text)
	return quoted
}

type rowsBatchCmd struct {
	JSON string `arg:"" help:"{\"do\": [{\"create\": COLLECTION, \"new\": {…}}, …]}, all or nothing; - reads it from the standard input."`
	asWhom
}

// Run does several operations in one transaction.
func (c *rowsBatchCmd) Run(e *env) error {
	if err := fromInput(e, &c.JSON); err != nil {
		return err
	}
	return c.run(e, []string{"rows", "batch", c.JSON}, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		return app.Keep.Batch(e.ctx, by, []byte(c.JSON), keep.Write{})
	})
}
