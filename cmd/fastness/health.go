package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/plan"
)

type healthCmd struct {
	Address string `arg:"" optional:"" help:"The operations listener. Without: what the declaration says."`
	on
	JSON bool `name:"json" help:"For machines."`
}

// Run asks /readyz. No answer is neither yes nor no.
func (c *healthCmd) Run(e *env) error {
	if c.Address == "" {
		if c.Address = c.operations(); c.Address == "" {
			return untold("could not tell: the declaration has no listener for operations; add listen: {operations: \"127.0.0.1:9090\"}, or name the address")
		}
	}
	say := func(verdict, text string, err error) error {
		if c.JSON {
			if e := printJSON(e, map[string]string{"verdict": verdict, "address": c.Address}); e != nil {
				return e
			}
			return err
		}
		if err == nil {
			fmt.Fprintln(e.out, text)
		}
		return err
	}
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get("http://" + c.Address + "/readyz")
	if err != nil {
		return say("could_not_tell", "", untold("could not tell: %w; is the server running, with listen: {operations: %s}?", err, c.Address))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return say("broken", "", fmt.Errorf("broken: not ready (%s); look at the log of the server", resp.Status))
	}
	return say("held", "held: ready", nil)
}

// operations is the listener that the declaration names in either environment; "" for none.
func (c *healthCmd) operations() string {
	for _, environment := range c.Environments() {
		p, err := plan.Load(fastness.Declaration(c.Declaration), environment)
		if err != nil || p.Decl.Listen.Operations == "" {
			continue
		}
		host, port, err := net.SplitHostPort(p.Decl.Listen.Operations)
		if err != nil {
			continue
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() { // it listens everywhere: here too
			host = "127.0.0.1"
		}
		return net.JoinHostPort(host, port)
	}
	return ""
}
