package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type trustCmd struct {
	Declaration string `arg:"" optional:"" default:"." help:"The declaration."`
	Print       bool   `name:"print" help:"Only print where the certificate lies."`
}

// Run puts development's authority into the system's store. It can vouch for localhost only.
func (c *trustCmd) Run(e *env) error {
	p, err := plan.Load(fastness.Declaration(c.Declaration), "development")
	if err != nil {
		return err
	}
	dir, err := fastness.AuthorityDir(p.Decl.Service.Name)
	if err != nil {
		return err
	}
	a, err := edge.OpenAuthority(dir, p.Decl.Service.Name, types.SystemClock{})
	if err != nil {
		return err
	}
	if c.Print {
		fmt.Fprintln(e.out, a.Path())
		return nil
	}
	pem, err := os.ReadFile(a.Path())
	if err != nil {
		return err
	}
	target := "/usr/local/share/ca-certificates/fastness-" + p.Decl.Service.Name + ".crt"
	if err := os.WriteFile(target, pem, 0o644); err != nil { // #nosec G306 -- a certificate is public and every user of the system must read it
		return fmt.Errorf("trust: %w; run this as root, or trust %s by hand", err, a.Path())
	}
	if err := os.Chmod(target, 0o644); err != nil { // #nosec G302 -- whatever the umask says
		return fmt.Errorf("trust: %w", err)
	}
	if out, err := exec.CommandContext(e.ctx, "update-ca-certificates").CombinedOutput(); err != nil {
		return fmt.Errorf("trust: %w: %s", err, out)
	}
	fmt.Fprintf(e.out, "this system trusts %s; browsers with a store of their own need it imported there\n", a.Path())
	return nil
}
