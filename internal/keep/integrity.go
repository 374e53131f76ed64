package keep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// verify runs, after a rule said yes: state steps, checks, references.
func (a *act) verify(ctx context.Context, tx store.Tx, old, next *row) error {
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
func (a *act) steps(old, next *row) error {
	for _, f := range a.change.fields {
		if f.Type != plan.StateField {
			continue
		}
		from, to := old.values[f.Bit].Text, next.values[f.Bit].Text
		if from != to && !slices.Contains(f.Steps[from], to) {
			return &types.Error{Kind: types.Conflict, Code: "no_such_step", Detail: fmt.Sprintf("%s cannot go from %s to %s", f.Name, from, to)}
		}
	}
	return nil
}

// plainRow opens sealed values for checks; it never leaves this function's caller.
type plainRow struct {
	*row
	k *Keep
}

func (p plainRow) Field(name string) types.Value {
	v := p.row.Field(name)
	f := p.col.Field(name)
	if f == nil || !f.Encrypted || v.Missing() {
		return v
	}
	text, err := p.k.cfg.Ring.Open(nil, seal.Field, []byte(v.Text), p.col.Name, string(p.id), f.Name)
	if err != nil {
		return types.Value{}
	}
	open, errs := value.Decode(f, f.Name, text)
	if len(errs) > 0 {
		return types.Value{}
	}
	return open
}

// checks runs the cross-field checks on the new row: each must be true, unknown is not enough.
func (a *act) checks(ctx context.Context, tx store.Tx, old, next *row) error {
	var before rule.Record
	if old != nil {
		before = old
	}
	var errs []types.FieldError
	for _, c := range a.col.Checks {
		t, err := rule.Eval(c.That, before, plainRow{next, a.k}, a.b, &resolver{a.k, ctx, tx, a.b})
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
	for i, f := range a.change.fields {
		to, ids := f.To, []types.Value{a.change.values[i]}
		if f.Type == plan.ListField && f.Elem.To != "" {
			to, ids = f.Elem.To, a.change.values[i].Items
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
	col, rules, err := a.k.permit(a.c, collection, types.Read)
	if err != nil {
		return false, nil
	}
	v, err := a.k.view(a.c, col, rules)
	if err != nil {
		return false, err
	}
	_, ok, err := a.k.readable(ctx, tx, v, a.b, id)
	return ok, err
}

// conflict turns a broken constraint into an answer. A unique value that belongs to a row the caller may not read is refused
// without saying that it exists.
func (a *act) conflict(ctx context.Context, tx store.Tx, err error, next *row) error {
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
		out := &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values were not accepted; see fields", Err: err}
		for _, f := range u.Fields {
			out.Fields = append(out.Fields, types.FieldError{Path: f.Name, Code: "not_accepted"})
		}
		return out
	}
	return err
}

// seesOther reports whether the caller may read the conflicting row with the fields that conflict.
func (a *act) seesOther(ctx context.Context, tx store.Tx, u plan.Unique, next *row) (bool, error) {
	s := &sqlText{}
	s.put(`SELECT "id" FROM `, store.Quote(a.col.Table), ` WHERE "id" <> ?`)
	args := []types.Value{types.TextValue(string(a.id))}
	var mask plan.Mask
	for _, f := range u.Fields {
		s.put(" AND ", store.Quote(f.Column), " = ?")
		args = append(args, next.values[f.Bit])
		mask |= 1 << f.Bit
	}
	if a.col.PerOrg {
		s.put(` AND "org" = ?`)
		args = append(args, next.org)
	}
	rows, err := tx.Query(ctx, a.k.keepList("", s).stmt, args...)
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
	m, ok, err := a.k.readable(ctx, tx, a.view, a.b, other)
	return ok && m&mask == mask, err
}

// maxCascade bounds how many rows one delete may take along.
const maxCascade = 10000

// delete removes the row; rows that go with it by cascade are recorded each.
func (a *act) delete(ctx context.Context, tx store.Tx) error {
	left := maxCascade
	if err := a.cascade(ctx, tx, a.col, a.id, &left); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, a.k.stmts(a.col).remove, types.TextValue(string(a.id)))
	var broken *store.ConstraintError
	if errors.As(err, &broken) && broken.Kind == store.Foreign {
		return &types.Error{Kind: types.Conflict, Code: "still_referenced", Detail: "other rows point at this one; remove them first", Err: err}
	}
	return err
}

// cascade deletes what points at the row by on_delete: cascade, deepest first, with an entry for each.
func (a *act) cascade(ctx context.Context, tx store.Tx, col *plan.Collection, id types.ID, left *int) error {
	for _, child := range a.k.plan.Collections {
		for _, f := range child.Fields {
			if f.To != col.Name || f.Type == plan.ListField || f.Decl.OnDelete != "cascade" {
				continue
			}
			s := &sqlText{}
			s.put(`SELECT "id", "version" FROM `, store.Quote(child.Table), " WHERE ", store.Quote(f.Column), " = ?")
			rows, err := tx.Query(ctx, a.k.keepList("", s).stmt, types.TextValue(string(id)))
			if err != nil {
				return err
			}
			var ids []types.ID
			for rows.Next() {
				ids = append(ids, types.ID(rows.Text(0)))
			}
			if err := rows.Close(); err != nil {
				return err
			}
			if *left -= len(ids); *left < 0 {
				return types.Refuse(types.Conflict, "too_many_rows", "too many rows go with this one; remove them first")
			}
			for _, row := range ids {
				if err := a.cascade(ctx, tx, child, row, left); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, a.k.stmts(child).remove, types.TextValue(string(row))); err != nil {
					return err
				}
				e := types.NewEntry(types.RowDelete, types.Done, a.c, a.b.Now)
				e.Collection, e.Row, e.Code = child.Name, row, "cascade"
				if err := tx.Record(e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
