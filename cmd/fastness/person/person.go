// Package person is the part of `fastness users` that changes what somebody holds: roles, demands, sessions, factors.
package person

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/cmd/fastness/command"
	"github.com/fastness-dev/fastness/cmd/fastness/terminal"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

// Commands are the commands, for kong.
type Commands struct {
	Grant        grantCmd        `cmd:"" help:"Give a role, for good or until a date."`
	Revoke       revokeCmd       `cmd:"" help:"Take a role."`
	Approve      approveCmd      `cmd:"" help:"Approve a role that somebody else asked for; without an id, list what waits."`
	Deny         denyCmd         `cmd:"" help:"Deny a role that somebody asked for."`
	Require      requireCmd      `cmd:"" help:"Demand a second factor of one account, whatever its roles."`
	Disable      disableCmd      `cmd:"" help:"Disable an account and end its sessions."`
	Enable       enableCmd       `cmd:"" help:"Undo disable; also opens an account that its owner locked."`
	Explain      explainCmd      `cmd:"" help:"Say which roles are in force and why, and what somebody may do with a collection."`
	Sessions     sessionsCmd     `cmd:"" help:"List somebody's sessions, or end them."`
	Lock         lockCmd         `cmd:"" help:"Lock an account as its owner would: its password is forgotten, and a recovery letter opens it."`
	Move         moveCmd         `cmd:"" help:"Give an account another address, for somebody whose old mail is gone or whose account another one moved away."`
	ResetFactors resetFactorsCmd `cmd:"" help:"Forget the factors of somebody who lost them."`
}

// on is where the commands work.
type on struct{ command.On }

func (o on) work(h command.Host, args []string, fn func(*fastness.App) error) error {
	return h.Work(o.On, append([]string{"users"}, args...), fn)
}

// somebody is the account that a command is about.
type somebody struct {
	Who string `arg:"" help:"Address or id."`
	on
}

// act runs fn on the account: words are the command, of which the first two say what is done.
func (s somebody) act(h command.Host, fn func(app *fastness.App, by *types.Caller, id types.ID) error, verb string, words ...string) error {
	return s.work(h, append([]string{verb, s.Who}, words...), func(app *fastness.App) error {
		id, err := h.Account(app, s.Who)
		if err != nil {
			return err
		}
		return fn(app, h.Operator("users "+verb), id)
	})
}

type revokeCmd struct {
	somebody
	Role string `arg:"" help:"The role."`
}

// Run takes a role.
func (c *revokeCmd) Run(h command.Host) error {
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		return app.Identity.Revoke(h.Context(), by, id, c.Role)
	}, "revoke", c.Role)
}

type disableCmd struct{ somebody }

// Run disables an account.
func (c *disableCmd) Run(h command.Host) error {
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		return app.Identity.Disable(h.Context(), by, id)
	}, "disable")
}

type enableCmd struct{ somebody }

// Run lets a disabled account in again.
func (c *enableCmd) Run(h command.Host) error {
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		return app.Identity.Enable(h.Context(), by, id)
	}, "enable")
}

type grantCmd struct {
	somebody
	Role  string `arg:"" help:"The role."`
	Until string `name:"until" help:"The last day: YYYY-MM-DD, or the next friday; for good when absent."`

	end time.Time
}

// Validate reads the last day.
func (c *grantCmd) Validate() error {
	if c.Until == "" {
		return nil
	}
	day, ok := terminal.Day(c.Until, types.SystemClock{}.Now())
	if !ok {
		return errors.New("--until is a date like 2026-12-31, or a day like friday")
	}
	c.Until = day.Format(time.DateOnly) // the server is told the same day
	c.end = day.Add(24 * time.Hour)
	return nil
}

// Run gives a role, or asks a second person to.
func (c *grantCmd) Run(h command.Host) error {
	words := []string{c.Role}
	if c.Until != "" {
		words = append(words, "--until", c.Until)
	}
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		request, err := app.Identity.Ask(h.Context(), by, id, c.Role, c.end)
		if err != nil {
			return err
		}
		if request != "" {
			fmt.Fprintf(h.Out(), "request %s waits three days for a second person who manages roles and has this one\n", request)
		}
		if !c.end.IsZero() { // which day "friday" became
			fmt.Fprintf(h.Out(), "its last day is %s, by UTC\n", c.end.Add(-time.Second).UTC().Format("Monday 2006-01-02"))
		}
		return nil
	}, "grant", words...)
}

// Waiting tells of roles that were asked for and not given yet.
func Waiting(out io.Writer, roles []string) {
	if len(roles) > 0 {
		fmt.Fprintf(out, "waits for a second person: %s; see fastness users approve\n", strings.Join(roles, ", "))
	}
}

type approveCmd struct {
	Request string `arg:"" optional:"" help:"The request's id; absent: list what waits."`
	on
}

// Run approves a request, or lists them.
func (c *approveCmd) Run(h command.Host) error {
	args := []string{"approve"}
	if c.Request != "" {
		args = append(args, c.Request)
	}
	return c.work(h, args, func(app *fastness.App) error {
		if c.Request != "" {
			return decide(h, app, c.Request, true)
		}
		all, err := app.Identity.Requests(h.Context(), h.Operator("users approve"))
		for _, q := range all {
			by := "the operator"
			if q.By != "" {
				by = string(q.By)
			}
			fmt.Fprintf(h.Out(), "%s %s for %s, asked by %s, void %s\n", q.ID, q.Role, q.Account, by, q.Until.UTC().Format(time.RFC3339))
		}
		return err
	})
}

func decide(h command.Host, app *fastness.App, request string, approve bool) error {
	id, ok := types.ParseID(request)
	if !ok {
		return errors.New("this is not a request's id; list them: fastness users approve")
	}
	_, err := app.Identity.Decide(h.Context(), h.Operator("users approve"), id, approve)
	return err
}

type denyCmd struct {
	Request string `arg:"" help:"The request's id."`
	on
}

// Run denies a request.
func (c *denyCmd) Run(h command.Host) error {
	return c.work(h, []string{"deny", c.Request}, func(app *fastness.App) error { return decide(h, app, c.Request, false) })
}

type requireCmd struct {
	somebody
	What string `arg:"" enum:"mfa,passkey,none" help:"mfa, passkey or none."`
}

// Run demands a factor of one account.
func (c *requireCmd) Run(h command.Host) error {
	what := map[string]plan.Requirement{"mfa": plan.AnyMFA, "passkey": plan.PasskeyFactor, "none": plan.NoFactor}[c.What]
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		return app.Identity.Require(h.Context(), by, id, what)
	}, "require", c.What)
}

type explainCmd struct {
	somebody
	Collection string `arg:"" optional:"" help:"What he may do with this collection."`
	Action     string `arg:"" optional:"" help:"Only this: read, create, update or delete."`
	Org        string `name:"org" help:"The id of the organisation that is active. Without: each that the account belongs to."`

	org types.ID
}

// Validate reads the id.
func (c *explainCmd) Validate() error {
	var ok bool
	if c.org, ok = types.ParseID(c.Org); !ok && c.Org != "" {
		return errors.New("--org is the id of an organisation; see fastness organisations list")
	}
	if c.Org != "" && c.Collection == "" {
		return errors.New("--org needs a collection; name it after the account")
	}
	return nil
}

// Run says which roles are in force, or what somebody may do and why not.
func (c *explainCmd) Run(h command.Host) error {
	var words []string
	for _, w := range []string{c.Collection, c.Action} {
		if w != "" {
			words = append(words, w)
		}
	}
	if c.Org != "" {
		words = append(words, "--org", c.Org)
	}
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) (err error) {
		var lines []string
		if c.Collection == "" {
			lines, err = app.Identity.Explain(h.Context(), by, id)
		} else {
			lines, err = app.Identity.ExplainMay(h.Context(), by, id, c.org, c.Collection, c.Action)
		}
		for _, l := range lines {
			fmt.Fprintln(h.Out(), l)
		}
		return err
	}, "explain", words...)
}

type sessionsCmd struct {
	somebody
	End string `name:"end" help:"End this session and what was begun in it, or all, API tokens too."`

	which types.ID
}

// Validate reads the id.
func (c *sessionsCmd) Validate() error {
	var ok bool
	if c.which, ok = types.ParseID(c.End); !ok && c.End != "" && c.End != "all" {
		return errors.New("--end is the id of a session, or all")
	}
	return nil
}

// Run lists sessions, or ends them.
func (c *sessionsCmd) Run(h command.Host) error {
	var words []string
	if c.End != "" {
		words = []string{"--end", c.End}
	}
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		if c.End != "" {
			return app.Identity.EndSessionOf(h.Context(), by, id, c.which)
		}
		all, err := app.Identity.SessionsOf(h.Context(), by, id)
		for _, s := range all {
			fmt.Fprintf(h.Out(), "%s %s, %s, last used %s\n", s.ID, s.Label, s.Address, s.Seen.UTC().Format(time.RFC3339))
		}
		return err
	}, "sessions", words...)
}

type resetFactorsCmd struct {
	somebody
	Reason string `name:"reason" required:"" help:"Why, and how you know who asked; it becomes evidence."`
}

// Run forgets somebody's factors.
func (c *resetFactorsCmd) Run(h command.Host) error {
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		if err := app.Identity.ResetFactors(h.Context(), by, id, c.Reason); err != nil {
			return err
		}
		fmt.Fprintln(h.Out(), "authenticator app, passkeys and recovery codes are forgotten, every session ended; roles are dormant until a factor is enrolled anew. Who has no password asks for a recovery letter; where no mail is sent, users enable and users add")
		return nil
	}, "reset-factors", "--reason", c.Reason)
}

type lockCmd struct{ somebody }

// Run locks an account.
func (c *lockCmd) Run(h command.Host) error {
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		if err := app.Identity.Lock(h.Context(), by, id); err != nil {
			return err
		}
		fmt.Fprintln(h.Out(), "locked; every session ended and the password is forgotten. A recovery letter opens it; where no mail is sent, users enable and users add")
		return nil
	}, "lock")
}

type moveCmd struct {
	somebody
	Email  string `arg:"" help:"The new address."`
	Reason string `name:"reason" required:"" help:"Why, and how you know who asked; it becomes evidence."`
}

// Run moves an account to another address.
func (c *moveCmd) Run(h command.Host) error {
	return c.act(h, func(app *fastness.App, by *types.Caller, id types.ID) error {
		if err := app.Identity.Move(h.Context(), by, id, c.Email, c.Reason); err != nil {
			return err
		}
		fmt.Fprintln(h.Out(), "moved; every session and pending link ended. Password and factors stay: if somebody else had the account, go on with users lock and users reset-factors")
		return nil
	}, "move", c.Email, "--reason", c.Reason)
}
