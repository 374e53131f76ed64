package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/rowfile"
	"github.com/fastness-dev/fastness/cmd/fastness/terminal"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type rowsImportCmd struct {
	Collection   string `arg:""`
	File         string `arg:"" help:"A file of JSON Lines or CSV with a header; - is the standard input."`
	Format       string `name:"format" help:"jsonl or csv; else by the file's name."`
	Encoding     string `name:"encoding" help:"CSV: windows-1252, iso-8859-1 or another; utf-8 when absent."`
	Separator    string `name:"separator" help:"CSV: what stands between cells; comma, semicolon, tab, pipe or a character. Found in the header when absent."`
	EmptyMissing bool   `name:"empty-missing" help:"CSV: an empty cell in quotes is no value, as one without quotes is; else it is an empty text."`
	Skip         int    `name:"skip" help:"Leave out so many rows: those that an earlier run has imported."`
	asWhom
}

// Run creates a row for each line, many in one transaction, under the caller's rules.
func (c *rowsImportCmd) Run(e *env) error {
	col, err := c.collection(c.Collection)
	if err != nil {
		return err
	}
	form, err := rowfile.FormatOf(c.Format, c.File)
	if err == nil {
		form.EmptyMissing = c.EmptyMissing
		form.Table, err = rowfile.TableOf(c.Encoding, c.Separator)
	}
	if err != nil {
		return ended(exitUsage, err)
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
	file, err := rowfile.Read(in, form, col)
	if err != nil {
		return err
	}
	if file.Noted != "" {
		fmt.Fprintf(e.err, "%s: %s\n", c.File, file.Noted)
	}
	call, done, err := c.calls(e)
	if err != nil {
		return err
	}
	defer done()
	said := terminal.NewProgress(e.err, "rows")
	defer said.End()
	i := &rowfile.Importer{Done: c.Skip, At: said.At, Send: func(rows string, each int) (string, error) {
		return call(c.args("rows", "take", c.Collection, rows, fmt.Sprintf("--each=%d", each))...)
	}}
	if err := i.Import(file); err != nil {
		err := fmt.Errorf("%w\n%d rows are in, none after them; correct the file and go on with --skip %d", err, i.Done, i.Done)
		var refusal *rowfile.Refusal
		if errors.As(err, &refusal) {
			return ended(refusal.Code, err)
		}
		return err
	}
	fmt.Fprintf(e.out, "%d rows imported\n", i.Done-c.Skip)
	return nil
}

type rowsTakeCmd struct {
	Collection string `arg:""`
	JSON       string `arg:""`
	Each       int    `name:"each" help:"Rows in a transaction."`
	asWhom
}

// Run makes a part of the rows of an import where the data are. It is a part of rows import.
func (c *rowsTakeCmd) Run(e *env) error {
	if e.remote == nil {
		return errors.New("this is a part of: fastness rows import")
	}
	return c.run(e, nil, func(app *fastness.App, by *types.Caller) (*plan.Answer, error) {
		var rows []jsontext.Value
		if err := json.Unmarshal([]byte(c.JSON), &rows); err != nil {
			return nil, err
		}
		var t rowfile.Taken
		var err error
		if t.Made, t.At, err = app.Keep.Import(e.ctx, by, c.Collection, rows, c.Each); err != nil {
			t.Refuse(err, exitOf(err))
		}
		body, err := json.Marshal(t)
		return &plan.Answer{Body: body}, err
	})
}
