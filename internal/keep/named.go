package keep

import (
	"context"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// named asks for every reference that the request names whether the caller may read its row. It is asked before any rule is, so that
// rules, and what they cost, depend on nothing behind a reference that the caller could have made up.
func (a *act) named(ctx context.Context, r store.Reader) (judge.Lost, error) {
	if a.change == nil {
		return nil, nil
	}
	var out judge.Lost
	for i, f := range a.change.Fields {
		to, ids := f.To, []types.Value{a.change.Values[i]}
		list := f.Type == plan.ListField && f.Elem.To != ""
		if list {
			to, ids = f.Elem.To, a.change.Values[i].Items
		}
		if to == "" {
			continue
		}
		for n, id := range ids {
			if id.Missing() {
				continue
			}
			ok, err := a.mayPointAt(ctx, r, to, types.ID(id.Text))
			if err != nil {
				return nil, err
			}
			if ok {
				continue
			}
			if !list {
				n = -1
			}
			out = append(out, judge.LostReference{Field: f, Item: n, ID: id.Text})
		}
	}
	return out, nil
}

// mayPointAt reports whether there is such a row that the caller may read.
func (a *act) mayPointAt(ctx context.Context, tx store.Reader, collection string, id types.ID) (bool, error) {
	v, err := a.k.views.Of(a.c, collection)
	if err != nil {
		if refused(err) {
			err = nil
		}
		return false, err
	}
	_, ok, err := v.Readable(ctx, tx, a.b, id)
	if err != nil || !ok || !v.Collection.PerOrg || !a.c.Unruled() {
		return ok, err
	}
	r, err := a.k.tables.Load(ctx, tx, v.Collection, id) // no rule binds this caller: the border is asked for by itself
	return r != nil && r.Org.Text == string(a.b.Org), err
}
