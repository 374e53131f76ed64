package judge

import (
	"context"
	"fmt"
	"sync"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// remembered is how many refusals can be explained afterwards.
const remembered = 1000

// Question is a refusal that somebody may ask about.
type Question struct {
	Caller     types.Caller
	Collection string
	Action     types.Action
	Row        types.ID
}

// Questions keeps which requests were refused, newest last, bounded. Only what was asked is kept: finding the reasons at once
// would be work that absent rows do not cost. The zero value is ready; safe for concurrent use.
type Questions struct {
	mu    sync.Mutex
	byID  map[types.ID]Question
	order []types.ID
}

// Of returns what a request asked; ok is false when it is not remembered (a restart, or 1,000 refusals later).
func (q *Questions) Of(request types.ID) (x Question, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	x, ok = q.byID[request]
	return x, ok
}

// Add remembers what a request asked; of a batch the last.
func (q *Questions) Add(x Question) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byID == nil {
		q.byID = map[types.ID]Question{}
	}
	if _, known := q.byID[x.Caller.RequestID]; !known {
		q.order = append(q.order, x.Caller.RequestID)
	}
	q.byID[x.Caller.RequestID] = x
	if len(q.order) > remembered {
		delete(q.byID, q.order[0])
		q.order = q.order[1:]
	}
}

var truthWords = [...]string{rule.No: "false", rule.Unknown: "unknown", rule.Yes: "true"}

// Explain says which clause of which rule is false or unknown for what was asked, on the data as they are now. No values are in
// it.
func Explain(ctx context.Context, r store.Reader, t *row.Tables, x Question, b *rule.Bindings) ([]string, error) {
	c, col, a, id := &x.Caller, t.Plan.Collection(x.Collection), x.Action, x.Row
	lines := []string{fmt.Sprintf("%s of %s/%s by %s", a, col.Name, id, who(c))}
	at, err := t.Load(ctx, r, col, id)
	if err != nil {
		return nil, err
	}
	if at == nil && a != types.Create {
		return append(lines, "there is no such row"), nil
	}
	if a != types.Read {
		lines = append(lines, explainRules(ctx, r, t, c, col, types.Read, at, b)...)
	}
	return append(lines, explainRules(ctx, r, t, c, col, a, at, b)...), nil
}

func who(c *types.Caller) string {
	switch c.Kind {
	case types.Anonymous:
		return "anonymous"
	case types.Signed:
		return "account " + string(c.Account)
	}
	return c.Name
}

func explainRules(ctx context.Context, r store.Reader, t *row.Tables, c *types.Caller, col *plan.Collection, a types.Action, at *row.Row, b *rule.Bindings) []string {
	scope := t.Plan.Scope(col, a)
	var out []string
	for _, x := range col.Rules(a) {
		head := fmt.Sprintf("  %s rule %d (line %d)", a, x.Index+1, x.Line)
		if c.Kind == types.Anonymous && x.Public == "" {
			out = append(out, head+": not public")
			continue
		}
		var before, after rule.Record
		if at != nil {
			before, after = at, at // the new row is not kept: clauses about it are judged on the row as it is
		}
		clauses, err := rule.Trace(x.When, scope, before, after, b, t.Resolver(ctx, r, b))
		if err != nil {
			continue
		}
		for _, cl := range clauses {
			out = append(out, head+": "+cl.Text+": "+truthWords[cl.Truth])
		}
	}
	return out
}
