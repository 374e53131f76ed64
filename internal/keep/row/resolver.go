package row

import (
	"context"

	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Resolver answers what a rule in memory asks beyond its row, from the same transaction.
func (t *Tables) Resolver(ctx context.Context, r store.Reader, b *rule.Bindings) rule.Resolver {
	return &resolver{t, ctx, r, b}
}

type resolver struct {
	t   *Tables
	ctx context.Context
	r   store.Reader
	b   *rule.Bindings
}

// Follow loads the row that a reference points at, without rules: a rule may look where the caller may not, but never into another
// organisation.
func (x *resolver) Follow(collection string, id types.ID) (rule.Record, error) {
	col := x.t.Plan.Collection(collection)
	if col == nil {
		return nil, nil
	}
	row, err := x.t.Load(x.ctx, x.r, col, id)
	if err != nil || row == nil || col.PerOrg && row.Org.Text != string(x.b.Org) {
		return nil, err
	}
	return row, nil
}

// Exists asks twice: is there a row on which the condition is true, else is there one on which it is not false.
func (x *resolver) Exists(collection string, v int, cond rule.Expr) (rule.Truth, error) {
	opt := x.t.Options(x.t.Plan.Collection(collection))
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
		rows, err := x.r.Query(x.ctx, x.t.Stmt("SELECT CASE WHEN "+s.Text+" THEN 1 ELSE 0 END"), rule.BindAll(nil, s.Args, x.b)...)
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
