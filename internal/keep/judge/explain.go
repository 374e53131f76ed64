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

// Explanations keeps why requests were refused, newest last, bounded. There are no values in them. The zero value is ready.
type Explanations struct {
	mu    sync.Mutex
	byID  map[types.ID][]string
	order []types.ID
}

// Why returns, rule by rule, why the request was refused; nil when it is not remembered (a restart, or 1,000 refusals later).
func (e *Explanations) Why(request types.ID) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byID[request]
}

// Add remembers the lines of a request.
func (e *Explanations) Add(id types.ID, lines []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID = map[types.ID][]string{}
	}
	if _, known := e.byID[id]; !known {
		e.order = append(e.order, id)
	}
	e.byID[id] = append(e.byID[id], lines...)
	if len(e.order) > remembered {
		delete(e.byID, e.order[0])
		e.order = e.order[1:]
	}
}

var truthWords = [...]string{rule.No: "false", rule.Unknown: "unknown", rule.Yes: "true"}

// Explain says which clause of which rule was false or unknown for a verb on a row.
func Explain(ctx context.Context, r store.Reader, t *row.Tables, c *types.Caller, b *rule.Bindings, col *plan.Collection, a types.Action, id types.ID) ([]string, error) {
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
