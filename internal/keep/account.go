package keep

import (
	"context"
	"encoding/json"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Profiles makes the rows of the built-in collection accounts for the room that makes accounts: values are validated like those
// of any write, rules are not asked, since that room has its own.
type Profiles struct{ k *Keep }

// Profiles returns the door for account rows.
func (k *Keep) Profiles() Profiles { return Profiles{k} }

// Check judges profile fields alone, before anything is stored.
func (p Profiles) Check(fields json.RawMessage) error {
	_, err := p.decode(fields)
	return err
}

func (p Profiles) decode(fields json.RawMessage) (*value.Change, error) {
	if len(fields) == 0 || string(fields) == "null" {
		fields = json.RawMessage("{}")
	}
	return value.DecodeChange(p.k.plan.Accounts, p.k.plan.Accounts.All, fields, true, false)
}

// Create makes the row. nil fields: an operator makes the account, and mandatory fields get their type's empty value until their
// owner fills them in.
func (p Profiles) Create(ctx context.Context, tx store.Tx, id types.ID, fields json.RawMessage) error {
	ch, err := &value.Change{}, error(nil)
	if fields != nil {
		if ch, err = p.decode(fields); err != nil {
			return err
		}
	}
	a, err := p.act(types.Create, id, ch)
	if err != nil {
		return err
	}
	next := a.next(nil)
	for _, f := range a.col.Fields {
		if !f.Optional && next.Values[f.Bit].Missing() {
			if next.Values[f.Bit], err = p.empty(f, id); err != nil {
				return err
			}
		}
	}
	return a.store(ctx, tx, nil, next)
}

// Set replaces profile fields of a row that exists.
func (p Profiles) Set(ctx context.Context, tx store.Tx, id types.ID, fields json.RawMessage) error {
	ch, err := p.decode(fields)
	if err != nil {
		return err
	}
	a, err := p.act(types.Update, id, ch)
	if err != nil {
		return err
	}
	old, err := p.k.tables.Load(ctx, tx, a.col, id)
	if err != nil {
		return err
	}
	if old == nil {
		return judge.NoRow
	}
	return a.store(ctx, tx, old, a.next(old))
}

// store verifies and writes a row, which no rule judges.
func (a *act) store(ctx context.Context, tx store.Tx, old, next *row.Row) error {
	lost, err := a.named(ctx, tx)
	if err != nil {
		return err
	}
	if err := a.verify(ctx, tx, old, next, 0, lost); err != nil {
		return err
	}
	if old == nil {
		return a.conflict(ctx, tx, a.k.tables.Insert(ctx, tx, next), next)
	}
	return a.conflict(ctx, tx, a.k.tables.Update(ctx, tx, next, a.change.Fields), next)
}

func (p Profiles) act(action types.Action, id types.ID, ch *value.Change) (*act, error) {
	k := p.k
	a := &act{k: k, action: action, c: &types.Caller{Kind: types.System, Name: "sign-up", Reason: "an account is made"}, id: id, col: k.plan.Accounts,
		b: &rule.Bindings{Me: id, Now: k.cfg.Clock.Now().UTC()}, change: ch}
	return a, a.seal()
}

func (p Profiles) empty(f *plan.Field, id types.ID) (types.Value, error) {
	v := types.TextValue("")
	switch f.Type {
	case plan.IntField, plan.DecimalField, plan.BoolField, plan.TimeField:
		v = types.IntValue(0)
	case plan.ListField:
		v = types.ListValue()
	case plan.JSONField:
		v = types.TextValue("null")
	}
	if f.Encrypted {
		return p.k.tables.Seal(p.k.plan.Accounts, f, id, v)
	}
	return v, nil
}
