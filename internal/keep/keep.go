// Package keep is the declared data: it reads and writes rows of collections for a caller, under the plan's rules, and knows
// nothing of HTTP. Its answers are finished JSON.
//
// Policy: the caller is a parameter of every method. Every read runs its rules as SQL inside the statement and returns one bit
// per rule; what the caller sees of a row is the union of the masks whose bits are set. Nothing that depends on stored data is
// answered before a rule has said yes: absent and unreadable rows take one path and give one answer. Every act and every
// refusal of a signed-in caller is evidence.
//
// The map: keep.go (New, errors), view.go and row.go (a row as a caller may see it), list.go, filter.go, cursor.go (lists and
// search), write.go, change.go, judge.go, integrity.go (writes in their order), batch.go, can.go, idempotency.go, etag.go,
// explain.go (why), account.go (the built-in collection), transfer.go (import, export), routes.go (what edge mounts).
package keep

import (
	"context"
	"errors"
	"log/slog"
	"sync"

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
	// Explained, when set, is told why each refusal of a rule happened (development's terminal). No values are in it.
	Explained func(requestID types.ID, lines []string)
}

// Keep reads and writes rows. Safe for concurrent use.
type Keep struct {
	cfg   Config
	plan  *plan.Plan
	db    store.DB
	mu    sync.RWMutex
	views map[viewKey]*view
	lists map[string]*listStmt
	rows  sync.Map // *plan.Collection to *rowStmts
	why   explanations
}

// New returns a Keep over a database that has the plan's tables.
func New(cfg Config) (*Keep, error) {
	if cfg.Plan == nil || cfg.DB == nil || cfg.Ring == nil || cfg.Clock == nil {
		return nil, errors.New("keep: plan, database, ring and clock are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Keep{cfg: cfg, plan: cfg.Plan, db: cfg.DB, views: map[viewKey]*view{}, lists: map[string]*listStmt{}}, nil
}

// Plan returns the plan that is served.
func (k *Keep) Plan() *plan.Plan { return k.plan }

// Refusals that do not depend on stored data, or that say the same for absent and unreadable rows.
var (
	errNoCollection = types.Refuse(types.NotFound, "not_found", "there is no such collection")
	errNoRow        = types.Refuse(types.NotFound, "not_found", "there is no such row")
	errNotAllowed   = types.Refuse(types.Forbidden, "not_allowed", "none of your roles may do this")
	errSignIn       = types.Refuse(types.Unauthenticated, "sign_in_required", "sign in first")
	errFactor       = types.Refuse(types.Forbidden, "factor_required", "one of your roles may do this after signing in with another factor")
	errStepUp       = types.Refuse(types.Forbidden, "step_up_required", "prove a factor again, at /auth/step-up, and repeat the request")
	errScope        = types.Refuse(types.Forbidden, "out_of_scope", "this token was not issued for that")
	errOrg          = types.Refuse(types.Forbidden, "organisation_required", "choose an organisation for this session first")
)

// bindings are the caller's values in rules, at the request's one time.
func (k *Keep) bindings(c *types.Caller) *rule.Bindings {
	return &rule.Bindings{Me: c.Account, Org: c.Org, MFA: c.Factors.MFA(), Roles: c.Roles, Now: k.cfg.Clock.Now().UTC()}
}

// permit finds the collection and says whether the caller's roles may use the verb at all; unruled callers always may.
func (k *Keep) permit(c *types.Caller, collection string, a types.Action) (*plan.Collection, []plan.Folded, error) {
	col := k.plan.Collection(collection)
	if col == nil {
		return nil, nil, errNoCollection
	}
	if c.Unruled() {
		return col, []plan.Folded{{Rule: &plan.Rule{Action: a, Mask: col.All, Whole: true}, When: &rule.Fixed{Truth: rule.Yes}}}, nil
	}
	if c.Scope != nil && c.Scope.Collections[collection]&a == 0 {
		return nil, nil, errScope
	}
	rules := k.plan.For(col, a, c)
	if len(rules) == 0 {
		return nil, nil, k.impossible(c, col, a)
	}
	if col.PerOrg && c.Org == "" && c.Kind == types.Signed {
		return nil, nil, errOrg
	}
	return col, rules, nil
}

// impossible says why no rule is left for a caller: by the plan and the caller alone.
func (k *Keep) impossible(c *types.Caller, col *plan.Collection, a types.Action) error {
	if c.Kind == types.Anonymous {
		return errSignIn
	}
	if c.Dormant != 0 {
		awake := *c
		awake.Roles |= c.Dormant
		if len(k.plan.For(col, a, &awake)) > 0 {
			return errFactor
		}
	}
	return errNotAllowed
}

// refuse records the refusal of a signed-in caller without waiting for the commit.
func (k *Keep) refuse(ctx context.Context, c *types.Caller, event types.Event, collection string, row types.ID, err error) {
	if c.Kind == types.Anonymous {
		return // counted by edge
	}
	e := types.NewEntry(event, types.Refused, c, k.cfg.Clock.Now())
	e.Collection, e.Row, e.Code = collection, row, types.CodeOf(err)
	if werr := k.db.WriteSoon(ctx, func(tx store.Tx) error { return tx.Record(e) }); werr != nil {
		k.cfg.Log.Error("evidence of a refusal was not written", "error", werr.Error())
	}
}

// May says whether the caller's roles may use the verb of a collection at all, by the plan and the caller alone.
func (k *Keep) May(c *types.Caller, collection string, a types.Action) error {
	_, _, err := k.permit(c, collection, a)
	return err
}
