package fastness

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// actions are the events whose refusal a rule explains.
var actions = map[types.Event]types.Action{types.RowRead: types.Read, types.RowCreate: types.Create, types.RowImport: types.Create, types.RowUpdate: types.Update, types.RowDelete: types.Delete}

// answers remembers what this process answered to requests that it refused.
type answers struct {
	signedIn, anonymous types.Recent[[]string]
}

// add is edge.Config.Refused.
func (a *answers) add(c *types.Caller, route string, status int, e *types.Error) {
	lines := []string{fmt.Sprintf("%s was refused: %d %s: %s", route, status, e.Code, e.Detail)}
	for _, f := range e.Fields {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("  field %s: %s %s", f.Path, f.Code, f.Detail)))
	}
	if c.Kind == types.Anonymous { // who need not sign in pushes out nobody else's
		a.anonymous.Add(c.RequestID, lines)
		return
	}
	a.signedIn.Add(c.RequestID, lines)
}

func (a *answers) of(request types.ID) []string {
	if lines, ok := a.signedIn.Of(request); ok {
		return lines
	}
	lines, _ := a.anonymous.Of(request)
	return lines
}

// Why says what a refused request was answered and, rule by rule, which clause was not true. This process remembers its last refusals
// with the whole caller; of older ones, and after a restart, the evidence says who was refused what, and the rules are judged anew with
// the roles that the account has today. nil: nothing is known. No values of rows are in it.
func (a *App) Why(ctx context.Context, request types.ID) ([]string, error) {
	lines := a.refusals.of(request)
	more, err := a.Keep.Why(ctx, request)
	if err != nil || lines != nil || more != nil {
		return append(lines[:len(lines):len(lines)], more...), err
	}
	var found []ledger.Found
	err = a.DB.View(ctx, func(r store.Reader) error {
		found, err = ledger.OfRequest(ctx, r, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if f.Outcome != types.Refused {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s was refused: %s", types.FromMicros(f.At).Format(time.RFC3339), f.Event, f.Code))
		action, ruled := actions[f.Event]
		if !ruled || f.Account == "" {
			continue
		}
		more, err := a.whyNow(ctx, f, action)
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, "judged with the data and the roles of now, no factor proved:"), more...)
	}
	return lines, nil
}

// whyNow judges again what the evidence tells, in the organisation of the session or, when that is gone, of the row.
func (a *App) whyNow(ctx context.Context, f ledger.Found, action types.Action) ([]string, error) {
	org, err := a.orgOf(ctx, f)
	if err != nil {
		return nil, err
	}
	by, err := a.CallerIn(ctx, f.Account, org)
	if err != nil {
		return nil, err
	}
	return a.Keep.WhyNow(ctx, by, f.Collection, action, f.Row, f.Fields)
}

func (a *App) orgOf(ctx context.Context, f ledger.Found) (org types.ID, err error) {
	if a.Plan.Organisations == nil {
		return "", nil
	}
	err = a.DB.View(ctx, func(r store.Reader) (err error) {
		org, err = a.Identity.OrgOf(ctx, r, f.Account, f.Session)
		return err
	})
	if err != nil || org != "" {
		return org, err
	}
	return a.Keep.OrgOf(ctx, f.Collection, f.Row)
}
