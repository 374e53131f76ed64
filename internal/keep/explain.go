package keep

import (
	"context"
	"fmt"
	"sync"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// remembered is how many refusals can be explained afterwards.
const remembered = 1000

// explanations keeps why requests were refused, newest last, bounded. There are no values in them.
type explanations struct {
	mu    sync.Mutex
	byID  map[types.ID][]string
	order []types.ID
}

// Why returns, rule by rule, why the request was refused; nil when it is not remembered (a restart, or 1,000 refusals later).
func (k *Keep) Why(request types.ID) []string {
	k.why.mu.Lock()
	defer k.why.mu.Unlock()
	return k.why.byID[request]
}

func (e *explanations) add(id types.ID, lines []string) {
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

// explain remembers which clause of which rule was false or unknown.
func (k *Keep) explain(ctx context.Context, c *types.Caller, col *plan.Collection, a types.Action, id types.ID) {
	if c.RequestID == "" {
		return
	}
	lines := []string{fmt.Sprintf("%s of %s/%s by %s", a, col.Name, id, who(c))}
	b := k.bindings(c)
	err := k.db.View(ctx, func(r store.Reader) error {
		row, err := k.load(ctx, r, col, id)
		if err != nil {
			return err
		}
		if row == nil && a != types.Create {
			lines = append(lines, "there is no such row")
			return nil
		}
		if a != types.Read {
			lines = append(lines, k.explainRules(ctx, r, c, col, types.Read, row, b)...)
		}
		lines = append(lines, k.explainRules(ctx, r, c, col, a, row, b)...)
		return nil
	})
	if err != nil {
		return
	}
	k.why.add(c.RequestID, lines)
	if k.cfg.Explained != nil {
		k.cfg.Explained(c.RequestID, lines)
	}
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

func (k *Keep) explainRules(ctx context.Context, r store.Reader, c *types.Caller, col *plan.Collection, a types.Action, at *row, b *rule.Bindings) []string {
	scope := k.plan.Scope(col, a)
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
		clauses, err := rule.Trace(x.When, scope, before, after, b, &resolver{k, ctx, r, b})
		if err != nil {
			continue
		}
		for _, cl := range clauses {
			out = append(out, head+": "+cl.Text+": "+truthWords[cl.Truth])
		}
	}
	return out
}
