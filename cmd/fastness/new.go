package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed starter.yaml
var starter string

//go:embed precommit.sh
var precommit string

type newCmd struct {
	Name string `arg:"" help:"The service's name; also the folder."`
}

var serviceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)

// firstCommands are what README says and `fastness new` prints; they work as they stand, in this order, the last in a second terminal.
const firstCommands = `    fastness check --env development
    fastness serve --env development
    fastness users add you@example.org --role admin --env development
`

// Run makes the folder; what exists is never overwritten.
func (c *newCmd) Run(e *env) error {
	if !serviceName.MatchString(c.Name) {
		return misused("a service's name is lower case letters, digits and dashes; %q is not", c.Name)
	}
	if err := os.Mkdir(c.Name, 0o750); err != nil {
		return fmt.Errorf("new: %w; choose another name", err)
	}
	for name, text := range map[string]string{
		"fastness.yaml":        strings.ReplaceAll(starter, "NAME", c.Name),
		".gitignore":           "/data/\n*.key\n*.pem\n.env\n",
		"README.md":            "# " + c.Name + "\n\n" + firstCommands,
		".githooks/pre-commit": precommit,
	} {
		path, mode := filepath.Join(c.Name, name), os.FileMode(0o600)
		if name == ".githooks/pre-commit" {
			mode = 0o700
			if err := os.Mkdir(filepath.Dir(path), 0o750); err != nil {
				return err
			}
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.out, "made %s; go on, the last in a second terminal:\n\n    cd %s\n%s\nunder git, this refuses commits that hold a secret or a broken declaration:\n\n    git config core.hooksPath .githooks\n", c.Name, c.Name, firstCommands)
	return nil
}
