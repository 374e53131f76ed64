// Package replay remembers which requests with an Idempotency-Key were done, so that a client that does not know whether its
// request arrived may send it again.
//
// Policy: a key is bound to account, method and path, and to the body. What is kept are keyed hashes, the status and the row,
// in the act's own transaction; never the answer, which is read again under the rules of the day. A key of a session that was ended for cause is
// good for nothing: neither is the act repeated, nor does it pass for one of whoever the account belongs to.
package replay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// replayLife is how long a used key is remembered.
const replayLife = 24 * time.Hour

// Tables returns the table of used keys.
func Tables() []store.Table {
	return []store.Table{{
		Name: "fastness_replay", Primary: []string{"key"},
		Columns: []store.Column{
			{Name: "key", Type: store.BytesColumn, NotNull: true}, {Name: "body", Type: store.BytesColumn, NotNull: true},
			{Name: "status", Type: store.IntColumn, NotNull: true}, {Name: "row_id", Type: store.TextColumn, NotNull: true},
			{Name: "created", Type: store.IntColumn, NotNull: true},
			{Name: "by_session", Type: store.TextColumn}, {Name: "by_epoch", Type: store.IntColumn},
		},
		Indexes: []store.Index{{Name: "fastness_replay_created", Columns: []string{"created"}}},
	}}
}

// Keys are the used keys. Safe for concurrent use.
type Keys struct {
	Ring  *seal.Ring
	Clock types.Clock
	Holds Holds

	mu      sync.Mutex
	running map[string]bool
}

// Holds reports whether what an account began in a session (or with an API token), at an epoch of the account, still stands; nil: all does.
type Holds func(ctx context.Context, r store.Reader, account, session types.ID, epoch int64) (bool, error)

// Key is the Idempotency-Key of one request. A nil Key is a request without one: nothing is found and nothing kept.
type Key struct {
	keys      *Keys
	key, body []byte
	account   types.ID
	session   types.ID // or the API token
	epoch     int64
}

// errRunning: the same request is under way, here or in another process.
var errRunning = &types.Error{Kind: types.Conflict, Code: "in_progress", RetryAfter: time.Second,
	Detail: "a request with this Idempotency-Key is still running; repeat it in a moment"}

var (
	errMismatch = types.Refuse(types.Invalid, "idempotency_mismatch", "this Idempotency-Key was used for another body; make a new one")
	errOver     = types.Refuse(types.Conflict, "idempotency_over", "this Idempotency-Key was used before the account's sessions were ended; look whether it was done, and make a new key if not")
)

// Begin refuses a key whose request is still running in this process; End must follow when it did not. Between processes the
// database decides, at Keep.
func (p *Key) Begin() error {
	if p == nil {
		return nil
	}
	p.keys.mu.Lock()
	defer p.keys.mu.Unlock()
	if p.keys.running[string(p.key)] {
		return errRunning
	}
	if p.keys.running == nil {
		p.keys.running = map[string]bool{}
	}
	p.keys.running[string(p.key)] = true
	return nil
}

// End says that the request is over, whatever came of it.
func (p *Key) End() {
	if p == nil {
		return
	}
	p.keys.mu.Lock()
	defer p.keys.mu.Unlock()
	delete(p.keys.running, string(p.key))
}

// Request is what a key is bound to.
type Request struct {
	Key          string // the header; "": none
	Method, Path string
	Body         []byte
}

// Done is what an earlier request with the key did.
type Done struct {
	Status int
	Row    types.ID
}

var (
	findReplay  = store.SQL(`SELECT "body", "status", "row_id", "by_session", "by_epoch" FROM fastness_replay WHERE "key" = ? AND "created" > ?`)
	keepReplay  = store.SQL(`INSERT INTO fastness_replay ("key", "body", "status", "row_id", "created", "by_session", "by_epoch") VALUES (?, ?, ?, ?, ?, ?, ?)`)
	dropReplay  = store.SQL(`DELETE FROM fastness_replay WHERE "key" = ?`)
	purgeReplay = store.SQL(`DELETE FROM fastness_replay WHERE "created" <= ?`)
)

// New binds the key to account, active organisation, method and path, and the body by a keyed hash of its canonical form (RFC 8785).
func (k *Keys) New(c *types.Caller, r Request) (*Key, error) {
	if r.Key == "" {
		return nil, nil
	}
	if len(r.Key) > 64 {
		return nil, types.Refuse(types.Malformed, "bad_idempotency_key", "an Idempotency-Key has at most 64 bytes")
	}
	if c.Account == "" {
		return nil, types.Refuse(types.Malformed, "bad_idempotency_key", "anonymous requests carry no Idempotency-Key")
	}
	body := jsontext.Value(r.Body).Clone()
	if len(body) > 0 {
		if err := body.Canonicalize(); err != nil {
			return nil, types.Refuse(types.Malformed, "bad_json", "send strict JSON")
		}
	}
	by := c.Session
	if by == "" {
		by = c.Token
	}
	return &Key{keys: k, account: c.Account, session: by, epoch: c.Epoch, key: k.Ring.MAC(seal.Replay, "key", string(c.Account), string(c.Org), r.Method, r.Path, r.Key),
		body: k.Ring.MAC(seal.Replay, "body", string(body))}, nil
}

// Find looks whether the key was used; another body under the same key is refused.
func (p *Key) Find(ctx context.Context, tx store.Tx) (*Done, error) {
	if p == nil {
		return nil, nil
	}
	u, err := p.used(ctx, tx)
	if u == nil || err != nil {
		return nil, err
	}
	if p.keys.Holds != nil {
		if still, err := p.keys.Holds(ctx, tx, p.account, u.session, u.epoch); err != nil {
			return nil, err
		} else if !still {
			return nil, errOver
		}
	}
	if !seal.Equal(u.body, p.body) {
		return nil, errMismatch
	}
	return &u.Done, nil
}

// used is a key as it was kept.
type used struct {
	Done
	body    []byte
	session types.ID
	epoch   int64
}

// used reads the key; nil when it was not used within a day.
func (p *Key) used(ctx context.Context, r store.Reader) (*used, error) {
	oldest := types.Micros(p.keys.Clock.Now().Add(-replayLife))
	rows, err := r.Query(ctx, findReplay, types.BytesValue(p.key), types.IntValue(oldest))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	return &used{Done{int(rows.Int(1)), types.ID(rows.Text(2))}, slices.Clone(rows.Bytes(0)), types.ID(rows.Text(3)), rows.Int(4)}, rows.Err()
}

// Keep remembers what the request did, in its transaction.
func (p *Key) Keep(ctx context.Context, tx store.Tx, status int, row types.ID) error {
	if p == nil {
		return nil
	}
	if _, err := tx.Exec(ctx, dropReplay, types.BytesValue(p.key)); err != nil { // one that is older than a day
		return err
	}
	_, err := tx.Exec(ctx, keepReplay, types.BytesValue(p.key), types.BytesValue(p.body), types.IntValue(int64(status)),
		types.TextValue(string(row)), types.IntValue(types.Micros(p.keys.Clock.Now())), types.IDValue(p.session), types.IntValue(p.epoch))
	var broken *store.ConstraintError
	if errors.As(err, &broken) && broken.Kind == store.Unique {
		return errRunning
	}
	return err
}

// Tidy forgets keys that are older than a day.
func (k *Keys) Tidy(ctx context.Context, db store.DB) error {
	return db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, purgeReplay, types.IntValue(types.Micros(k.Clock.Now().Add(-replayLife))))
		return err
	})
}
