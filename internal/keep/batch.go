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

	"github.com/fastness-dev/fastness/internal/keep/judge"
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
// first refusal rolls everything back and is reported as do[i]. What is wrong with the request alone is found before the
// transaction begins. "@0" stands for the id of the row made by operation 0.
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
	acts, err := k.prepareBatch(ctx, c, in.Do)
	if err != nil {
		return nil, err
	}
	w.Body = body
	key, err := k.keys.New(c, w.request())
	if err != nil {
		return nil, err
	}
	if err := key.Begin(); err != nil {
		return nil, err
	}
	defer key.End()
	settle, err := k.guesses(ctx, acts...)
	if err != nil {
		return nil, err
	}
	defer settle()
	var out []byte
	at := -1 // the operation that was refused
	err = k.db.Write(turn(ctx, c), func(tx store.Tx) error {
		at = -1
		done, err := key.Find(ctx, tx)
		if err != nil {
			return err
		}
		if done != nil { // never the answer: a replayed batch says that it was done
			out = []byte(`{"done":[],"replayed":true}`)
			return nil
		}
		if out, at, err = runBatch(ctx, tx, acts); err != nil {
			return err
		}
		return key.Keep(ctx, tx, 200, "")
	})
	if err != nil && at >= 0 {
		acts[at].denied(ctx, err)
		return nil, inBatch(at, err)
	}
	if err != nil {
		return nil, err
	}
	return &plan.Answer{Status: 200, Body: out}, nil
}

// prepareBatch does for every operation what needs no stored data.
func (k *Keep) prepareBatch(ctx context.Context, c *types.Caller, do []operation) ([]*act, error) {
	acts := make([]*act, len(do))
	made := make([]types.ID, len(do))
	for i, op := range do {
		a, err := k.prepareStep(c, op, made[:i])
		if err != nil {
			if action, collection := op.action(); refused(err) {
				k.explain(ctx, c, judge.Question{Collection: collection, Action: action, Err: err})
				k.refuse(ctx, c, k.entry(c, events[action], collection, ""), err)
			}
			return nil, inBatch(i, err)
		}
		acts[i] = a
		if a.action == types.Create {
			made[i] = a.id
		}
	}
	return acts, nil
}

func (k *Keep) prepareStep(c *types.Caller, op operation, made []types.ID) (*act, error) {
	action, collection := op.action()
	if action == 0 {
		return nil, types.Refuse(types.Malformed, "bad_batch", "an operation has exactly one of create, update and delete")
	}
	id, ok := named(op.ID, made)
	if !ok {
		return nil, errName
	}
	body, err := k.replaceNames(collection, op.New, made)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	return k.prepare(c, action, Write{Collection: collection, ID: id, Body: body, IfMatch: op.IfMatch})
}

// runBatch runs the acts and gives the answer, or the number of the one that was refused.
func runBatch(ctx context.Context, tx store.Tx, acts []*act) (out []byte, at int, err error) {
	out = []byte(`{"done":[`)
	for i, a := range acts {
		if err := a.run(ctx, tx); err != nil {
			return nil, i, err
		}
		answer, err := a.answer(ctx, tx, a.id)
		if err != nil {
			return nil, i, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `{"status":%d`, answer.Status)
		if len(answer.Body) > 0 {
			out = append(append(out, `,"row":`...), answer.Body...)
		}
		out = append(out, '}')
	}
	return append(out, `]}`...), -1, nil
}

var errName = types.Refuse(types.Malformed, "bad_batch", "@N names an earlier operation that made a row")

// named resolves "@0". A number has one form: "@00" and "@+0" name nothing.
func named(id string, made []types.ID) (string, bool) {
	n, isName := strings.CutPrefix(id, "@")
	if !isName {
		return id, true
	}
	i, err := strconv.Atoi(n)
	if err != nil || strconv.Itoa(i) != n || i < 0 || i >= len(made) || made[i] == "" {
		return "", false
	}
	return string(made[i]), true
}

// replaceNames puts the ids of earlier rows into the references and lists of references of a body.
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
		var err error
		switch {
		case f == nil:
			continue
		case f.Type == plan.ListField && f.Elem.To != "" && raw.Kind() == '[':
			var items []jsontext.Value
			if err = json.Unmarshal(raw, &items); err != nil {
				return nil, err
			}
			for i := range items {
				if items[i], err = replaceName(items[i], made); err != nil {
					return nil, err
				}
			}
			raw, err = json.Marshal(items)
		case f.To != "":
			raw, err = replaceName(raw, made)
		}
		if err != nil {
			return nil, err
		}
		members[name] = raw
	}
	return json.Marshal(members, json.Deterministic(true))
}

func replaceName(raw jsontext.Value, made []types.ID) (jsontext.Value, error) {
	var text string
	if raw.Kind() != '"' || json.Unmarshal(raw, &text) != nil || !strings.HasPrefix(text, "@") {
		return raw, nil
	}
	id, ok := named(text, made)
	if !ok {
		return nil, errName
	}
	return jsontext.AppendQuote(nil, id)
}

// inBatch says which operation was refused.
func inBatch(i int, err error) error {
	var e *types.Error
	if !errors.As(err, &e) {
		return err
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
