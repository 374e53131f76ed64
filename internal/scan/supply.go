package scan

import (
	"context"
	"fmt"

	"github.com/fastness-dev/fastness/internal/scan/isolation"
	"github.com/fastness-dev/fastness/internal/scan/register"
	"github.com/fastness-dev/fastness/internal/scan/supply"
	"github.com/fastness-dev/fastness/internal/scan/support"
	"github.com/fastness-dev/fastness/internal/scan/trust"
)

// supply judges the components of the project.
func (r *Report) supply(ctx context.Context, c Config) error {
	rep, err := trust.Find(ctx, trust.Config{Dir: c.Dir, Inventory: r.Inventory, Now: c.Now, CoolDown: c.CoolDown})
	if err != nil {
		return err
	}
	apart, err := isolation.Judge(c.Dir, r.Inventory)
	if err != nil {
		return err
	}
	for _, x := range []supply.Report{rep, apart, support.Judge(r.Inventory, c.Now)} {
		r.Supply = append(r.Supply, x.Findings...)
		r.Untold = append(r.Untold, x.Untold...)
	}
	return nil
}

// foundSupply lists them for the register: one of a component at two places is one.
func (r *Report) foundSupply() []register.Found {
	var out []register.Found
	at := map[string]int{}
	for _, f := range r.Supply {
		evidence := fmt.Sprintf("%s (%s): %s", f.Text, f.Place(), f.Do)
		if i, ok := at[f.ID()]; ok {
			out[i].Evidence += "; " + evidence
			continue
		}
		at[f.ID()] = len(out)
		out = append(out, register.Found{ID: f.ID(), Severity: f.Severity, Evidence: evidence})
	}
	return out
}
