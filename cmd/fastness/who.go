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
	JSON bool   `name:"json" help:"For machines."`
	on
}

// granted is one rule for machines.
type granted struct {
	Action string   `json:"action"`
	Fields []string `json:"fields,omitempty"` // absent: all
	When   string   `json:"when"`             // in plain English
	Line   int      `json:"line"`
	Public string   `json:"public,omitempty"` // why also without signing in
	Fresh  string   `json:"fresh,omitempty"`
}

// Run prints the rules in plain English.
func (c *whoCmd) Run(e *env) error {
	p, err := plan.Load(fastness.Declaration(c.Declaration), c.Environment())
	if err != nil {
		return err
	}
	name, field, _ := strings.Cut(c.What, ".")
	col := p.Collection(name)
	if col == nil {
		var names []string
		for _, x := range p.Collections {
			names = append(names, x.Name)
		}
		return misused("there is no collection %q; there are: %s", name, strings.Join(names, ", "))
	}
	f := col.Field(field)
	if field != "" && f == nil {
		return misused("%s has no field %q; it has: %s", name, field, strings.Join(fieldNames(col), ", "))
	}
	out := []granted{}
	for _, a := range []types.Action{types.Read, types.Create, types.Update, types.Delete} {
		said := false
		for _, r := range col.Rules(a) {
			if f != nil && a != types.Delete && !f.System && !r.Mask.Has(f) {
				continue
			}
			said = true
			g := granted{Action: a.String(), When: rule.English(r.When, p.Scope(col, a)), Line: r.Line, Public: r.Public}
			if !r.Whole {
				g.Fields = r.Names(col)
			}
			if r.Fresh > 0 {
				g.Fresh = r.Fresh.String()
			}
			if out = append(out, g); !c.JSON {
				fmt.Fprintf(e.out, "%s of %s: %s, when %s%s\n", a, c.What, r.Words(col), g.When, r.Terms())
			}
		}
		if !said && !c.JSON {
			fmt.Fprintf(e.out, "%s of %s: nobody\n", a, c.What)
		}
	}
	if c.JSON {
		return printJSON(e, map[string]any{"of": c.What, "grants": out})
	}
	return nil
}

func fieldNames(col *plan.Collection) []string {
	var out []string
	for _, f := range col.Fields {
		out = append(out, f.Name)
	}
	return out
}
