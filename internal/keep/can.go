package keep

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// question asks whether the caller may: with `new` the very act, without it the verb on the row.
type question struct {
	Action     string         `json:"action"`
	Collection string         `json:"collection"`
	ID         string         `json:"id,omitzero"`
	New        jsontext.Value `json:"new,omitzero"`
}

// reply is the answer: the fields are those a read shows or a write may name.
type reply struct {
	May    bool     `json:"may"`
	Code   string   `json:"code,omitzero"` // of the refusal that the real request would get
	Fields []string `json:"fields,omitzero"`
}

// Can answers questions on a snapshot, by everything that the act itself would do up to the point where it writes: the answer and the
// outcome come from the same code.
func (k *Keep) Can(ctx context.Context, c *types.Caller, body []byte) (*plan.Answer, error) {
	var in struct {
		Do []question `json:"do"`
	}
	err := json.Unmarshal(body, &in, json.RejectUnknownMembers(true))
	if err != nil || len(in.Do) == 0 || len(in.Do) > maxBatch {
		return nil, types.Refuse(types.Malformed, "bad_question", `send {"do": [{"action", "collection", "id"?, "new"?}]}, 1 to 100 of them`)
	}
	replies := make([]reply, len(in.Do))
	for i, q := range in.Do {
		if types.ParseAction(q.Action) == 0 {
			return nil, types.Refuse(types.Malformed, "bad_question", "action is read, create, update or delete")
		}
		if replies[i], err = k.ask(ctx, c, q); err != nil {
			return nil, err
		}
	}
	out, err := json.Marshal(map[string]any{"can": replies})
	return &plan.Answer{Status: 200, Body: out}, err
}

// ask answers one question. What needs no stored data is done before the transaction begins.
func (k *Keep) ask(ctx context.Context, c *types.Caller, q question) (out reply, err error) {
	action := types.ParseAction(q.Action)
	if len(q.New) == 0 && action != types.Delete {
		err = k.db.View(ctx, func(r store.Reader) error {
			if action == types.Read {
				out, err = k.tryRead(ctx, r, c, q)
			} else {
				out, err = k.tryVerb(ctx, r, c, action, Write{Collection: q.Collection, ID: q.ID})
			}
			return err
		})
		return out, err
	}
	a, err := k.prepare(c, action, Write{Collection: q.Collection, ID: q.ID, Body: q.New})
	if err != nil {
		return refusedReply(err)
	}
	settle, err := k.guesses(ctx, a)
	if err != nil {
		return refusedReply(err)
	}
	defer settle()
	if err = k.db.View(ctx, func(r store.Reader) error { return a.rehearse(ctx, r) }); err != nil {
		if a.guessed { // a guess is a guess
			a.denied(ctx, err)
		}
		return refusedReply(err)
	}
	out = reply{May: true}
	if a.change != nil {
		out.Fields = a.change.Names()
	}
	return out, nil
}

func refusedReply(err error) (reply, error) {
	var e *types.Error
	if !errors.As(err, &e) || e.Kind == types.Internal || e.Kind == types.Unavailable {
		return reply{}, err
	}
	return reply{Code: e.Code}, nil
}

func (k *Keep) tryRead(ctx context.Context, tx store.Reader, c *types.Caller, q question) (reply, error) {
	v, err := k.views.Of(c, q.Collection)
	if err != nil {
		return refusedReply(err)
	}
	if q.ID == "" {
		return reply{May: true, Fields: names(v.Collection, v.Able())}, nil
	}
	id, _ := types.ParseID(q.ID)
	m, ok, err := v.Readable(ctx, tx, k.bindings(c), id)
	if err != nil || !ok {
		return reply{Code: judge.NoRow.Code}, err
	}
	return reply{May: true, Fields: names(v.Collection, m)}, nil
}

// tryVerb asks which fields an update or create could name, by the rules that hold on the row as it is.
func (k *Keep) tryVerb(ctx context.Context, tx store.Reader, c *types.Caller, action types.Action, w Write) (reply, error) {
	w.Body, w.IfMatch = []byte("{}"), "*" // about the verb, not about a version
	if action == types.Create {
		col, rules, err := judge.Permit(k.plan, c, w.Collection, action)
		if err == nil {
			err = builtIn(k.plan, col, action)
		}
		if err != nil {
			return refusedReply(err)
		}
		var m plan.Mask
		for _, r := range rules {
			m |= r.Mask
		}
		return reply{May: true, Fields: names(col, m)}, nil
	}
	a, err := k.prepare(c, action, w)
	if err != nil {
		return refusedReply(err)
	}
	old, _, err := a.load(ctx, tx)
	if err != nil {
		return refusedReply(err)
	}
	v, err := a.judge(ctx, tx, old, a.next(old), 0)
	switch {
	case err != nil:
		return reply{}, err
	case !v.Allowed:
		return refusedReply(v.Refusal(a.col, 0, false))
	}
	var m plan.Mask
	for _, f := range a.col.Fields { // each field by itself, since judge stops at the first rule that allows
		if one, err := a.judge(ctx, tx, old, a.next(old), 1<<f.Bit); err != nil {
			return reply{}, err
		} else if one.Allowed && !f.Fixed {
			m |= 1 << f.Bit
		}
	}
	return reply{May: true, Fields: names(a.col, m)}, nil
}

func names(col *plan.Collection, m plan.Mask) []string {
	var out []string
	for _, f := range col.Fields {
		if m.Has(f) {
			out = append(out, f.Name)
		}
	}
	return out
}
