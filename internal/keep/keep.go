// Package keep is the declared data: it reads and writes rows of collections for a caller, under the plan's rules, and knows
// nothing of HTTP. Its answers are finished JSON.
//
// Policy: the caller is a parameter of every method. Every read runs its rules as SQL inside the statement and returns one bit
// per rule; what the caller sees of a row is the union of the masks whose bits are set. Nothing that depends on stored data is
// answered before a rule has said yes: absent and unreadable rows take one path and give one answer. Every act and every
// refusal of a signed-in caller is evidence.
//
// The map: keep.go (New), read.go (get, list, search), write.go, named.go, integrity.go, guess.go (writes in their order), batch.go,
// import.go, can.go, explain.go (why), account.go (the built-in collection), routes.go (what edge mounts). Below it value (typed
// values), row (stored rows, without rules), judge (may they), view (what they see), removal (what goes along with a row), page
// (lists), replay (Idempotency-Key), refusal (the noes, counted).
package keep

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fastness-dev/fastness/internal/keep/judge"
	"github.com/fastness-dev/fastness/internal/keep/page"
	"github.com/fastness-dev/fastness/internal/keep/refusal"
	"github.com/fastness-dev/fastness/internal/keep/replay"
	"github.com/fastness-dev/fastness/internal/keep/row"
	"github.com/fastness-dev/fastness/internal/keep/view"
	"github.com/fastness-dev/fastness/internal/plan"
	"github.com/fastness-dev/fastness/internal/plan/rule"
	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Config says what keep works on. All but Log are required.
type Config struct {
	Plan  *plan.Plan
	DB    store.DB
	Ring  *seal.Ring
	Clock types.Clock
	Log   *slog.Logger // nil: silence
	Holds replay.Holds // what becomes of an Idempotency-Key whose session was ended for cause; nil: nothing
	// Explained, when set, is told why each refusal of a rule happened (development's terminal). No values are in it.
	Explained func(requestID types.ID, lines []string)
}

// Keep reads and writes rows. Safe for concurrent use.
type Keep struct {
	cfg    Config
	plan   *plan.Plan
	db     store.DB
	tables *row.Tables
	views  *view.Views
	lists  *page.Lists
	keys   *replay.Keys
	asked  types.Recent[judge.Question]
	noes   refusal.Tally
	guess  refusal.Budget

	askedByNobody types.Recent[judge.Question]
}

// New returns a Keep over a database that has the plan's tables.
func New(cfg Config) (*Keep, error) {
	if cfg.Plan == nil || cfg.DB == nil || cfg.Ring == nil || cfg.Clock == nil {
		return nil, errors.New("keep: plan, database, ring and clock are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keep{cfg: cfg, plan: cfg.Plan, db: cfg.DB, keys: &replay.Keys{Ring: cfg.Ring, Clock: cfg.Clock, Holds: cfg.Holds}}
	k.tables = &row.Tables{Plan: cfg.Plan, Ring: cfg.Ring, Dialect: cfg.DB.Dialect()}
	k.views = &view.Views{Tables: k.tables}
	k.lists = &page.Lists{Views: k.views, Clock: cfg.Clock}
	return k, nil
}

// Tables returns keep's own tables.
func Tables() []store.Table { return replay.Tables() }

// Plan returns the plan that is served.
func (k *Keep) Plan() *plan.Plan { return k.plan }

// Tidy forgets what has had its time: idempotency keys. The root runs it every hour.
func (k *Keep) Tidy(ctx context.Context) error { return k.keys.Tidy(ctx, k.db) }

// May says whether the caller's roles may use the verb of a collection at all, by the plan and the caller alone. A no is evidence.
func (k *Keep) May(ctx context.Context, c *types.Caller, collection string, a types.Action) error {
	_, _, err := judge.Permit(k.plan, c, collection, a)
	if err != nil {
		k.explain(ctx, c, judge.Question{Collection: collection, Action: a, Err: err})
		k.refuse(ctx, c, k.entry(c, events[a], collection, ""), err)
	}
	return err
}

func (k *Keep) bindings(c *types.Caller) *rule.Bindings {
	return judge.Bindings(c, k.cfg.Clock.Now())
}

// refuse records the refusal of a signed-in caller without waiting for the commit: the wait would tell absent from forbidden.
func (k *Keep) refuse(ctx context.Context, c *types.Caller, e types.Entry, err error) {
	if c.Kind == types.Anonymous {
		return // counted by edge
	}
	e.Outcome, e.Code, e.Version = types.Refused, types.CodeOf(err), 0
	if werr := k.record(turn(ctx, c), k.noes.Add(e)); werr != nil {
		k.cfg.Log.Error("evidence of a refusal was not written", "error", werr.Error())
	}
}

// entry is evidence about a row of a collection.
func (k *Keep) entry(c *types.Caller, event types.Event, collection string, id types.ID) types.Entry {
	e := types.NewEntry(event, types.Done, c, k.cfg.Clock.Now())
	e.Collection, e.Row = collection, id
	return e
}

// turn is the context of the caller's writes: accounts take turns in the database, and so do the networks of those who have none.
func turn(ctx context.Context, c *types.Caller) context.Context {
	key := string(c.Account)
	if key == "" && c.Kind == types.Anonymous {
		key = types.NewEntry(types.RowCreate, types.Done, c, time.Time{}).Address
	}
	return store.Turn(ctx, key)
}

// record writes entries that belong to no act.
func (k *Keep) record(ctx context.Context, entries []types.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	return k.db.WriteSoon(context.WithoutCancel(ctx), func(tx store.Tx) error { return recordAll(tx, entries) }) // whether or not the caller still listens
}

func recordAll(tx store.Tx, entries []types.Entry) error {
	for _, e := range entries {
		if err := tx.Record(e); err != nil {
			return err
		}
	}
	return nil
}

// Settle records how many refusals of the minutes that are over were not entries of their own. The root runs it every minute.
func (k *Keep) Settle(ctx context.Context) error {
	return k.record(ctx, k.noes.Due(k.cfg.Clock.Now()))
}

// Close records what was counted and not yet recorded. The root calls it when no request is left.
func (k *Keep) Close(ctx context.Context) error {
	return k.record(ctx, k.noes.Due(k.cfg.Clock.Now().Add(time.Minute)))
}
