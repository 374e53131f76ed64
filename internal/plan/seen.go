package plan

import (
	"fmt"
	"net"
)

// warnUnseen says that production listens on a port of its own while everything that is made for the world (links in letters, passkeys, the Origin
// that pages must have) is made for port 443. A balancer may stand there; if none does, no link works and every form of a page is refused.
func (c *compiler) warnUnseen() {
	s := c.plan.Decl.Service
	_, port, err := net.SplitHostPort(c.plan.Listens())
	if err != nil || port == "443" || c.plan.Development() || s.Origin != "" || s.Host == "" {
		return
	}
	c.plan.Warnings = append(c.plan.Warnings, fmt.Sprintf("service: the server listens on port %s, while links, passkeys and Origin checks are for https://%s, port 443; "+
		"say what the world sees: add origin: https://%s if something in front listens there, or origin: https://%s:%s", port, s.Host, s.Host, s.Host, port))
}
