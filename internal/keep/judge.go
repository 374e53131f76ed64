package keep

import (
	"context"
	"time"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// resolver answers what a rule in memory asks beyond its row, from the same transaction. It implements rule.Resolver.
type resolver struct {
	k   *Keep
	ctx context.Context
	r   store.Reader
	b   *rule.Bindings
}

// Follow loads the row that a reference points at, without rules: a rule may look where the caller may not.
func (x *resolver) Follow(collection string, id types.ID) (rule.Record, error) {
	col := x.k.plan.Collection(collection)
	if col == nil {
		return nil, nil
	}
	row, err := x.k.load(x.ctx, x.r, col, id)
	if err != nil || row == nil {
		return nil, err
	}
	return row, nil
}

// Exists asks twice: is there a row on which the condition is true, else is there one on which it is not false.
func (x *resolver) Exists(collection string, v int, cond rule.Expr) (rule.Truth, error) {
	col := x.k.plan.Collection(collection)
	opt := x.k.sqlOptions(col)
	for _, ask := range []struct {
		e     rule.Expr
		truth rule.Truth
	}{
		{&rule.Exists{Collection: collection, Var: v, Cond: rule.Push(cond)}, rule.Yes},
		{rule.Push(&rule.Not{Expr: &rule.Exists{Collection: collection, Var: v, Cond: cond}}), rule.No},
	} {
		s, err := rule.ToSQL(ask.e, opt)
		if err != nil {
			return rule.No, err
		}
		text := "SELECT CASE WHEN " + s.Text + " THEN 1 ELSE 0 END"
		stmt := x.k.keepList("", textOf(text, s.Args))
		rows, err := x.r.Query(x.ctx, stmt.stmt, rule.BindAll(nil, stmt.args, x.b)...)
		if err != nil {
			return rule.No, err
		}
		yes := rows.Next() && rows.Int(0) == 1
		err = rows.Err()
		if e := rows.Close(); err == nil {
			err = e
		}
		if err != nil || yes {
			return ask.truth, err
		}
	}
	return rule.Unknown, nil
}

func textOf(text string, args []rule.Arg) *sqlText {
	s := &sqlText{args: args}
	s.put(text)
	return s
}

// load reads a whole row without rules; nil when there is none.
func (k *Keep) load(ctx context.Context, r store.Reader, col *plan.Collection, id types.ID) (*row, error) {
	rows, err := r.Query(ctx, k.stmts(col).load, types.TextValue(string(id)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	out := &row{col: col, id: types.ID(rows.Text(0)), created: rows.Int(1), updated: rows.Int(2), version: rows.Int(3),
		values: make([]types.Value, len(col.Fields))}
	at := systemColumns
	if col.PerOrg {
		out.org = types.TextValue(rows.Text(at))
		at++
	}
	for i, f := range col.Fields {
		out.values[i] = column(rows, at+i, f)
	}
	return out, rows.Err()
}

// readable runs the caller's read rules on a row and returns the mask, as every read does.
func (k *Keep) readable(ctx context.Context, r store.Reader, v *view, b *rule.Bindings, id types.ID) (plan.Mask, bool, error) {
	args := rule.BindAll(make([]types.Value, 0, len(v.args)+1), v.args, b)
	rows, err := r.Query(ctx, v.get, append(args, types.TextValue(string(id)))...)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, false, rows.Err()
	}
	m, ok := v.mask(rows, systemColumns+len(v.fields))
	return m, ok, rows.Err()
}

// verdict is what the write rules say of one act.
type verdict struct {
	allowed bool
	stale   bool      // a rule would allow it for a fresher session
	granted plan.Mask // fields that rules which hold would let the caller write
	holds   bool      // some rule holds, whatever its fields
}

// judge looks for one rule that holds on the rows and grants all named fields.
func (k *Keep) judge(ctx context.Context, r store.Reader, c *types.Caller, b *rule.Bindings, rules []plan.Folded, old, new *row, named plan.Mask) (verdict, error) {
	var out verdict
	var before, after rule.Record
	if old != nil {
		before = old
	}
	if new != nil {
		after = new
	}
	for _, f := range rules {
		t, err := rule.Eval(f.When, before, after, b, &resolver{k, ctx, r, b})
		if err != nil {
			return verdict{}, err
		}
		if t != rule.Yes {
			continue
		}
		out.holds = true
		out.granted |= f.Mask
		if named&^f.Mask != 0 {
			continue
		}
		if f.Fresh > 0 && !c.Unruled() && !fresh(c, b.Now, f.Fresh) {
			out.stale = true
			continue
		}
		out.allowed = true
		return out, nil
	}
	return out, nil
}

// fresh reports whether the session proved a factor within d. A clock that went back proves nothing.
func fresh(c *types.Caller, now time.Time, d time.Duration) bool {
	age := now.Sub(c.FreshAt)
	return !c.FreshAt.IsZero() && age <= d && age > -time.Minute
}

// refusal turns a verdict into the answer: which fields, a fresher session, or nothing more than "no such row".
func (v verdict) refusal(col *plan.Collection, named plan.Mask, create bool) error {
	switch {
	case v.stale:
		return errStepUp
	case v.holds:
		e := &types.Error{Kind: types.Forbidden, Code: "field_not_allowed", Detail: "no single rule lets you write these fields together; see fields"}
		for _, f := range col.Fields {
			if named.Has(f) && (!v.granted.Has(f) || named&^v.granted == 0) {
				e.Fields = append(e.Fields, types.FieldError{Path: f.Name, Code: "not_allowed"})
			}
		}
		return e
	case create:
		return errNotAllowed
	}
	return errNoRow
}
