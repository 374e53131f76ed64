package keep

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/fastness-dev/fastness/internal/seal"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// replayLife is how long a used key is remembered.
const replayLife = 24 * time.Hour

// Tables returns keep's own tables.
func Tables() []store.Table {
	return []store.Table{{
		Name: "fastness_replay", Primary: []string{"key"},
		Columns: []store.Column{
			{Name: "key", Type: store.BytesColumn, NotNull: true}, {Name: "body", Type: store.BytesColumn, NotNull: true},
			{Name: "status", Type: store.IntColumn, NotNull: true}, {Name: "row_id", Type: store.TextColumn, NotNull: true},
			{Name: "created", Type: store.IntColumn, NotNull: true},
		},
		Indexes: []store.Index{{Name: "fastness_replay_created", Columns: []string{"created"}}},
	}}
}

// replay is a request that carries an Idempotency-Key: kept in the act's own transaction as keyed hashes, never the answer.
type replay struct {
	k         *Keep
	key, body []byte
}

// done is what an earlier request with the key did.
type done struct {
	status int
	row    types.ID
}

var (
	findReplay  = store.SQL(`SELECT "body", "status", "row_id" FROM fastness_replay WHERE "key" = ? AND "created" > ?`)
	keepReplay  = store.SQL(`INSERT INTO fastness_replay ("key", "body", "status", "row_id", "created") VALUES (?, ?, ?, ?, ?)`)
	dropReplay  = store.SQL(`DELETE FROM fastness_replay WHERE "key" = ?`)
	purgeReplay = store.SQL(`DELETE FROM fastness_replay WHERE "created" <= ?`)
)

// newReplay binds the key to account, method and path, and the body by a keyed hash of its canonical form. nil without a key.
func (k *Keep) newReplay(c *types.Caller, w Write) (*replay, error) {
	if w.IdempotencyKey == "" {
		return nil, nil
	}
	if len(w.IdempotencyKey) > 64 {
		return nil, types.Refuse(types.Malformed, "bad_idempotency_key", "an Idempotency-Key has at most 64 bytes")
	}
	if c.Account == "" {
		return nil, types.Refuse(types.Malformed, "bad_idempotency_key", "anonymous requests carry no Idempotency-Key")
	}
	body := jsontext.Value(w.Body).Clone()
	if len(body) > 0 {
		if err := body.Canonicalize(); err != nil {
			return nil, types.Refuse(types.Malformed, "bad_json", "send strict JSON")
		}
	}
	return &replay{k: k, key: k.cfg.Ring.MAC(seal.Replay, "key", string(c.Account), w.Method, w.Path, w.IdempotencyKey),
		body: k.cfg.Ring.MAC(seal.Replay, "body", string(body))}, nil
}

// find looks whether the key was used; another body under the same key is refused.
func (p *replay) find(ctx context.Context, tx store.Tx) (*done, error) {
	if p == nil {
		return nil, nil
	}
	oldest := types.Micros(p.k.cfg.Clock.Now().Add(-replayLife))
	rows, err := tx.Query(ctx, findReplay, types.BytesValue(p.key), types.IntValue(oldest))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	if !seal.Equal(rows.Bytes(0), p.body) {
		return nil, types.Refuse(types.Invalid, "idempotency_mismatch", "this Idempotency-Key was used for another body; make a new one")
	}
	return &done{int(rows.Int(1)), types.ID(rows.Text(2))}, rows.Err()
}

func (p *replay) keep(ctx context.Context, tx store.Tx, status int, row types.ID) error {
	if p == nil {
		return nil
	}
	if _, err := tx.Exec(ctx, dropReplay, types.BytesValue(p.key)); err != nil { // one that is older than a day
		return err
	}
	_, err := tx.Exec(ctx, keepReplay, types.BytesValue(p.key), types.BytesValue(p.body), types.IntValue(int64(status)),
		types.TextValue(string(row)), types.IntValue(types.Micros(p.k.cfg.Clock.Now())))
	return err
}

// Tidy forgets idempotency keys that are older than a day. The root runs it every hour.
func (k *Keep) Tidy(ctx context.Context) error {
	return k.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, purgeReplay, types.IntValue(types.Micros(k.cfg.Clock.Now().Add(-replayLife))))
		return err
	})
}
