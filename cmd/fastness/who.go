package main

import (
	"fmt"
	"strings"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/types"
)

type whoCmd struct {
	What string `arg:"" help:"COLLECTION or COLLECTION.FIELD."`
	on
}

// Run prints the rules in plain English.
func (c *whoCmd) Run(e *env) error {
	p, err := plan.Load(fastness.Declaration(c.Declaration), c.Env)
	if err != nil {
		return err
	}
	name, field, _ := strings.Cut(c.What, ".")
	col := p.Collection(name)
	if col == nil {
		return fmt.Errorf("there is no collection %q; see fastness check", name)
	}
	f := col.Field(field)
	if field != "" && f == nil {
		return fmt.Errorf("%s has no field %q", name, field)
	}
	for _, a := range []types.Action{types.Read, types.Create, types.Update, types.Delete} {
		said := false
		for _, r := range col.Rules(a) {
			if f != nil && a != types.Delete && !f.System && !r.Mask.Has(f) {
				continue
			}
			said = true
			fmt.Fprintf(e.out, "%s of %s: %s, when %s%s\n", a, c.What, fields(col, r), rule.English(r.When, p.Scope(col, a)), extra(r))
		}
		if !said {
			fmt.Fprintf(e.out, "%s of %s: nobody\n", a, c.What)
		}
	}
	return nil
}

func fields(col *plan.Collection, r *plan.Rule) string {
	if r.Whole {
		return "all fields"
	}
	var out []string
	for _, f := range col.Fields {
		if r.Mask.Has(f) {
			out = append(out, f.Name)
		}
	}
	return strings.Join(out, ", ")
}

func extra(r *plan.Rule) string {
	s := ""
	if r.Public != "" {
		s = ", also without signing in (" + r.Public + ")"
	}
	if r.Fresh > 0 {
		s += fmt.Sprintf(", with a factor proved within %v", r.Fresh)
	}
	return s
}

type whyCmd struct {
	Request string `arg:"" help:"The request id of the refusal (X-Request-Id)."`
	on
}

// Run asks the running server, which alone remembers refusals.
func (c *whyCmd) Run(e *env) error {
	if done, err := c.forward(e, []string{"why", c.Request}); done || err != nil {
		return err
	}
	if e.remote == nil {
		return fmt.Errorf("no server runs on these data: reasons are kept in its memory only")
	}
	lines, err := e.remote.app.Keep.Why(e.ctx, types.ID(c.Request))
	if err != nil {
		return err
	}
	if lines == nil {
		return fmt.Errorf("nothing is remembered of request %s: it was not refused by a rule, or too long ago", c.Request)
	}
	fmt.Fprintln(e.out, strings.Join(lines, "\n"))
	return nil
}
