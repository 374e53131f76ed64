package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/fastness-dev/fastness"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/types"
)

type usersGrantCmd struct {
	Who   string `arg:"" help:"Address or id."`
	Role  string `arg:"" help:"The role."`
	Until string `name:"until" help:"The last day: YYYY-MM-DD, or the next friday; for good when absent."`
	on
}

// Run gives a role, or asks a second person to.
func (c *usersGrantCmd) Run(e *env) error {
	args := []string{"users", "grant", c.Who, c.Role}
	var until time.Time
	if c.Until != "" {
		day, err := lastDay(c.Until, types.SystemClock{}.Now())
		if err != nil {
			return err
		}
		until = day.Add(24 * time.Hour)
		args = append(args, "--until", day.Format(time.DateOnly))
	}
	return c.work(e, args, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		request, err := app.Identity.Ask(e.ctx, operator("users grant"), id, c.Role, until)
		if err == nil && request != "" {
			fmt.Fprintf(e.out, "request %s waits three days for a second person who manages roles and has this one\n", request)
		}
		return err
	})
}

// lastDay reads a date, or the name of a weekday: the next one after today. Days are UTC's.
func lastDay(text string, now time.Time) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	day := now.UTC().Truncate(24 * time.Hour)
	for range 7 {
		day = day.Add(24 * time.Hour)
		if strings.EqualFold(day.Weekday().String(), text) {
			return day, nil
		}
	}
	return time.Time{}, misused("--until is a date like 2026-12-31, or a day like friday")
}

// waiting tells of roles that were asked for and not given yet.
func waiting(e *env, roles []string) {
	if len(roles) > 0 {
		fmt.Fprintf(e.out, "waits for a second person: %s; see fastness users approve\n", strings.Join(roles, ", "))
	}
}

type usersApproveCmd struct {
	Request string `arg:"" optional:"" help:"The request's id; absent: list what waits."`
	on
}

// Run approves a request, or lists them.
func (c *usersApproveCmd) Run(e *env) error {
	args := []string{"users", "approve"}
	if c.Request != "" {
		args = append(args, c.Request)
	}
	return c.work(e, args, func(app *fastness.App) error {
		if c.Request != "" {
			return decide(e, app, c.Request, true)
		}
		all, err := app.Identity.Requests(e.ctx, operator("users approve"))
		for _, q := range all {
			by := "the operator"
			if q.By != "" {
				by = string(q.By)
			}
			fmt.Fprintf(e.out, "%s %s for %s, asked by %s, void %s\n", q.ID, q.Role, q.Account, by, q.Until.UTC().Format(time.RFC3339))
		}
		return err
	})
}

func decide(e *env, app *fastness.App, request string, approve bool) error {
	id, ok := types.ParseID(request)
	if !ok {
		return misused("this is not a request's id; list them: fastness users approve")
	}
	_, err := app.Identity.Decide(e.ctx, operator("users approve"), id, approve)
	return err
}

type usersDenyCmd struct {
	Request string `arg:"" help:"The request's id."`
	on
}

// Run denies a request.
func (c *usersDenyCmd) Run(e *env) error {
	return c.work(e, []string{"users", "deny", c.Request}, func(app *fastness.App) error { return decide(e, app, c.Request, false) })
}

type usersRequireCmd struct {
	Who  string `arg:"" help:"Address or id."`
	What string `arg:"" enum:"mfa,passkey,none" help:"mfa, passkey or none."`
	on
}

// Run demands a factor of one account.
func (c *usersRequireCmd) Run(e *env) error {
	what := map[string]plan.Requirement{"mfa": plan.AnyMFA, "passkey": plan.PasskeyFactor, "none": plan.NoFactor}[c.What]
	return c.work(e, []string{"users", "require", c.Who, c.What}, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		return app.Identity.Require(e.ctx, operator("users require"), id, what)
	})
}

type usersExplainCmd struct {
	Who        string `arg:"" help:"Address or id."`
	Collection string `arg:"" optional:"" help:"What he may do with this collection."`
	Action     string `arg:"" optional:"" help:"Only this: read, create, update or delete."`
	on
}

// Run says which roles are in force, or what somebody may do and why not.
func (c *usersExplainCmd) Run(e *env) error {
	args := []string{"users", "explain", c.Who}
	if c.Collection != "" {
		args = append(args, c.Collection)
	}
	if c.Action != "" {
		args = append(args, c.Action)
	}
	return c.work(e, args, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		var lines []string
		if c.Collection == "" {
			lines, err = app.Identity.Explain(e.ctx, operator("users explain"), id)
		} else {
			lines, err = app.Identity.ExplainMay(e.ctx, operator("users explain"), id, c.Collection, c.Action)
		}
		for _, l := range lines {
			fmt.Fprintln(e.out, l)
		}
		return err
	})
}

type usersSessionsCmd struct {
	Who string `arg:"" help:"Address or id."`
	End string `name:"end" help:"End this session, or all."`
	on
}

// Run lists sessions, or ends them.
func (c *usersSessionsCmd) Run(e *env) error {
	args := []string{"users", "sessions", c.Who}
	if c.End != "" {
		args = append(args, "--end", c.End)
	}
	return c.work(e, args, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		if c.End != "" {
			which, ok := types.ParseID(c.End)
			if !ok && c.End != "all" {
				return misused("--end is the id of a session, or all")
			}
			return app.Identity.EndSessionOf(e.ctx, operator("users sessions"), id, which)
		}
		all, err := app.Identity.SessionsOf(e.ctx, operator("users sessions"), id)
		for _, s := range all {
			fmt.Fprintf(e.out, "%s %s, %s, last used %s\n", s.ID, s.Label, s.Address, s.Seen.UTC().Format(time.RFC3339))
		}
		return err
	})
}

type usersResetFactorsCmd struct {
	Who    string `arg:"" help:"Address or id."`
	Reason string `name:"reason" required:"" help:"Why, and how you know who asked; it becomes evidence."`
	on
}

// Run forgets somebody's factors.
func (c *usersResetFactorsCmd) Run(e *env) error {
	return c.work(e, []string{"users", "reset-factors", c.Who, "--reason", c.Reason}, func(app *fastness.App) error {
		id, err := user(e, app, c.Who)
		if err != nil {
			return err
		}
		if err := app.Identity.ResetFactors(e.ctx, operator("users reset-factors"), id, c.Reason); err != nil {
			return err
		}
		fmt.Fprintln(e.out, "authenticator app, passkeys and recovery codes are forgotten, every session ended; roles are dormant until a factor is enrolled anew")
		return nil
	})
}
