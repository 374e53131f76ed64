package main

import (
	"fmt"
	"net/http"
	"time"
)

type healthCmd struct {
	Address string `arg:"" optional:"" default:"127.0.0.1:9090" help:"The operations listener."`
	JSON    bool   `name:"json" help:"For machines."`
}

// Run asks /readyz. No answer is neither yes nor no.
func (c *healthCmd) Run(e *env) error {
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
		return say("could_not_tell", "", untold("could not tell: %w; is listen: {operations: …} declared and the server running?", err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return say("broken", "", fmt.Errorf("broken: not ready (%s); look at the log of the server", resp.Status))
	}
	return say("held", "held: ready", nil)
}
