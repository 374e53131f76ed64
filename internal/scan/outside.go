package scan

import (
	"context"
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness/internal/scan/finding"
	"github.com/fastness-dev/fastness/internal/scan/register"
	"github.com/fastness-dev/fastness/internal/scan/settings"
)

// Declaration is the file of this backend in a project.
const Declaration = "fastness.yaml"

// settings finds what was left open, in sources and in the project's own declaration. A secret that is found as such is not found twice.
func (r *Report) settings(ctx context.Context, c Config) error {
	found, err := settings.Find(ctx, c.Dir)
	if err != nil {
		return err
	}
	secrets := map[string]bool{}
	for _, f := range r.Secrets {
		secrets[fmt.Sprintf("%s:%d", f.Path, f.Line)] = f.RemovedIn == ""
	}
	r.Settings = append(r.Settings, slices.DeleteFunc(found.Findings, func(f finding.Finding) bool {
		return f.CWE == "CWE-798" && secrets[fmt.Sprintf("%s:%d", f.File, f.Line)]
	})...)
	for _, u := range found.Unknowns {
		r.Untold = append(r.Untold, "settings: "+u.String())
	}
	if c.Declared == nil {
		return nil
	}
	warnings, err := c.Declared()
	if err != nil {
		r.Untold = append(r.Untold, fmt.Sprintf("settings: %s: %v; mend the declaration until fastness check holds", Declaration, err))
	}
	for _, w := range warnings {
		r.Settings = append(r.Settings, finding.Finding{Rule: "fastness-check", Title: w, Severity: "low", CWE: "CWE-1188",
			Do: "change the declaration, or accept the risk", File: Declaration, Line: 1})
	}
	return nil
}

// foundSettings lists settings for the register. A line moves when a file is edited, so the rule and the file make the id; a second one in
// the same file has a number behind it, so that an accepted risk covers as many as there were, and no more.
func (r *Report) foundSettings() []register.Found {
	var out []register.Found
	seen := numbers{}
	for _, f := range r.Settings {
		out = append(out, register.Found{ID: seen.id("settings:" + f.Rule + ":" + f.File), Severity: f.Severity,
			Evidence: fmt.Sprintf("%s, %s:%d (%s): %s", f.Title, f.File, f.Line, f.CWE, f.Do)})
	}
	return out
}

// numbers tells findings apart that are of the same kind in the same file.
type numbers map[string]int

// id gives the next id of a kind.
func (n numbers) id(kind string) string {
	if n[kind]++; n[kind] > 1 {
		return fmt.Sprintf("%s#%d", kind, n[kind])
	}
	return kind
}
