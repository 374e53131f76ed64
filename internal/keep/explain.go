package keep

import (
	"context"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Why returns, rule by rule, why the request was refused; nil when it is not remembered (a restart, or 1,000 refusals later).
func (k *Keep) Why(request types.ID) []string { return k.why.Why(request) }

// explain remembers which clause of which rule was false or unknown.
func (k *Keep) explain(ctx context.Context, c *types.Caller, col *plan.Collection, a types.Action, id types.ID) {
	if c.RequestID == "" {
		return
	}
	var lines []string
	err := k.db.View(ctx, func(r store.Reader) (err error) {
		lines, err = judge.Explain(ctx, r, k.tables, c, k.bindings(c), col, a, id)
		return err
	})
	if err != nil {
		return
	}
	k.why.Add(c.RequestID, lines)
	if k.cfg.Explained != nil {
		k.cfg.Explained(c.RequestID, lines)
	}
}
