// Package terminal is how commands speak with a person: they ask before something is destroyed, take what is secret or long from the
// standard input, and show how far long work is. Where nobody can answer or look, nothing is asked and nothing is shown.
package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// attended reports whether the stream is a terminal in front of a person (or the null device, which answers nothing).
func attended(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Confirm asks before something is destroyed. Where nobody can answer it is refused.
func Confirm(in io.Reader, out io.Writer, question string) error {
	if !attended(in) {
		return fmt.Errorf("%s Nobody is here to answer; say --yes", question)
	}
	fmt.Fprintf(out, "%s Type yes: ", question)
	line, _ := bufio.NewReader(in).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}

// maxInput bounds what a command reads from its standard input.
const maxInput = 1 << 20

// FromInput replaces - by what the standard input holds, at most 1 MiB.
func FromInput(in io.Reader, text *string) error {
	if *text != "-" {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return err
	}
	if len(b) > maxInput {
		return errors.New("the standard input holds more than 1 MiB; use rows import")
	}
	*text = string(b)
	return nil
}

// Progress shows on a terminal how far long work is; elsewhere it is silent.
type Progress struct {
	w    io.Writer // nil: silent
	what string
}

// NewProgress shows counts of something on w.
func NewProgress(w io.Writer, what string) *Progress {
	if !attended(w) {
		return &Progress{}
	}
	return &Progress{w, what}
}

// At shows the count.
func (p *Progress) At(n int) {
	if p.w != nil {
		fmt.Fprintf(p.w, "\r%d %s", n, p.what)
	}
}

// End clears the line.
func (p *Progress) End() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
