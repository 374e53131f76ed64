package rowfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxBytes and maxRows bound what goes to the server at once: several transactions, of which it prepares one while it writes another.
const (
	maxBytes = 1 << 20
	maxRows  = 8 * keep.MaxImport
)

// Taken is the server's answer to a part of an import.
type Taken struct {
	Made    int                `json:"made"` // so many of the rows are in
	At      int                `json:"at"`   // number of the row that was refused, from 0; -1: none alone
	Refused string             `json:"refused,omitempty"`
	Code    int                `json:"code,omitempty"` // that the command ends with
	Fields  []types.FieldError `json:"fields,omitempty"`
	Slow    bool               `json:"slow,omitempty"` // nothing was written because it took too long: fewer rows may do
}

// Refuse fills the answer in from a refusal.
func (t *Taken) Refuse(err error, code int) {
	t.Refused, t.Code = err.Error(), code
	t.Slow = slices.Contains([]string{"too_slow", "busy"}, types.CodeOf(err))
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

// Importer sends the rows of a file in transactions.
type Importer struct {
	Send func(rows string, each int) (taken string, err error) // a JSON array, to be made in transactions of so many rows each
	At   func(done int)                                        // is told of progress
	Done int                                                   // rows of the file that are in; at the start: so many are passed over

	most int // rows in a transaction, as far as we know what the server does in its time
}

// Import imports a file. It reads on while the server works. Rows before one that cannot be read are written only if they were
// many.
func (i *Importer) Import(file *Reader) error {
	i.most = keep.MaxImport
	done := make(chan struct{})
	defer close(done)
	parts := make(chan part, 1)
	go func() {
		defer close(parts)
		for skip := i.Done; ; skip = 0 {
			p := gather(file, skip)
			select {
			case parts <- p:
			case <-done:
				return
			}
			if p.err != nil {
				return
			}
		}
	}()
	for p := range parts {
		if p.err != nil && !errors.Is(p.err, io.EOF) {
			return p.err
		}
		if err := i.send(p.rows); err != nil {
			return err
		}
	}
	return nil
}

// part is what may go to the server at once; err ends the file.
type part struct {
	rows []Row
	err  error
}

// gather reads a part, after passing over the first rows of the file.
func gather(file *Reader, skip int) (p part) {
	for size := 0; size < maxBytes && len(p.rows) < maxRows; {
		row, err := file.Next()
		if err != nil {
			p.err = err
			return p
		}
		if row.Number > skip {
			p.rows, size = append(p.rows, row), size+len(row.JSON)
		}
	}
	return p
}

// send has rows made in order. A transaction that takes too long is undone as a whole, and sent again in smaller ones.
func (i *Importer) send(rows []Row) error {
	for len(rows) > 0 {
		list := make([]jsontext.Value, len(rows))
		for n, r := range rows {
			list[n] = r.JSON
		}
		body, err := json.Marshal(list)
		if err != nil {
			return err
		}
		text, err := i.Send(string(body), i.most)
		if err != nil {
			return fmt.Errorf("of the rows %d to %d some may be in: %w", i.Done+1, i.Done+len(rows), err)
		}
		var t Taken
		if err := json.Unmarshal([]byte(text), &t); err != nil || t.Made < 0 || t.Made > len(rows) || t.Refused == "" && t.Made < len(rows) {
			return errors.New("the server answers something else; is it another version?")
		}
		i.Done += t.Made
		i.At(i.Done)
		rows = rows[t.Made:]
		t.At -= t.Made
		now := rows[:min(len(rows), i.most)]
		switch {
		case t.Slow && len(now) > 1:
			i.most = len(now) / 2
		case t.Refused != "":
			return &Refusal{t.Code, i.refused(now, t)}
		default:
			i.most = min(keep.MaxImport, i.most+i.most/4+1)
		}
	}
	return nil
}

// refused says where in the file the values stand that were refused.
func (i *Importer) refused(rows []Row, t Taken) string {
	if t.At < 0 || t.At >= len(rows) {
		return fmt.Sprintf("rows %d to %d: %s", i.Done+1, i.Done+len(rows), t.Refused)
	}
	row := rows[t.At]
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
