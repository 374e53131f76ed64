package rowfile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxBytes bounds what goes to the server at once.
const maxBytes = 256 << 10

// Taken is the server's answer to a part of an import.
type Taken struct {
	At      int                `json:"at"` // number of the row that was refused, from 0; -1: none alone
	Refused string             `json:"refused,omitempty"`
	Code    int                `json:"code,omitempty"` // that the command ends with
	Fields  []types.FieldError `json:"fields,omitempty"`
}

// Refuse fills the answer in from a refusal.
func (t *Taken) Refuse(err error, code int) {
	t.Refused, t.Code = err.Error(), code
	var refusal *types.Error
	if errors.As(err, &refusal) {
		t.Refused, t.Fields = refusal.Code, refusal.Fields
		if refusal.Detail != "" {
			t.Refused += ": " + refusal.Detail
		}
	}
}

// Refusal is what the server did not take, with the place in the file.
type Refusal struct {
	Code int // that the command ends with
	Text string
}

// Error names row and column of every value that was refused.
func (r *Refusal) Error() string { return r.Text }

// Importer gathers the rows of a file to transactions.
type Importer struct {
	Send func(rows string) (taken string, err error) // a JSON array, to be made in one transaction
	At   func(done int)                              // is told of progress
	Done int                                         // rows of the file that are in; at the start: so many are passed over

	rows []Row
	size int
}

// Import imports a file. Rows before one that cannot be read are written only if their transaction was full.
func (i *Importer) Import(file *Reader) error {
	skip := i.Done
	for {
		row, err := file.Next()
		if errors.Is(err, io.EOF) {
			return i.flush()
		}
		if err != nil {
			return err
		}
		if row.Number <= skip {
			continue
		}
		if i.size+len(row.JSON) > maxBytes || len(i.rows) == keep.MaxImport {
			if err := i.flush(); err != nil {
				return err
			}
		}
		i.rows, i.size = append(i.rows, row), i.size+len(row.JSON)
	}
}

func (i *Importer) flush() error {
	if len(i.rows) == 0 {
		return nil
	}
	rows := make([]jsontext.Value, len(i.rows))
	for n, r := range i.rows {
		rows[n] = r.JSON
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	text, err := i.Send(string(body))
	if err != nil {
		return fmt.Errorf("rows %d to %d: %w", i.Done+1, i.Done+len(i.rows), err)
	}
	var t Taken
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return errors.New("the server answers something else; is it another version?")
	}
	if t.Refused != "" {
		return &Refusal{t.Code, i.refused(t)}
	}
	i.Done += len(i.rows)
	i.At(i.Done)
	i.rows, i.size = nil, 0
	return nil
}

// refused says where in the file the values stand that were refused.
func (i *Importer) refused(t Taken) string {
	if t.At < 0 || t.At >= len(i.rows) {
		return fmt.Sprintf("rows %d to %d: %s", i.Done+1, i.Done+len(i.rows), t.Refused)
	}
	row := i.rows[t.At]
	lines := []string{row.Where("") + ": " + t.Refused}
	for _, f := range t.Fields {
		line := row.Where(f.Path) + ": " + f.Code
		for _, more := range []string{f.Limit, f.Detail} {
			if more != "" {
				line += ": " + more
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
