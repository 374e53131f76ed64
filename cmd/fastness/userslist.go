package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/identity/account"
	desk "github.com/fastness-dev/fastness/internal/identity/operator"
	"github.com/fastness-dev/fastness/internal/types"
)

type usersListCmd struct {
	Addresses bool `name:"addresses" help:"Print whole addresses; without it they are masked, because terminals are shared and logged."`
	JSON      bool `name:"json" help:"For machines: one JSON object per line."`
	on
}

// listed is an account for machines.
type listed struct {
	ID       types.ID   `json:"id"`
	Address  string     `json:"address"`
	State    string     `json:"state"`
	Roles    []string   `json:"roles"`
	Factors  []string   `json:"factors"`
	Created  time.Time  `json:"created"`
	SignedIn *time.Time `json:"signed_in"`
}

// Run lists accounts.
func (c *usersListCmd) Run(e *env) error {
	args := []string{"users", "list"}
	if c.Addresses {
		args = append(args, "--addresses")
	}
	if c.JSON {
		args = append(args, "--json")
	}
	return c.work(e, args, func(app *fastness.App) error {
		w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(w, "ID\tADDRESS\tSTATE\tROLES\tFACTORS\tLAST SIGN-IN")
		}
		for after := types.ID(""); ; {
			page, err := app.Identity.List(e.ctx, operator("users list"), after, 200)
			if err != nil {
				return err
			}
			for _, u := range page {
				l := c.listed(u)
				after = l.ID
				if c.JSON {
					err = printJSON(e, l)
				} else {
					_, err = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, dash(l.Address), l.State, dash(strings.Join(l.Roles, ", ")), dash(strings.Join(l.Factors, ", ")), day(l.SignedIn))
				}
				if err != nil {
					return err
				}
			}
			if len(page) < 200 {
				return w.Flush()
			}
		}
	})
}

func (c *usersListCmd) listed(u desk.User) listed {
	a := u.Account
	l := listed{ID: a.ID, Address: a.Email, State: string(a.State), Roles: []string{}, Factors: factors(a), Created: a.Created}
	if !c.Addresses {
		l.Address = masked(a.Email)
	}
	if !a.SignedIn.IsZero() {
		l.SignedIn = &a.SignedIn
	}
	for _, g := range u.Grants {
		role := g.Role
		if !g.Expires.IsZero() {
			role += " (until " + g.Expires.Add(-time.Second).UTC().Format(time.DateOnly) + ")"
		}
		l.Roles = append(l.Roles, role)
	}
	return l
}

func factors(a *account.Account) []string {
	out := []string{}
	for _, f := range []struct {
		has  bool
		name string
	}{{!a.PHC.Empty(), "password"}, {a.TOTP > 0, "totp"}, {a.Passkeys > 0, "passkey"}} {
		if f.has {
			out = append(out, f.name)
		}
	}
	return out
}

// masked shows enough of an address to tell people of one team apart, and not enough to write to them.
func masked(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok {
		return ""
	}
	_, first := utf8.DecodeRuneInString(local)
	return local[:first] + "***@" + domain
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func day(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}
