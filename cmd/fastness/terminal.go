package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// onTerminal reports whether the stream is a terminal in front of a person (or the null device, which answers nothing).
func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// confirm asks before something is destroyed. Where nobody can answer it takes --yes.
func confirm(e *env, yes bool, question string) error {
	if yes {
		return nil
	}
	if !onTerminal(e.in) {
		return misused("%s Nobody is here to answer; say --yes", question)
	}
	fmt.Fprintf(e.err, "%s Type yes: ", question)
	line, _ := bufio.NewReader(e.in).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return misused("nothing was done")
	}
	return nil
}

// maxInput bounds what a command reads from its standard input.
const maxInput = 1 << 20

// fromInput replaces - by what the standard input holds.
func fromInput(e *env, text *string) error {
	if *text != "-" {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(e.in, maxInput+1))
	if err != nil {
		return err
	}
	if len(b) > maxInput {
		return misused("the standard input holds more than 1 MiB; use rows import")
	}
	*text = string(b)
	return nil
}

// progress shows on a terminal how far long work is; elsewhere it is silent.
type progress struct {
	w    io.Writer // nil: silent
	what string
}

func newProgress(e *env, what string) *progress {
	if !onTerminal(e.err) {
		return &progress{}
	}
	return &progress{e.err, what}
}

func (p *progress) at(n int) {
	if p.w != nil {
		fmt.Fprintf(p.w, "\r%d %s", n, p.what)
	}
}

func (p *progress) end() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
