package keep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// verify runs, after a rule said yes: state steps, references, checks. A check sees the row only when every reference that the request
// names points at a row that the caller may read.
func (a *act) verify(ctx context.Context, r store.Reader, old, next *row.Row, seen plan.Mask, refs judge.Lost) error {
	if old != nil {
		if err := a.steps(old, next, seen); err != nil {
			return err
		}
	}
	if err := refs.Refusal(); err != nil {
		return err
	}
	return a.checks(ctx, r, old, next)
}

// steps refuses a state change that the declaration does not list. The refusal names the present state to a caller who sees it.
func (a *act) steps(old, next *row.Row, seen plan.Mask) error {
	for _, f := range a.change.Fields {
		if f.Type != plan.StateField {
			continue
		}
		from, to := old.Values[f.Bit].Text, next.Values[f.Bit].Text
		if from != to && !slices.Contains(f.Steps[from], to) {
			if !seen.Has(f) {
				from = "where it is"
			}
			return &types.Error{Kind: types.Conflict, Code: "no_such_step", Detail: fmt.Sprintf("%s cannot go from %s to %s", f.Name, from, to)}
		}
	}
	return nil
}

// checks runs the cross-field checks on the new row: each must be true, unknown is not enough.
func (a *act) checks(ctx context.Context, tx store.Reader, old, next *row.Row) error {
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
				if f := a.col.Field(c.Fields[0]); f != nil && (f.System || a.rules == nil || a.known().Has(f)) {
					path = f.Name
				}
			}
			errs = append(errs, types.FieldError{Path: path, Code: "check_failed", Detail: c.Else})
		}
	}
	if len(errs) > 0 {
		return &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values do not fit together; see fields", Fields: errs}
	}
	return nil
}

// conflict turns a broken constraint into an answer; nil is no constraint.
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
	if found := a.taken(ctx, tx, next, err); found != nil {
		return found
	}
	for _, u := range a.col.Uniques { // by a row that this transaction does not see
		if u.Name == broken.Constraint {
			return a.refuseUnique(u, false, err)
		}
	}
	return err
}

// taken looks for another row that has a unique value of the act, in the order of the declaration. A value that belongs to a row the
// caller may not read is refused without saying that it exists.
func (a *act) taken(ctx context.Context, r store.Reader, next *row.Row, cause error) error {
	for _, u := range a.col.Uniques {
		if !a.names(u) {
			continue
		}
		other, err := a.other(ctx, r, u, next)
		if err != nil {
			return err
		}
		if other == "" {
			continue
		}
		seen, err := a.sees(ctx, r, u, other)
		if err != nil {
			return err
		}
		return a.refuseUnique(u, seen, cause)
	}
	return nil
}

// names reports whether the act sets a field of a unique key: a create sets them all.
func (a *act) names(u plan.Unique) bool {
	return a.action == types.Create || slices.ContainsFunc(u.Fields, a.change.Mask.Has)
}

func (a *act) refuseUnique(u plan.Unique, seen bool, cause error) error {
	out := &types.Error{Kind: types.Conflict, Code: "already_exists", Detail: "another row has this value", Err: cause}
	if !seen {
		a.guessed = true
		out = &types.Error{Kind: types.Invalid, Code: "not_accepted", Detail: "some values were not accepted; see fields", Err: cause}
	}
	for _, f := range u.Fields {
		if a.rules == nil || a.known().Has(f) {
			out.Fields = append(out.Fields, types.FieldError{Path: f.Name, Code: out.Code})
		}
	}
	return out
}

// other finds another row with the same values of a unique key; "" for none.
func (a *act) other(ctx context.Context, r store.Reader, u plan.Unique, next *row.Row) (other types.ID, err error) {
	text := `SELECT "id" FROM ` + store.Quote(a.col.Table) + ` WHERE "id" <> ?`
	args := []types.Value{types.TextValue(string(a.id))}
	for _, f := range u.Fields {
		text += " AND " + store.Quote(f.Column) + " = ?"
		args = append(args, next.Values[f.Bit])
	}
	if a.col.PerOrg {
		text += ` AND "org" = ?`
		args = append(args, next.Org)
	}
	rows, err := r.Query(ctx, a.k.tables.Stmt(text), args...)
	if err != nil {
		return "", err
	}
	if rows.Next() {
		other = types.ID(rows.Text(0))
	}
	return other, rows.Close()
}

// sees reports whether the caller may read the row that conflicts, with the fields that conflict.
func (a *act) sees(ctx context.Context, r store.Reader, u plan.Unique, other types.ID) (bool, error) {
	if a.view == nil {
		return false, nil
	}
	var mask plan.Mask
	for _, f := range u.Fields {
		mask |= 1 << f.Bit
	}
	m, ok, err := a.view.Readable(ctx, r, a.b, other)
	return ok && m&mask == mask, err
}
