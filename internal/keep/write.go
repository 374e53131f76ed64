package keep

import (
	"context"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/removal"
	"github.com/fastness-dev/fastness/internal/keep/replay"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/value"
	"github.com/fastness-dev/fastness/internal/keep/view"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Write is one create, update or delete. Body is a JSON object whose syntax has been verified.
type Write struct {
	Collection, ID string
	Body           []byte
	IfMatch        string
	IdempotencyKey string
	Method, Path   string // what an idempotency key is bound to
	Fields         []string
}

func (w Write) request() replay.Request {
	return replay.Request{Key: w.IdempotencyKey, Method: w.Method, Path: w.Path, Body: w.Body}
}

// act is one write inside a transaction: everything that was decided before it began.
type act struct {
	k       *Keep
	c       *types.Caller
	b       *rule.Bindings
	action  types.Action
	col     *plan.Collection
	rules   []plan.Folded
	view    *view.View // nil: the caller may read nothing of the collection
	want    view.Want  // of the answer
	change  *value.Change
	start   []types.Value               // of a create: the defaults, sealed where the field is
	patches map[*plan.Field]types.Value // of an update: the JSON objects that are merged into what a field holds
	id      types.ID
	w       Write
	lost    judge.Lost  // references of the request that rules do not see
	guessed bool        // a unique value met a row that the caller may not read
	gather  *[]*row.Row // of an import: where the new row goes instead of into its table
}

var events = map[types.Action]types.Event{types.Read: types.RowRead, types.Create: types.RowCreate, types.Update: types.RowUpdate, types.Delete: types.RowDelete}

// prepare does what needs no stored data: may the roles do this at all, is the request within its types and bounds, seal.
func (k *Keep) prepare(c *types.Caller, action types.Action, w Write) (*act, error) {
	col, rules, err := judge.Permit(k.plan, c, w.Collection, action)
	if err != nil {
		return nil, err
	}
	if err := builtIn(k.plan, col, action); err != nil {
		return nil, err
	}
	if col.PerOrg && c.Org == "" && action == types.Create {
		return nil, errNoOrganisation
	}
	a := &act{k: k, c: c, b: k.bindings(c), action: action, col: col, rules: rules, w: w}
	if a.view, err = k.views.Of(c, w.Collection); err != nil && !refused(err) {
		return nil, err
	}
	if a.view != nil {
		if a.want, err = a.view.Wanted(w.Fields); err != nil {
			return nil, err
		}
	}
	if action == types.Create {
		if a.id = types.NewID(a.b.Now); col.Random {
			a.id = types.RandomID()
		}
	} else {
		a.id, _ = types.ParseID(w.ID)
		if col.IfMatch && w.IfMatch == "" {
			return nil, types.Refuse(types.Precondition, "if_match_required", "send If-Match with the ETag you read")
		}
	}
	if action == types.Delete {
		return a, nil
	}
	if a.change, err = value.DecodeChange(col, a.known(), w.Body, action == types.Create, c.Unruled()); err != nil {
		return nil, err
	}
	if action == types.Update {
		a.patches = a.change.Patches()
	}
	return a, a.seal()
}

// known are the fields that the caller may ever read, or write by this act: messages name no others.
func (a *act) known() plan.Mask {
	var m plan.Mask
	if a.view != nil {
		m = a.view.Able()
	}
	for _, r := range a.rules {
		m |= r.Mask
	}
	return m
}

// Rows of the built-in collections come and go with accounts and organisations. errNoOrganisation is for callers without rules:
// others have been refused before.
var (
	errAccounts       = types.Refuse(types.Forbidden, "not_allowed", "accounts are made by sign-up or by an operator")
	errOrganisations  = types.Refuse(types.Forbidden, "not_allowed", "organisations and who belongs to them are changed at /auth/organisation or with: fastness organisations")
	errNoOrganisation = types.Refuse(types.Invalid, "organisation_required", "say which organisation the row shall belong to; at the command line with --org")
)

// builtIn refuses what a room of its own does.
func builtIn(p *plan.Plan, col *plan.Collection, a types.Action) error {
	switch {
	case col == p.Accounts && a != types.Update && a != types.Read:
		return errAccounts
	case (col == p.Organisations || col == p.Memberships) && a != types.Read:
		return errOrganisations
	}
	return nil
}

// unique reports whether the request names a field that must be unique.
func (a *act) unique() bool {
	if a.change == nil {
		return false
	}
	for _, u := range a.col.Uniques {
		for _, f := range u.Fields {
			if a.change.Mask.Has(f) {
				return true
			}
		}
	}
	return false
}

// run is step 15: everything that depends on stored data, and its evidence.
func (a *act) run(ctx context.Context, tx store.Tx) error {
	next, err := a.apply(ctx, tx)
	if err != nil {
		return err
	}
	e := a.entry()
	if next != nil {
		e.Version = next.Version
	}
	return tx.Record(e)
}

// apply does the act, in the order that lets nothing be told before a rule said yes, and returns the row as it is afterwards.
func (a *act) apply(ctx context.Context, tx store.Tx) (*row.Row, error) {
	d, err := a.decide(ctx, tx)
	if err != nil {
		return nil, err
	}
	switch a.action {
	case types.Create:
		if a.gather != nil {
			*a.gather = append(*a.gather, d.next)
			break
		}
		err = a.insert(ctx, tx, d.next)
	case types.Update:
		err = a.conflict(ctx, tx, a.k.tables.Update(ctx, tx, d.next, a.change.Fields), d.next)
	case types.Delete:
		err = d.along.Remove(ctx, tx, func(other removal.Change) error {
			e := a.k.entry(a.c, other.Event, other.Collection, other.Row)
			e.Code, e.Version, e.Fields = other.Code, other.Version, other.Fields
			return tx.Record(e)
		})
	}
	return d.next, err
}

// insert stores a new row.
func (a *act) insert(ctx context.Context, tx store.Tx, next *row.Row) error {
	return a.conflict(ctx, tx, a.k.tables.Insert(ctx, tx, next), next)
}

// rehearse goes the way of apply on a snapshot, without writing: what apply would refuse it refuses, with the same words.
func (a *act) rehearse(ctx context.Context, r store.Reader) error {
	d, err := a.decide(ctx, r)
	if err != nil || a.action == types.Delete {
		return err
	}
	return a.taken(ctx, r, d.next, nil)
}

// decision is what an act will do.
type decision struct {
	next  *row.Row       // nil for a delete
	along *removal.Along // of a delete
}

// decide judges an act and says what it will do; it reads alone.
func (a *act) decide(ctx context.Context, r store.Reader) (decision, error) {
	a.guessed = false
	old, mask, err := a.load(ctx, r)
	if err != nil {
		return decision{}, err
	}
	if a.c.Unruled() && old != nil && a.col.PerOrg {
		a.b.Org = types.ID(old.Org.Text) // who acts across organisations acts within the row's
	}
	next := a.next(old)
	var named plan.Mask
	if a.change != nil {
		named = a.change.Mask
	}
	wrong, err := a.merge(old, next)
	if err != nil {
		return decision{}, err
	}
	if a.lost, err = a.named(ctx, r); err != nil {
		return decision{}, err
	}
	v, err := a.judge(ctx, r, old, a.lost.Without(next), named)
	if err != nil {
		return decision{}, err
	}
	if !v.Allowed {
		return decision{}, v.Refusal(a.col, named, a.action == types.Create)
	}
	if a.w.IfMatch != "" && (old == nil || !view.Matches(a.w.IfMatch, a.view.ETag(a.id, old.Version, mask, a.w.Fields))) {
		return decision{}, types.Refuse(types.Precondition, "changed", "the row changed since you read it; read it again")
	}
	if a.action == types.Delete {
		gone, err := removal.Asker{Caller: a.c, Bindings: a.b, Views: a.k.views}.Follow(ctx, r, a.col, a.id)
		return decision{along: gone}, err
	}
	if len(wrong) > 0 {
		return decision{}, &types.Error{Kind: types.Invalid, Code: "invalid", Detail: "some values were not accepted; see fields", Fields: wrong}
	}
	return decision{next: next}, a.verify(ctx, r, old, next, mask, a.lost)
}

// load reads the row of an update or delete, for a caller who may read it. Absent and unreadable rows end at the same statement.
func (a *act) load(ctx context.Context, tx store.Reader) (*row.Row, plan.Mask, error) {
	if a.action == types.Create {
		return nil, 0, nil
	}
	if a.view == nil {
		return nil, 0, judge.NoRow
	}
	mask, ok, err := a.view.Readable(ctx, tx, a.b, a.id)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, judge.NoRow
	}
	old, err := a.k.tables.Load(ctx, tx, a.col, a.id)
	if err == nil && old == nil {
		err = judge.NoRow
	}
	return old, mask, err
}

// next is the row as it would be after the act.
func (a *act) next(old *row.Row) *row.Row {
	now := types.Micros(a.b.Now)
	if a.action == types.Delete {
		return nil
	}
	var n *row.Row
	if old != nil {
		n = old.Clone()
		n.Updated, n.Version = max(now, old.Updated), old.Version+1
	} else {
		n = &row.Row{Collection: a.col, ID: a.id, Created: now, Updated: now, Version: 1, Values: append([]types.Value(nil), a.start...)}
		if a.col.PerOrg {
			n.Org = types.IDValue(a.c.Org)
		}
	}
	for i, f := range a.change.Fields {
		n.Values[f.Bit] = a.change.Values[i]
	}
	return n
}

// entry is the evidence of the act.
func (a *act) entry() types.Entry {
	e := a.k.entry(a.c, events[a.action], a.col.Name, a.id)
	if a.change != nil {
		e.Fields = a.change.Names()
	}
	return e
}

// judge asks the write rules, with the resolver of this transaction.
func (a *act) judge(ctx context.Context, tx store.Reader, old, next *row.Row, named plan.Mask) (judge.Verdict, error) {
	var before, after rule.Record
	if old != nil {
		before = old
	}
	if next != nil {
		after = next
	}
	return judge.Write(a.c, a.b, a.rules, before, after, a.k.tables.Resolver(ctx, tx, a.b), named)
}

// seal computes what a create starts from and replaces the values of encrypted fields by their sealed form. It is the slow part
// and needs no transaction.
func (a *act) seal() error {
	if a.action == types.Create {
		a.start = make([]types.Value, len(a.col.Fields))
		for _, f := range a.col.Fields {
			if a.change.Mask.Has(f) {
				continue
			}
			if err := a.sealed(f, defaultOf(f, a.b), &a.start[f.Bit]); err != nil {
				return err
			}
		}
	}
	for i, f := range a.change.Fields {
		if err := a.sealed(f, a.change.Values[i], &a.change.Values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *act) sealed(f *plan.Field, v types.Value, to *types.Value) (err error) {
	if f.Encrypted {
		v, err = a.k.tables.Seal(a.col, f, a.id, v)
	}
	*to = v
	return err
}

// Create makes a row: 201 with the row as its author may read it, or {"id"} when he may not.
func (k *Keep) Create(ctx context.Context, c *types.Caller, w Write) (*plan.Answer, error) {
	return k.write(ctx, c, types.Create, w)
}

// Update changes a row by JSON merge patch (RFC 7396): 200 with the row as the caller may read it afterwards, else 204.
func (k *Keep) Update(ctx context.Context, c *types.Caller, w Write) (*plan.Answer, error) {
	return k.write(ctx, c, types.Update, w)
}

// Delete removes a row: 204.
func (k *Keep) Delete(ctx context.Context, c *types.Caller, w Write) (*plan.Answer, error) {
	return k.write(ctx, c, types.Delete, w)
}

func (k *Keep) write(ctx context.Context, c *types.Caller, action types.Action, w Write) (*plan.Answer, error) {
	a, err := k.prepare(c, action, w)
	if err != nil {
		if refused(err) {
			id, _ := types.ParseID(w.ID)
			k.explain(ctx, c, judge.Question{Collection: w.Collection, Action: action, Row: id, Err: err})
			k.refuse(ctx, c, k.entry(c, events[action], w.Collection, ""), err)
		}
		return nil, err
	}
	key, err := k.keys.New(c, w.request())
	if err != nil {
		return nil, err
	}
	if err := key.Begin(); err != nil {
		return nil, err
	}
	defer key.End()
	var answer *plan.Answer
	settle, err := k.guesses(ctx, a)
	if err != nil {
		return nil, err
	}
	defer settle()
	err = k.db.Write(turn(ctx, c), func(tx store.Tx) error {
		answer = nil
		if done, err := key.Find(ctx, tx); err != nil || done != nil {
			if err == nil {
				answer, err = a.answer(ctx, tx, done.Row)
			}
			return err
		}
		if err := a.run(ctx, tx); err != nil {
			return err
		}
		if action == types.Create && tx.Dialect() == store.Postgres {
			return key.Keep(ctx, tx, 201, a.id) // read back after the commit: see answerCreated
		}
		var err error
		if answer, err = a.answer(ctx, tx, a.id); err != nil {
			return err
		}
		return key.Keep(ctx, tx, answer.Status, a.id)
	})
	if err != nil {
		a.denied(ctx, err)
		return nil, err
	}
	if answer == nil {
		return a.answerCreated(ctx), nil
	}
	return answer, nil
}

// answerCreated reads a new row back after its commit. Within the transaction PostgreSQL would take note of the page of the index that was
// read; as ids grow with time, everybody who creates at the moment writes to that same page, and nearly all of them would be told to start
// again. The row is durable now: whatever happens to the reading, the answer is 201. SQLite's one writer has
// at hand the pages that it has just written, and reads the row in the transaction; a snapshot would read them again from the log.
func (a *act) answerCreated(ctx context.Context) *plan.Answer {
	var answer *plan.Answer
	err := a.k.db.View(ctx, func(r store.Reader) error {
		var err error
		answer, err = a.answer(ctx, r, a.id)
		return err
	})
	if err != nil {
		a.k.cfg.Log.Warn("a new row could not be read back", "error", err.Error())
		return a.unread(a.id)
	}
	return answer
}

// unread answers a create or an update whose row the caller may not read, or could not.
func (a *act) unread(id types.ID) *plan.Answer {
	if a.action != types.Create {
		return &plan.Answer{Status: 204}
	}
	return &plan.Answer{Status: 201, Header: map[string][]string{"Location": {a.location(id)}}, Body: []byte(`{"id":"` + string(id) + `"}`)}
}

func (a *act) location(id types.ID) string { return "/api/v1/" + a.col.Name + "/" + string(id) }

// denied follows a refusal that depends on stored data: evidence, and the question somebody may ask about.
func (a *act) denied(ctx context.Context, err error) {
	switch types.KindOf(err) {
	case types.Internal, types.Unavailable, types.Full, types.HungUp:
		return
	}
	a.k.explain(ctx, a.c, a.question(err))
	a.k.refuse(ctx, a.c, a.entry(), err)
}

// answer is the row as the caller may read it now.
func (a *act) answer(ctx context.Context, r store.Reader, id types.ID) (*plan.Answer, error) {
	if a.action == types.Delete {
		return &plan.Answer{Status: 204, Header: map[string][]string{}}, nil
	}
	if a.view == nil {
		return a.unread(id), nil
	}
	body, etag, err := a.view.AppendGet(ctx, r, nil, a.b, id, a.want, a.w.Fields, nil)
	if types.KindOf(err) == types.NotFound {
		return a.unread(id), nil
	}
	if err != nil {
		return nil, err
	}
	out := &plan.Answer{Body: body, Header: map[string][]string{"Etag": {etag}}}
	switch a.action {
	case types.Create:
		out.Status = 201
		out.Header["Location"] = []string{a.location(id)}
	case types.Update:
		out.Status = 200
	}
	return out, nil
}
