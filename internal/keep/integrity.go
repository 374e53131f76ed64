package keep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// verify runs, after a rule said yes: state steps, checks, references.
func (a *act) verify(ctx context.Context, tx store.Tx, old, next *row.Row) error {
	if old != nil {
		if err := a.steps(old, next); err != nil {
			return err
		}
	}
	if err := a.checks(ctx, tx, old, next); err != nil {
		return err
	}
	return a.references(ctx, tx)
}

// steps refuses a state change that the declaration does not list.
func (a *act) steps(old, next *row.Row) error {
	for _, f := range a.change.Fields {
		if f.Type != plan.StateField {
			continue
		}
		from, to := old.Values[f.Bit].Text, next.Values[f.Bit].Text
		if from != to && !slices.Contains(f.Steps[from], to) {
			return &types.Error{Kind: types.Conflict, Code: "no_such_step", Detail: fmt.Sprintf("%s cannot go from %s to %s", f.Name, from, to)}
		}
	}
	return nil
}

// checks runs the cross-field checks on the new row: each must be true, unknown is not enough.
func (a *act) checks(ctx context.Context, tx store.Tx, old, next *row.Row) error {
	var before rule.Record
	if old != nil {
		before = old
	}
	var errs []types.FieldError
	for _, c := range a.col.Checks {
		plain := a.k.tables.Plain(next)
		t, err := rule.Eval(c.That, before, plain, a.b, a.k.tables.Resolver(ctx, tx, a.b))
		if err == nil {
			err = plain.Err() // a value that does not open is a fault and no missing value
		}
		if err != nil {
			return err
		}
		if t != rule.Yes {
			path := ""
			if len(c.Fields) > 0 {
				path = c.Fields[0]
			}
			errs = append(errs, types.FieldError{Path: path, Code: "check_failed", Detail: c.Else})
		}
	}
	if len(errs) > 0 {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values do not fit together; see fields", Fields: errs}
	}
	return nil
}

// references: every reference that the request names must point at a row the caller may read; any other is refused exactly
// like an absent one.
func (a *act) references(ctx context.Context, tx store.Tx) error {
	var errs []types.FieldError
	for i, f := range a.change.Fields {
		to, ids := f.To, []types.Value{a.change.Values[i]}
		if f.Type == plan.ListField && f.Elem.To != "" {
			to, ids = f.Elem.To, a.change.Values[i].Items
		}
		if to == "" || f.Encrypted {
			continue
		}
		for n, id := range ids {
			if id.Missing() {
				continue
			}
			ok, err := a.mayPointAt(ctx, tx, to, types.ID(id.Text))
			if err != nil {
				return err
			}
			if !ok {
				path := f.Name
				if f.Type == plan.ListField {
					path = fmt.Sprintf("%s.%d", f.Name, n)
				}
				errs = append(errs, types.FieldError{Path: path, Code: "not_found", Detail: "there is no such row"})
			}
		}
	}
	if len(errs) > 0 {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some references point at nothing; see fields", Fields: errs}
	}
	return nil
}

func (a *act) mayPointAt(ctx context.Context, tx store.Tx, collection string, id types.ID) (bool, error) {
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

// conflict turns a broken constraint into an answer. A unique value that belongs to a row the caller may not read is refused
// without saying that it exists.
func (a *act) conflict(ctx context.Context, tx store.Tx, err error, next *row.Row) error {
	var broken *store.ConstraintError
	if !errors.As(err, &broken) {
		return err
	}
	switch broken.Kind {
	case store.Foreign:
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "a reference points at nothing", Err: err}
	case store.Unique:
	default:
		return err
	}
	for _, u := range a.col.Uniques {
		if u.Name != broken.Constraint {
			continue
		}
		if seen, e := a.seesOther(ctx, tx, u, next); e != nil {
			return e
		} else if seen {
			out := &types.Error{Kind: types.Conflict, Code: "already_exists", Detail: "another row has this value", Err: err}
			for _, f := range u.Fields {
				out.Fields = append(out.Fields, types.FieldError{Path: f.Name, Code: "already_exists"})
			}
			return out
		}
		a.guessed = true
		out := &types.Error{Kind: types.Invalid, Code: "not_accepted", Detail: "some values were not accepted; see fields", Err: err}
		for _, f := range u.Fields {
			out.Fields = append(out.Fields, types.FieldError{Path: f.Name, Code: "not_accepted"})
		}
		return out
	}
	return err
}

// seesOther reports whether the caller may read the conflicting row with the fields that conflict.
func (a *act) seesOther(ctx context.Context, tx store.Tx, u plan.Unique, next *row.Row) (bool, error) {
	text := `SELECT "id" FROM ` + store.Quote(a.col.Table) + ` WHERE "id" <> ?`
	args := []types.Value{types.TextValue(string(a.id))}
	var mask plan.Mask
	for _, f := range u.Fields {
		text += " AND " + store.Quote(f.Column) + " = ?"
		args = append(args, next.Values[f.Bit])
		mask |= 1 << f.Bit
	}
	if a.col.PerOrg {
		text += ` AND "org" = ?`
		args = append(args, next.Org)
	}
	rows, err := tx.Query(ctx, a.k.tables.Stmt(text), args...)
	if err != nil {
		return false, err
	}
	var other types.ID
	if rows.Next() {
		other = types.ID(rows.Text(0))
	}
	if err := rows.Close(); err != nil || other == "" || a.view == nil {
		return false, err
	}
	m, ok, err := a.view.Readable(ctx, tx, a.b, other)
	return ok && m&mask == mask, err
}
