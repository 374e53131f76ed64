package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/internal/keep/migration"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/decl"
)

type checkCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration."`
	Env         string `name:"env" default:"production" enum:"production,development" help:"The environment."`
	Against     string `name:"against" help:"An older declaration: whatever would let its clients down is an error."`
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
	p, err := fastness.Check(c.Declaration, c.Env)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		err = untold("could not tell: %w", err)
	}
	if err == nil {
		err = c.compare(p)
	}
	out := checked{Verdict: "held", Environment: c.Env}
	if err == nil {
		out.Service, out.Plan, out.Collections, out.Roles, out.Warnings = p.Decl.Service.Name, p.Version, len(p.Collections), len(p.Roles), p.Warnings
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
	fmt.Fprintf(e.out, "held: %s (%s), plan %s: %d collections, %d roles, %d rules\n", out.Service, c.Env, out.Plan, out.Collections, out.Roles, out.Rules)
	return nil
}

// compare refuses what would let down clients of an older declaration.
func (c *checkCmd) compare(now *plan.Plan) error {
	if c.Against == "" {
		return nil
	}
	old, err := fastness.Check(c.Against, c.Env)
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
	return &coded{exitOf(err), errors.New("")}
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
		return printJSON(e, machineDifference(d))
	}
	return printDifference(e, d)
}

// compare asks the data of a running server, or the database by itself.
func (c *planCmd) compare(e *env) (*fastness.Difference, error) {
	if e.remote != nil {
		return e.remote.app.Compare(e.ctx, nil)
	}
	return fastness.Compare(c.Declaration, fastness.Options{Environment: c.Env})
}

// plannedChange and plannedStep are what plan --json prints.
type plannedChange struct {
	Words    string `json:"words"`
	Destroys string `json:"destroys,omitempty"` // what is lost, as migrate --drop takes it
}

type plannedStep struct {
	Where string   `json:"where"`
	Does  string   `json:"does"` // changes, converts or refused
	Words string   `json:"words"`
	Rows  int64    `json:"rows,omitempty"` // that stand in the way
	IDs   []string `json:"ids,omitempty"`  // of the first three
}

func machineDifference(d *fastness.Difference) any {
	out := struct {
		Changes []plannedChange `json:"changes"`
		Steps   []plannedStep   `json:"steps"`
	}{[]plannedChange{}, []plannedStep{}}
	for _, ch := range d.Changes {
		out.Changes = append(out.Changes, plannedChange{ch.Words(), fastness.Destroyed(ch)})
	}
	does := map[migration.Kind]string{migration.Noted: "changes", migration.Fits: "changes", migration.Converted: "converts", migration.Refused: "refused"}
	for _, s := range d.Steps {
		out.Steps = append(out.Steps, plannedStep{s.Where, does[s.Kind], s.Words(), s.Rows, s.IDs})
	}
	return out
}

// printDifference prints a line for each step. A step that is refused makes the command fail: the declaration cannot be served.
func printDifference(e *env, d *fastness.Difference) error {
	refused := false
	for _, s := range d.Steps {
		fmt.Fprintln(e.out, s.Words())
		refused = refused || s.Kind == migration.Refused
	}
	for _, ch := range d.Changes {
		fmt.Fprintln(e.out, ch.Words())
	}
	for _, name := range d.Lost {
		fmt.Fprintf(e.out, "REFUSED %s holds data and is no longer declared; put it back, rename it with the word was, or destroy it: fastness migrate --drop %s --yes\n", name, name)
		refused = true
	}
	if len(d.Steps)+len(d.Changes) == 0 {
		fmt.Fprintln(e.out, "the database is as the declaration says")
	}
	if refused {
		return errors.New("broken: the declaration does not fit the data; nothing was changed")
	}
	return nil
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
