package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/edge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

//go:embed starter.yaml
var starter string

type newCmd struct {
	Name string `arg:"" help:"The service's name; also the folder."`
}

var serviceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)

// Run makes the folder; what exists is never overwritten.
func (c *newCmd) Run(e *env) error {
	if !serviceName.MatchString(c.Name) {
		return fmt.Errorf("a service's name is lower case letters, digits and dashes; %q is not", c.Name)
	}
	if err := os.Mkdir(c.Name, 0o750); err != nil {
		return fmt.Errorf("new: %w; choose another name", err)
	}
	for name, text := range map[string]string{
		"fastness.yaml": strings.ReplaceAll(starter, "NAME", c.Name),
		".gitignore":    "/data/\n",
		"README.md":     "# " + c.Name + "\n\n    fastness check --env development\n    fastness serve --env development\n    fastness users add you@example.org --role admin --env development\n",
	} {
		if err := os.WriteFile(filepath.Join(c.Name, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.out, "made %s; go on with: cd %s && fastness serve --env development\n", c.Name, c.Name)
	return nil
}

type healthCmd struct {
	Address string `arg:"" optional:"" default:"127.0.0.1:9090" help:"The operations listener."`
}

// Run asks /readyz.
func (c *healthCmd) Run(e *env) error {
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get("http://" + c.Address + "/readyz")
	if err != nil {
		return fmt.Errorf("could not tell: %w; is listen.operations declared and the server running?", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("broken: not ready (%s)", resp.Status)
	}
	fmt.Fprintln(e.out, "held: ready")
	return nil
}

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
	if out, err := exec.CommandContext(e.ctx, "update-ca-certificates").CombinedOutput(); err != nil {
		return fmt.Errorf("trust: %w: %s", err, out)
	}
	fmt.Fprintf(e.out, "this system trusts %s; browsers with a store of their own need it imported there\n", a.Path())
	return nil
}
