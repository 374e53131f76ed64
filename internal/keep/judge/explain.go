package judge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Question is a refusal that somebody may ask about.
type Question struct {
	Caller     types.Caller
	Collection string
	Action     types.Action
	Row        types.ID
	Named      plan.Mask                   // fields that the request named
	Next       func(old *row.Row) *row.Row // the row as the request would have made it; nil: what was sent is not kept
	Err        error                       // what was answered; nil: it is not known
}

var truthWords = [...]string{rule.No: "false", rule.Unknown: "unknown", rule.Yes: "true"}

// explainer says why, in one transaction.
type explainer struct {
	ctx   context.Context
	r     store.Reader
	t     *row.Tables
	b     *rule.Bindings
	q     Question
	col   *plan.Collection
	lines []string
}

func (x *explainer) say(format string, args ...any) {
	x.lines = append(x.lines, fmt.Sprintf(format, args...))
}

// Explain says which clause of which rule is false or unknown for what was asked, on the data as they are now, and which check or field
// the answer was about. No values are in it.
func Explain(ctx context.Context, r store.Reader, t *row.Tables, q Question, b *rule.Bindings) ([]string, error) {
	x := &explainer{ctx: ctx, r: r, t: t, b: b, q: q, col: t.Plan.Collection(q.Collection)}
	head := fmt.Sprintf("%s of %s", q.Action, q.Collection)
	if q.Row != "" {
		head += "/" + string(q.Row)
	}
	x.say("%s by %s", head, who(&q.Caller))
	if x.col == nil {
		x.say("the declaration has no collection %s", types.Printable(q.Collection))
		return x.lines, nil
	}
	x.fields()
	if _, _, err := Permit(t.Plan, &q.Caller, q.Collection, q.Action); err != nil {
		x.static(err)
		return x.lines, nil
	}
	switch types.KindOf(q.Err) {
	case types.Invalid, types.Conflict, types.Precondition: // a rule said yes
		return x.lines, nil
	}
	return x.lines, x.onRows()
}

func who(c *types.Caller) string {
	switch c.Kind {
	case types.Anonymous:
		return "anonymous"
	case types.Signed:
		if c.Org != "" {
			return "account " + string(c.Account) + " in organisation " + string(c.Org)
		}
		return "account " + string(c.Account)
	}
	return c.Name
}

// fields says what the answer said of fields, and names the check, the reference or the uniqueness behind it.
func (x *explainer) fields() {
	var e *types.Error
	if !errors.As(x.q.Err, &e) {
		return
	}
	x.say("refused: %s: %s", e.Code, e.Detail)
	for _, f := range e.Fields {
		switch f.Code {
		case "check_failed":
			for i, c := range x.col.Checks {
				if c.Else == f.Detail && (len(c.Fields) == 0 || c.Fields[0] == f.Path) {
					x.say("  check %d is not true: %s", i+1, c.Source)
				}
			}
		case "not_found":
			x.say("  field %s: not_found: it points at a row that is absent or that the caller may not read", f.Path)
		case "already_exists":
			x.say("  field %s: already_exists: a row that the caller may read has this value", f.Path)
		case "not_accepted":
			x.say("  field %s: not_accepted: a row that the caller may not read has this value", f.Path)
		default:
			x.say("  field %s: %s", f.Path, f.Code)
		}
	}
}

// static explains a refusal that the declaration and the caller decide, whatever is stored.
func (x *explainer) static(err error) {
	c, p := &x.q.Caller, x.t.Plan
	if x.q.Err == nil {
		x.say("refused: %s", err)
	}
	switch err {
	case OutOfScope:
		x.say("  the token was issued for %s of %s", allowed(c.Scope.Collections[x.col.Name]), x.col.Name)
		return
	case Organisation:
		x.say("  rows of %s belong to organisations, and none is active for the caller", x.col.Name)
		return
	}
	rules := x.col.Rules(x.q.Action)
	if len(rules) == 0 {
		x.say("  no rule of %s is declared for anybody", x.q.Action)
	}
	for _, r := range rules {
		head := ruleHead(x.q.Action, r)
		if c.Kind == types.Anonymous && r.Public == "" {
			x.say("%s: not public", head)
			continue
		}
		for _, e := range rule.Conjuncts(r.When) {
			if f, ok := rule.Fold(e, p.Counted(x.q.Action, c.Roles)).(*rule.Fixed); ok && f.Truth != rule.Yes {
				x.say("%s: %s: %s", head, rule.English(e, p.Scope(x.col, x.q.Action)), truthWords[f.Truth])
			}
		}
	}
	for _, r := range p.Roles {
		switch {
		case c.Dormant.Has(r.Set):
			x.say("  the role %s is dormant: this sign-in did not prove the factor that it requires", r.Name)
		case c.Roles.Has(r.Set) && r.ReadOnly && x.q.Action != types.Read:
			x.say("  the role %s only reads: it does not count here", r.Name)
		}
	}
}

// allowed lists the actions of a set.
func allowed(set types.Action) string {
	var out []string
	for a := types.Read; a <= types.Delete; a <<= 1 {
		if set&a != 0 {
			out = append(out, a.String())
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, " and ")
}

func ruleHead(a types.Action, r *plan.Rule) string {
	return fmt.Sprintf("  %s rule %d (line %d)", a, r.Index+1, r.Line)
}

// onRows judges the rules again on the rows.
func (x *explainer) onRows() error {
	var old *row.Row
	if x.q.Action != types.Create {
		var err error
		if old, err = x.t.Load(x.ctx, x.r, x.col, x.q.Row); err != nil {
			return err
		}
		if old == nil {
			x.say("there is no such row")
			return nil
		}
		if x.q.Action != types.Read {
			x.rules(types.Read, old, nil)
		}
	}
	var next *row.Row
	if x.q.Next != nil {
		next = x.q.Next(old)
	}
	x.rules(x.q.Action, old, next)
	return nil
}

func (x *explainer) rules(a types.Action, old, next *row.Row) {
	var before, after rule.Record
	if old != nil {
		before = old
	}
	if next != nil {
		after = next
	}
	b := *x.b
	b.Roles = x.t.Plan.Counted(a, b.Roles)
	writes := a == types.Create || a == types.Update
	for _, r := range x.col.Rules(a) {
		head := ruleHead(a, r)
		if x.q.Caller.Kind == types.Anonymous && r.Public == "" {
			x.say("%s: not public", head)
			continue
		}
		clauses, err := rule.Trace(r.When, x.t.Plan.Scope(x.col, a), before, after, &b, x.t.Resolver(x.ctx, x.r, &b))
		if err != nil {
			continue
		}
		refuted := false
		for _, cl := range clauses {
			word := truthWords[cl.Truth]
			if writes && cl.New && next == nil {
				word = "cannot be told: what was sent is not kept"
			}
			refuted = refuted || word == "false" || word == "unknown"
			x.say("%s: %s: %s", head, cl.Text, word)
		}
		if !refuted && a == x.q.Action {
			x.terms(head, r)
		}
	}
}

// terms says what a rule that no clause refutes asks or leaves out beside its condition.
func (x *explainer) terms(head string, r *plan.Rule) {
	var not []string
	for _, f := range x.col.Fields {
		if x.q.Named.Has(f) && !r.Mask.Has(f) {
			not = append(not, f.Name)
		}
	}
	if len(not) > 0 {
		x.say("%s lets the caller write %s and not %s", head, r.Words(x.col), strings.Join(not, ", "))
		return
	}
	if r.Fresh > 0 && !x.q.Caller.Fresh(x.b.Now, r.Fresh) {
		proved := "proved none"
		if at := x.q.Caller.FreshAt; !at.IsZero() {
			proved = "proved one last at " + at.UTC().Format(time.RFC3339)
		}
		x.say("%s holds%s: the caller %s", head, r.Terms(), proved)
	}
}
