package keep

import (
	"context"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Why returns, rule by rule, why the request was refused, judged on the data as they are now; nil when the request is not
// remembered (a restart, or 1,000 refusals later).
func (k *Keep) Why(ctx context.Context, request types.ID) ([]string, error) {
	q, ok := k.asked.Of(request)
	if !ok {
		return nil, nil
	}
	return k.judged(ctx, q)
}

// WhyNow is Why for a request that is known from the evidence alone.
func (k *Keep) WhyNow(ctx context.Context, c *types.Caller, collection string, a types.Action, id types.ID) ([]string, error) {
	return k.judged(ctx, judge.Question{Caller: *c, Collection: collection, Action: a, Row: id})
}

func (k *Keep) judged(ctx context.Context, q judge.Question) (lines []string, err error) {
	err = k.db.View(ctx, func(r store.Reader) (err error) {
		lines, err = judge.Explain(ctx, r, k.tables, q, k.bindings(&q.Caller))
		return err
	})
	return lines, err
}

// explain remembers what was asked; in development it says at once which clause of which rule was false or unknown.
func (k *Keep) explain(ctx context.Context, c *types.Caller, collection string, a types.Action, id types.ID) {
	if c.RequestID == "" {
		return
	}
	k.asked.Add(judge.Question{Caller: *c, Collection: collection, Action: a, Row: id})
	if k.cfg.Explained == nil {
		return
	}
	if lines, err := k.Why(ctx, c.RequestID); err == nil {
		k.cfg.Explained(c.RequestID, lines)
	}
}
