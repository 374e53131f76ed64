package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/cmd/fastness/difference"
	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

type checkCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment."`
	Against     string `name:"against" help:"An older declaration: whatever would let its clients down is an error."`
	Elsewhere   bool   `name:"elsewhere" help:"Another machine will serve: a certificate that is not here is a warning."`
	JSON        bool   `name:"json" help:"For machines."`
}

// checked is the verdict for machines.
type checked struct {
	Verdict     string        `json:"verdict"` // held, broken, could_not_tell
	Service     string        `json:"service,omitempty"`
	Environment string        `json:"environment"`
	Plan        string        `json:"plan,omitempty"`
	Collections int           `json:"collections,omitempty"`
	Roles       int           `json:"roles,omitempty"`
	Rules       int           `json:"rules,omitempty"`
	Warnings    []string      `json:"warnings,omitempty"`
	Notes       []string      `json:"notes,omitempty"` // nothing is wrong with what they name
	Errors      []checkedLine `json:"errors,omitempty"`
}

type checkedLine struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

// Run compiles the declaration and prints what is wrong, or what it amounts to.
func (c *checkCmd) Run(e *env) error {
	p, err := fastness.Check(c.Declaration, fastness.Options{Environment: c.Env, Serving: !c.Elsewhere})
	if p == nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		err = untold("could not tell: %w", err)
	}
	if err == nil {
		err = c.compare(p)
	}
	out := checked{Verdict: "held", Environment: c.Env}
	if err == nil {
		out.Service, out.Plan, out.Collections, out.Roles, out.Warnings = p.Decl.Service.Name, p.Version, len(p.Collections), len(p.Roles), p.Warnings
		out.Notes = p.Notes
		for _, col := range p.Collections {
			out.Rules += len(col.Reads) + len(col.Creates) + len(col.Updates) + len(col.Deletes)
		}
	}
	if c.JSON {
		return c.machine(e, out, err)
	}
	if err != nil {
		return err
	}
	for _, w := range p.Warnings {
		fmt.Fprintln(e.err, "warning:", w)
	}
	for _, n := range p.Notes {
		fmt.Fprintln(e.err, "note:", n)
	}
	fmt.Fprintf(e.out, "held: %s (%s), plan %s: %d collections, %d roles, %d rules\n", out.Service, c.Env, out.Plan, out.Collections, out.Roles, out.Rules)
	return nil
}

// compare refuses what would let down clients of an older declaration.
func (c *checkCmd) compare(now *plan.Plan) error {
	if c.Against == "" {
		return nil
	}
	old, err := fastness.Check(c.Against, fastness.Options{Environment: c.Env})
	if err != nil {
		return untold("could not tell: the older declaration: %w", err)
	}
	broken := plan.Breaking(old, now)
	for _, s := range migration.Between(old, now) {
		if s.Kind == migration.Refused {
			broken = append(broken, s.Words())
		}
	}
	if len(broken) > 0 {
		return fmt.Errorf("broken: clients of %s would be let down:\n%s", c.Against, strings.Join(broken, "\n"))
	}
	return nil
}

// machine prints the verdict as JSON; the error then only ends the command.
func (c *checkCmd) machine(e *env, out checked, err error) error {
	var list decl.Errors
	var one *decl.Error
	switch {
	case err == nil:
		return printJSON(e, out)
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = decl.Errors{one}
	}
	out.Verdict = map[int]string{exitUntold: "could_not_tell"}[exitOf(err)]
	if out.Verdict == "" {
		out.Verdict = "broken"
	}
	for _, x := range list {
		out.Errors = append(out.Errors, checkedLine{x.File, x.Pos.Line, x.Pos.Col, x.Message})
	}
	if len(list) == 0 {
		out.Errors = []checkedLine{{Message: err.Error()}}
	}
	if e := printJSON(e, out); e != nil {
		return e
	}
	return ended(exitOf(err), errors.New(""))
}

// printJSON writes one value for machines, on one line.
func printJSON(e *env, v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

type schemaCmd struct{}

// Run prints the JSON Schema of declarations, by which editors complete them.
func (schemaCmd) Run(e *env) error {
	_, err := e.out.Write(decl.Schema())
	return err
}

type planCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment."`
	OpenAPI     bool   `name:"openapi" help:"Print the OpenAPI 3.1 document."`
	JSON        bool   `name:"json" help:"For machines."`
}

// Run prints the steps from the database to the declaration.
func (c *planCmd) Run(e *env) error {
	o := on{command.On{Declaration: c.Declaration, Env: c.Env}}
	args := []string{"plan", "--env", c.Env}
	if c.OpenAPI {
		args = append(args, "--openapi")
	}
	if c.JSON {
		args = append(args, "--json")
	}
	if done, err := o.forward(e, args); done || err != nil {
		return err
	}
	if c.OpenAPI {
		return c.describe(e, o)
	}
	d, err := c.compare(e)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e, difference.JSON(d))
	}
	return difference.Print(e.out, d)
}

// compare asks the data of a running server, or the database by itself.
func (c *planCmd) compare(e *env) (*fastness.Difference, error) {
	if e.remote != nil {
		return e.remote.app.Compare(e.ctx, nil)
	}
	return fastness.Compare(c.Declaration, fastness.Options{Environment: c.Env})
}

func (c *planCmd) describe(e *env, o on) error {
	app, done, err := o.app(e)
	if err != nil {
		return err
	}
	defer done()
	doc, err := app.Plan.OpenAPI(app.Routes())
	if err == nil {
		_, err = e.out.Write(append(doc, '\n'))
	}
	return err
}

type versionCmd struct {
	JSON bool `name:"json" help:"For machines."`
}

// Run prints the version.
func (c *versionCmd) Run(e *env) error {
	if c.JSON {
		return printJSON(e, map[string]string{"version": fastness.Version})
	}
	fmt.Fprintln(e.out, fastness.Version)
	return nil
}
