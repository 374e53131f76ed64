package fastness

import (
	"context"
	"fmt"
	"time"

	"github.com/fastness-dev/fastness/internal/ledger"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// actions are the events whose refusal a rule explains.
var actions = map[types.Event]types.Action{types.RowRead: types.Read, types.RowCreate: types.Create, types.RowImport: types.Create, types.RowUpdate: types.Update, types.RowDelete: types.Delete}

// Why says, rule by rule, which clause was not true for a refused request. This process remembers its last refusals with the whole
// caller; of older ones, and after a restart, the evidence says who was refused what, and the rules are judged anew with the roles that
// the account has today. nil: nothing is known. No values of rows are in it.
func (a *App) Why(ctx context.Context, request types.ID) ([]string, error) {
	lines, err := a.Keep.Why(ctx, request)
	if lines != nil || err != nil {
		return lines, err
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
		if !ruled || f.Account == "" || a.Plan.Collection(f.Collection) == nil {
			continue
		}
		by, err := a.CallerOf(ctx, f.Account)
		if err != nil {
			return nil, err
		}
		more, err := a.Keep.WhyNow(ctx, by, f.Collection, action, f.Row)
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, "judged with the data and the roles of now, no factor proved:"), more...)
	}
	return lines, nil
}
