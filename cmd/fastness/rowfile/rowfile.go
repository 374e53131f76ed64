// Package rowfile reads and writes rows as files: JSON Lines, one object a line, and CSV with a header of field names.
//
// An empty cell is a value that is not given. Fields that every row has and nobody writes leave with the others and are passed over on the way in.
package rowfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
)

// system are the fields that nobody writes; org has not every row.
var system = []string{"id", "created", "updated", "version", "org"}

// FormatOf is the form of a file: what was asked for, else what its name ends in.
func FormatOf(asked, file string) (string, error) {
	if asked == "" {
		asked = strings.TrimPrefix(filepath.Ext(file), ".")
	}
	switch asked {
	case "csv":
		return "csv", nil
	case "jsonl", "ndjson", "json", "":
		return "jsonl", nil
	}
	return "", errors.New("a file of rows is csv or jsonl; say --format")
}

// Writer writes pages of rows in a format, with the columns of a collection. A page of none ends the file.
func Writer(w io.Writer, format string, col *plan.Collection) func([]json.RawMessage) error {
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
	out, names := csv.NewWriter(w), []string{}
	for _, f := range col.System {
		names = append(names, f.Name)
	}
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

// Reader reads one row at a time as a JSON object; io.EOF ends the file.
func Reader(in io.Reader, format string, col *plan.Collection) func() (json.RawMessage, error) {
	if format == "csv" {
		return csvRows(in, col)
	}
	return jsonLines(in)
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
			out[name] = JSONOf(f, line[i])
		}
		return json.Marshal(out)
	}
}

// JSONOf is a cell as the JSON value of its field. What cannot be read stays text, and is refused with the field's name.
func JSONOf(f *plan.Field, text string) json.RawMessage {
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
