package keep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// maxBatch is how many operations a batch may hold.
const maxBatch = 100

// operation is one step of a batch: {"create": "comments", "new": {…}}, {"update": "articles", "id": …, "new": {…}},
// {"delete": "comments", "id": …}; each may carry if_match.
type operation struct {
	Create  string         `json:"create,omitzero"`
	Update  string         `json:"update,omitzero"`
	Delete  string         `json:"delete,omitzero"`
	ID      string         `json:"id,omitzero"`
	New     jsontext.Value `json:"new,omitzero"`
	IfMatch string         `json:"if_match,omitzero"`
}

func (o operation) action() (types.Action, string) {
	switch {
	case o.Create != "" && o.Update == "" && o.Delete == "":
		return types.Create, o.Create
	case o.Update != "" && o.Create == "" && o.Delete == "":
		return types.Update, o.Update
	case o.Delete != "" && o.Create == "" && o.Update == "":
		return types.Delete, o.Delete
	}
	return 0, ""
}

// Batch runs up to 100 operations in order in one transaction: each rule and check sees the effects of the ones before, and the
// first refusal rolls everything back and is reported as do[i]. "@0" stands for the id of the row made by operation 0.
func (k *Keep) Batch(ctx context.Context, c *types.Caller, body []byte, w Write) (*plan.Answer, error) {
	var in struct {
		Do []operation `json:"do"`
	}
	if err := json.Unmarshal(body, &in, json.RejectUnknownMembers(true)); err != nil {
		return nil, types.Refuse(types.Malformed, "bad_batch", `send {"do": [{"create"|"update"|"delete": COLLECTION, "id": …, "new": {…}}]}`)
	}
	if len(in.Do) == 0 || len(in.Do) > maxBatch {
		return nil, types.Refuse(types.Malformed, "bad_batch", "a batch has 1 to 100 operations")
	}
	w.Body = body
	key, err := k.keys.New(c, w.request())
	if err != nil {
		return nil, err
	}
	var out []byte
	err = k.db.Write(ctx, func(tx store.Tx) error {
		done, err := key.Find(ctx, tx)
		if err != nil {
			return err
		}
		if done != nil { // never the answer: a replayed batch says that it was done
			out = []byte(`{"done":[],"replayed":true}`)
			return nil
		}
		if out, err = k.runBatch(ctx, tx, c, in.Do); err != nil {
			if errors.Is(err, errFault) {
				return err
			}
			return store.Keep(err)
		}
		return key.Keep(ctx, tx, 200, "")
	})
	if err != nil {
		return nil, err
	}
	return &plan.Answer{Status: 200, Body: out}, nil
}

// errFault marks errors that are not refusals.
var errFault = errors.New("keep: batch")

func (k *Keep) runBatch(ctx context.Context, tx store.Tx, c *types.Caller, do []operation) ([]byte, error) {
	out := []byte(`{"done":[`)
	made := make([]types.ID, len(do))
	for i, op := range do {
		item, id, err := k.step(ctx, tx, c, op, made[:i])
		if err != nil {
			return nil, inBatch(i, err)
		}
		made[i] = id
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, item...)
	}
	return append(out, `]}`...), nil
}

// step runs one operation and gives its part of the answer.
func (k *Keep) step(ctx context.Context, tx store.Tx, c *types.Caller, op operation, made []types.ID) ([]byte, types.ID, error) {
	action, collection := op.action()
	if action == 0 {
		return nil, "", types.Refuse(types.Malformed, "bad_batch", "an operation has exactly one of create, update and delete")
	}
	id, ok := named(op.ID, made)
	if !ok {
		return nil, "", types.Refuse(types.Malformed, "bad_batch", "@N names an earlier operation that made a row")
	}
	body, err := k.replaceNames(collection, op.New, made)
	if err != nil {
		return nil, "", err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	a, err := k.prepare(c, action, Write{Collection: collection, ID: id, Body: body, IfMatch: op.IfMatch})
	if err != nil {
		return nil, "", err
	}
	if err := a.run(ctx, tx); err != nil {
		if types.KindOf(err) != types.Internal && c.Kind != types.Anonymous {
			if e := a.record(tx, types.Refused, types.CodeOf(err), nil); e != nil {
				return nil, "", errors.Join(errFault, e)
			}
		}
		return nil, "", err
	}
	answer, err := a.answer(ctx, tx, 0, a.id)
	if err != nil {
		return nil, "", err
	}
	if len(answer.Body) == 0 {
		return fmt.Appendf(nil, `{"status":%d}`, answer.Status), a.id, nil
	}
	return fmt.Appendf(nil, `{"status":%d,"row":%s}`, answer.Status, answer.Body), a.id, nil
}

// named resolves "@0".
func named(id string, made []types.ID) (string, bool) {
	n, isName := strings.CutPrefix(id, "@")
	if !isName {
		return id, true
	}
	i, err := strconv.Atoi(n)
	if err != nil || i < 0 || i >= len(made) || made[i] == "" {
		return "", false
	}
	return string(made[i]), true
}

// replaceNames puts the ids of earlier rows into the reference fields of a body.
func (k *Keep) replaceNames(collection string, body jsontext.Value, made []types.ID) ([]byte, error) {
	col := k.plan.Collection(collection)
	if col == nil || !bytes.Contains(body, []byte(`"@`)) {
		return body, nil
	}
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, types.Refuse(types.Malformed, "not_an_object", "send a JSON object in new")
	}
	for name, raw := range members {
		f := col.Field(name)
		var text string
		if f == nil || f.To == "" || raw.Kind() != '"' || json.Unmarshal(raw, &text) != nil {
			continue
		}
		id, ok := named(text, made)
		if !ok {
			return nil, types.Refuse(types.Malformed, "bad_batch", "@N names an earlier operation that made a row")
		}
		members[name] = jsontext.Value(strconv.Quote(id))
	}
	return json.Marshal(members, json.Deterministic(true))
}

// inBatch says which operation was refused.
func inBatch(i int, err error) error {
	var e *types.Error
	if !errors.As(err, &e) {
		return errors.Join(errFault, err)
	}
	out := *e
	out.Detail = strings.TrimSpace(fmt.Sprintf("do[%d]: %s", i, e.Detail))
	out.Fields = nil
	for _, f := range e.Fields {
		f.Path = fmt.Sprintf("do.%d.new.%s", i, f.Path)
		out.Fields = append(out.Fields, f)
	}
	return &out
}
