package main

import (
	"regexp"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/fastness-dev/fastness/cmd/fastness/command"
)

var secretive = regexp.MustCompile(`(?i)password|passphrase|secret|token|key|credential|\bpin\b`)

// TestNoSecretInArguments: no command takes a secret as an argument or a flag, where ps, the shell's history and logs would show it.
func TestNoSecretInArguments(t *testing.T) {
	var c commands
	e := &env{}
	k, err := kong.New(&c, kong.Bind(e), kong.BindTo(host{e}, (*command.Host)(nil)), kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, f := range n.Flags {
			if seen++; !f.IsBool() && secretive.MatchString(f.Name) {
				t.Errorf("%s --%s looks like a secret among the arguments", n.FullPath(), f.Name)
			}
		}
		for _, p := range n.Positional {
			if seen++; secretive.MatchString(p.Name) {
				t.Errorf("%s %s looks like a secret among the arguments", n.FullPath(), p.Name)
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(k.Model.Node)
	if seen < 40 {
		t.Fatalf("only %d flags and arguments were looked at", seen)
	}
}
