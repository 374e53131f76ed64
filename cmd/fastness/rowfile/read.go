package rowfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types/table"
)

// Row is a row of a file, as the JSON object that makes it.
type Row struct {
	JSON    jsontext.Value
	Number  int // in the file, from 1
	Line    int
	columns []string // of a CSV
}

// Where names the row's place in the file, and the place of a field in it; path is dotted ("lines.2.mg"), or "" for the row.
func (r Row) Where(path string) string {
	out := fmt.Sprintf("row %d", r.Number)
	if name, _, _ := strings.Cut(path, "."); slices.Contains(r.columns, name) {
		out += fmt.Sprintf(", column %d", slices.Index(r.columns, name)+1)
	}
	if path != "" {
		out += " (" + path + ")"
	}
	return fmt.Sprintf("%s, line %d", out, r.Line)
}

// Reader reads a file, one row at a time.
type Reader struct {
	Next func() (Row, error) // io.EOF ends the file; every other error says where
	// Noted is what was found out about the form of the file and is not the usual, in words; "" when nothing is.
	Noted string
}

// Read begins to read a file of rows of a collection.
func Read(in io.Reader, form Format, col *plan.Collection) (*Reader, error) {
	if form.CSV {
		return csvRows(in, form, col)
	}
	if form.Table.Byte != nil || form.Table.Separator != 0 || form.EmptyMissing {
		return nil, errors.New("JSON Lines are UTF-8 and have no separators; name none, or say --format csv")
	}
	return &Reader{Next: jsonLines(in)}, nil
}

// maxLine bounds the bytes of a line.
const maxLine = 1 << 20

// jsonLines reads one JSON object a line, strictly: a name twice, or what is not UTF-8, is refused.
func jsonLines(in io.Reader) func() (Row, error) {
	s := bufio.NewScanner(in)
	s.Buffer(nil, maxLine)
	number, line := 0, 0
	return func() (Row, error) {
		for s.Scan() {
			text := s.Bytes()
			if line++; line == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			if text = bytes.TrimSpace(text); len(text) == 0 {
				continue
			}
			number++
			row := Row{Number: number, Line: line}
			fields := map[string]jsontext.Value{}
			if err := json.Unmarshal(text, &fields); err != nil || text[0] != '{' {
				return Row{}, fmt.Errorf("row %d%s, line %d: the line is not one strict JSON object in UTF-8; mend it", number, column(err), line)
			}
			for _, name := range system {
				delete(fields, name)
			}
			var err error
			row.JSON, err = json.Marshal(fields, json.Deterministic(true))
			return row, err
		}
		if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
			return Row{}, fmt.Errorf("line %d: it is longer than %d bytes; give each row a line of its own", line+1, maxLine)
		} else if err != nil {
			return Row{}, err
		}
		return Row{}, io.EOF
	}
}

// column is where in a line its JSON is broken.
func column(err error) string {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Sprintf(", column %d", syntax.ByteOffset+1)
	}
	return ""
}

// csvRows reads a table with a header of field names.
func csvRows(in io.Reader, form Format, col *plan.Collection) (*Reader, error) {
	t, err := table.New(in, form.Table)
	if err != nil {
		return nil, err
	}
	fields := make([]*plan.Field, len(t.Header)) // nil: passed over
	for i, name := range t.Header {
		if slices.Contains(system, name) {
			continue
		}
		if fields[i] = col.Field(name); fields[i] == nil {
			return nil, t.Wrong(i, fmt.Sprintf("%s has no field of this name; cells are separated by %s: rename or remove the column, or name another separator",
				col.Name, spoken(t.Separator)))
		}
	}
	next := func() (Row, error) {
		cells, err := t.Read()
		if err != nil {
			return Row{}, err
		}
		values := map[string]jsontext.Value{}
		for i, c := range cells {
			f := fields[i]
			switch {
			case f == nil, c.Text == "" && (!c.Quoted || form.EmptyMissing):
			case c.Text == null && !c.Quoted:
				values[f.Name] = jsontext.Value("null")
			case c.Text == "" && !emptyText(f):
				return Row{}, t.Wrong(i, "an empty text is no value of this field; take the quotes away, or say --empty-missing")
			default:
				if values[f.Name], err = ValueOf(f, c.Text); err != nil {
					return Row{}, t.Wrong(i, err.Error())
				}
			}
		}
		row := Row{Number: t.Row(), Line: t.Line(), columns: t.Header}
		row.JSON, err = json.Marshal(values, json.Deterministic(true))
		return row, err
	}
	return &Reader{Next: next, Noted: noted(t)}, nil
}

// spoken is a separator in words.
func spoken(sep rune) string {
	for name, r := range separators {
		if r == sep && name != "" {
			return name + "s"
		}
	}
	return fmt.Sprintf("%q", sep)
}

func noted(t *table.Reader) string {
	var out []string
	if t.Separator != ',' && len(t.Header) > 1 {
		out = append(out, "cells are separated by "+spoken(t.Separator))
	}
	if t.ClassicEnds() {
		out = append(out, "lines end with CR alone")
	}
	return strings.Join(out, ", ")
}
