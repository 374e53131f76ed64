package keep

import (
	"context"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxKept is how long a body may be, in bytes, for its row to be remembered with a refusal: a thousand of them are kept.
const maxKept = 4096

// Why returns, rule by rule, why the request was refused, judged on the data as they are now; nil when the request is not
// remembered (a restart, or 1,000 refusals later).
func (k *Keep) Why(ctx context.Context, request types.ID) ([]string, error) {
	q, ok := k.asked.Of(request)
	if !ok {
		if q, ok = k.askedByNobody.Of(request); !ok {
			return nil, nil
		}
	}
	return k.judged(ctx, q)
}

// WhyNow is Why for a request that is known from the evidence alone. fields are those that it named.
func (k *Keep) WhyNow(ctx context.Context, c *types.Caller, collection string, a types.Action, id types.ID, fields []string) ([]string, error) {
	q := judge.Question{Caller: *c, Collection: collection, Action: a, Row: id}
	if col := k.plan.Collection(collection); col != nil {
		for _, name := range fields {
			if f := col.Field(name); f != nil && !f.System {
				q.Named |= plan.Mask(1) << f.Bit
			}
		}
	}
	return k.judged(ctx, q)
}

// OrgOf is the organisation that a row belongs to; "" for none and for a row that is gone.
func (k *Keep) OrgOf(ctx context.Context, collection string, id types.ID) (org types.ID, err error) {
	col := k.plan.Collection(collection)
	if col == nil || !col.PerOrg || id == "" {
		return "", nil
	}
	err = k.db.View(ctx, func(r store.Reader) error {
		at, err := k.tables.Load(ctx, r, col, id)
		if at != nil {
			org = types.ID(at.Org.Text)
		}
		return err
	})
	return org, err
}

func (k *Keep) judged(ctx context.Context, q judge.Question) (lines []string, err error) {
	err = k.db.View(ctx, func(r store.Reader) (err error) {
		lines, err = judge.Explain(ctx, r, k.tables, q, k.bindings(&q.Caller))
		return err
	})
	return lines, err
}

// explain remembers what was asked; in development it says at once which clause of which rule was false or unknown.
func (k *Keep) explain(ctx context.Context, c *types.Caller, q judge.Question) {
	if c.RequestID == "" {
		return
	}
	q.Caller = *c
	if c.Kind == types.Anonymous { // who need not sign in pushes out nobody else's
		k.askedByNobody.Add(c.RequestID, q)
	} else {
		k.asked.Add(c.RequestID, q)
	}
	if k.cfg.Explained == nil {
		return
	}
	if lines, err := k.Why(ctx, c.RequestID); err == nil {
		k.cfg.Explained(c.RequestID, lines)
	}
}

// question is what somebody may ask of an act that was refused. Values of encrypted fields are in it in their sealed form alone.
func (a *act) question(err error) judge.Question {
	q := judge.Question{Collection: a.col.Name, Action: a.action, Row: a.id, Err: err}
	if a.action == types.Create {
		q.Row = "" // it was never made
	}
	if a.change != nil {
		q.Named = a.change.Mask
		if len(a.w.Body) <= maxKept {
			kept := &act{c: a.c, b: a.b, action: a.action, col: a.col, change: a.change, start: a.start, id: a.id}
			lost := a.lost
			q.Next = func(old *row.Row) *row.Row { return lost.Without(kept.next(old)) }
		}
	}
	return q
}
