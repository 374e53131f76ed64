// Package difference prints what lies between a database and its declaration, for people and for machines.
package difference

import (
	"errors"
	"fmt"
	"io"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/keep/migration"
)

// change and step are what plan --json prints.
type change struct {
	Words    string `json:"words"`
	Destroys string `json:"destroys,omitempty"` // what is lost, as migrate --drop takes it
}

type step struct {
	Where string   `json:"where"`
	Does  string   `json:"does"` // changes, converts or refused
	Words string   `json:"words"`
	Rows  int64    `json:"rows,omitempty"` // that stand in the way
	IDs   []string `json:"ids,omitempty"`  // of the first three
}

// JSON is the difference for machines.
func JSON(d *fastness.Difference) any {
	out := struct {
		Changes []change `json:"changes"`
		Steps   []step   `json:"steps"`
	}{[]change{}, []step{}}
	for _, ch := range d.Changes {
		out.Changes = append(out.Changes, change{ch.Words(), ch.Loses})
	}
	does := map[migration.Kind]string{migration.Noted: "changes", migration.Fits: "changes", migration.Converted: "converts", migration.Refused: "refused"}
	for _, s := range d.Steps {
		out.Steps = append(out.Steps, step{s.Where, does[s.Kind], s.Words(), s.Rows, s.IDs})
	}
	return out
}

// Print prints a line for each step. A step that is refused makes the command fail: the declaration cannot be served.
func Print(out io.Writer, d *fastness.Difference) error {
	refused := false
	for _, s := range d.Steps {
		fmt.Fprintln(out, s.Words())
		refused = refused || s.Kind == migration.Refused
	}
	for _, ch := range d.Changes {
		fmt.Fprintln(out, ch.Words())
	}
	for _, name := range d.Lost {
		fmt.Fprintf(out, "REFUSED %s holds data and is no longer declared; put it back, rename it with the word was, or destroy it: fastness migrate --drop %s --yes\n", name, name)
		refused = true
	}
	if len(d.Steps)+len(d.Changes) == 0 {
		fmt.Fprintln(out, "the database is as the declaration says")
	}
	if refused {
		return errors.New("broken: the declaration does not fit the data; nothing was changed")
	}
	return nil
}
