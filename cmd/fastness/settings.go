package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/plan"
)

type settingsCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment."`
	JSON        bool   `name:"json" help:"For machines."`
}

// Run prints every setting in force, where it comes from and which requirement it serves; what is weaker than the level asks stands
// there with its reason.
func (c *settingsCmd) Run(e *env) error {
	p, err := plan.Load(fastness.Declaration(c.Declaration), c.Env)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(e.out).Encode(p.Settings)
	}
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "setting\tvalue\tfrom\tASVS 5.0\t")
	for _, s := range p.Settings {
		note := ""
		if s.Weaker != "" {
			note = "WEAKER: " + s.Weaker
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.Value, s.Source, s.ASVS, note)
	}
	return w.Flush()
}
