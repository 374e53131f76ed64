package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// Found is what a presented token was worth.
type Found struct {
	Caller types.Caller // without address and request id
	// Successor is a new token for the same session, to be set as the browser's cookie; empty: none is due.
	Successor types.Secret
	MaxAge    time.Duration // of the successor's cookie
}

var load = store.SQL(`SELECT t.state, t.until, t.factors, t.fresh_at, t.issued, s.id, s.account, s.transport, s.seen,
	s.expires, s.successor_at, s.renew, s.dev, s.org, s.epoch, a.state, a.epoch
	FROM fastness_session_token t JOIN fastness_session s ON s.id = t.session JOIN fastness_account a ON a.id = s.account
	WHERE t.hash = ?`)

// backwards is how far a last use may lie in the future: replicas' clocks differ a little.
const backwards = time.Minute

// row is the stored state behind a token.
type row struct {
	state, until, factors, freshAt, issued       int64
	session, account, org                        types.ID
	transport, seen, expires, successorAt, renew int64
	dev                                          bool
	epoch, accountEpoch                          int64
	accountState                                 string
}

// Authenticate says who presents the token. ErrNone when nobody may: the token is unknown, over, replaced for cause,
// travels by the wrong transport, or is a replay (which ends the family). Any other error means that it could not be told.
func (s *Sessions) Authenticate(ctx context.Context, token string, by Transport) (*Found, error) {
	if len(token) != tokenLen {
		return nil, ErrNone
	}
	h, now := hashOf(token), s.now()
	us := types.Micros(now)
	if s.cfg.Feed.Live() {
		if e := s.cache.get(h); e != nil && e.transport == by && e.usable(us, s.cfg.Idle) {
			if err := s.touch(ctx, e, us); err != nil {
				return nil, err
			}
			return e.found(now), nil
		}
	}
	return s.slow(ctx, h, by, now)
}

// tokenLen is the length of 32 bytes in the alphabet of ids.
const tokenLen = 52

func (e *entry) found(now time.Time) *Found {
	f := &Found{Caller: e.caller}
	if e.dev {
		f.Caller.FreshAt = now
	}
	return f
}

func (s *Sessions) slow(ctx context.Context, h hash, by Transport, now time.Time) (*Found, error) {
	gen := s.cache.gen.Load()
	var r row
	var e *entry
	us := types.Micros(now)
	err := s.db.View(ctx, func(rd store.Reader) error {
		var err error
		if r, err = read(ctx, rd, h); err != nil {
			return err
		}
		if err = s.standing(&r, by, us); err != nil {
			return err
		}
		e, err = s.entry(ctx, rd, &r, now)
		return err
	})
	switch {
	case errors.Is(err, errReplay):
		return nil, s.end(ctx, h, types.Entry{Event: types.SessionReuse, At: now, Code: "replaced_token"})
	case errors.Is(err, errForeign):
		return nil, s.end(ctx, h, types.Entry{Event: types.SignInFail, At: now, Code: "development_session"})
	case errors.Is(err, ErrNone):
		s.cache.drop(h)
		return nil, ErrNone
	case err != nil:
		return nil, err
	}
	f := e.found(now)
	if r.state == next {
		if err := s.promote(ctx, h, r.session, now); err != nil {
			return nil, err
		}
		gen = s.cache.gen.Load() - 1 // the entry was read before the promotion: let the next use put it in
	}
	if s.due(&r, us) {
		if f.Successor, err = s.succeed(ctx, h, &r, now); err != nil {
			return nil, err
		}
		f.MaxAge = types.FromMicros(r.expires).Sub(now)
		return f, nil
	}
	if s.cfg.Feed.Live() {
		s.cache.put(h, e, gen)
	}
	return f, s.touch(ctx, e, us)
}

var (
	errReplay  = errors.New("session: a replaced token came back")
	errForeign = errors.New("session: a session of development in production")
)

// standing judges the stored state of a token. ErrNone refuses; errReplay and errForeign refuse and must end the family.
func (s *Sessions) standing(r *row, by Transport, us int64) error {
	if r.accountState != "active" || r.epoch != r.accountEpoch {
		return ErrNone
	}
	if r.dev && !s.cfg.Development {
		return errForeign
	}
	if us >= r.expires || us-r.seen >= s.cfg.Idle.Microseconds() {
		return ErrNone
	}
	if r.seen-us > backwards.Microseconds() {
		return ErrNone // the clock was set back since the last use: nobody can say how long ago that was
	}
	if (r.state == old || r.state == dead) && us >= r.until {
		return errReplay
	}
	if r.state == fading && us >= r.until {
		return ErrNone // no replay: maybe its client never got the new one
	}
	if r.state == dead || Transport(r.transport) != by {
		return ErrNone
	}
	return nil
}

func (s *Sessions) entry(ctx context.Context, rd store.Reader, r *row, now time.Time) (*entry, error) {
	proved := types.Factor(r.factors)
	within, force, dormant, until, err := s.cfg.Roles(ctx, rd, r.account, r.org, proved, now)
	if err != nil {
		return nil, err
	}
	us := types.Micros(now)
	e := &entry{transport: Transport(r.transport), dev: r.dev, rotateAt: r.expires,
		deadline: min(r.expires, us+(5*time.Minute).Microseconds())}
	e.caller = types.Caller{Kind: types.Signed, Account: r.account, Roles: force, Dormant: dormant, Org: within,
		Session: r.session, Epoch: r.epoch, Factors: proved, FreshAt: types.FromMicros(r.freshAt)}
	if !until.IsZero() {
		e.deadline = min(e.deadline, types.Micros(until))
	}
	if r.state == old || r.state == fading {
		e.deadline = min(e.deadline, r.until)
	}
	if e.transport == Cookie && r.state != old && r.state != fading {
		e.rotateAt = max(r.issued+s.cfg.Rotate.Microseconds(), r.successorAt+reissue.Microseconds())
	}
	e.seen.Store(r.seen)
	e.persisted.Store(r.seen)
	return e, nil
}

var stands = store.SQL(`SELECT s.id FROM fastness_session s JOIN fastness_account a ON a.id = s.account
	WHERE s.id = ? AND s.account = ? AND s.epoch = ? AND a.epoch = s.epoch AND a.state = 'active'`)

var errOver = types.Refuse(types.Unauthenticated, "credential_invalid", "the session is over or the token is not valid; sign in again")

// Stands refuses a caller whose session ended after he was let in, or whose account's password, factors or state changed since. Whatever
// outlives a session is judged by it in its own transaction: a request that was under way must not undo what its owner did against it.
func Stands(ctx context.Context, r store.Reader, who *types.Caller) error {
	rows, err := r.Query(ctx, stands, types.IDValue(who.Session), types.IDValue(who.Account), types.IntValue(who.Epoch))
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return errOver
	}
	return nil
}

var touchRow = store.SQL(`UPDATE fastness_session SET seen = ? WHERE id = ? AND seen < ?`)

// touch notes the use. The store hears of it only now and then: a sixteenth of the idle limit, at most a minute. Another
// process may therefore end a session early by that much, never late.
func (s *Sessions) touch(ctx context.Context, e *entry, us int64) error {
	raise(&e.seen, us)
	last := e.persisted.Load()
	if us-last < min(s.cfg.Idle/16, time.Minute).Microseconds() || !e.persisted.CompareAndSwap(last, us) {
		return nil
	}
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, touchRow, types.IntValue(us), types.IDValue(e.caller.Session), types.IntValue(us))
		return err
	})
}

func raise(v *atomic.Int64, to int64) {
	for {
		have := v.Load()
		if have >= to || v.CompareAndSwap(have, to) {
			return
		}
	}
}

var (
	retireOthers = store.SQL(`UPDATE fastness_session_token SET state = 3, until = CASE WHEN state = 5 AND until < ? THEN until ELSE ? END
		WHERE session = ? AND hash <> ? AND (state < 3 OR state = 5)`)
	makeCurrent = store.SQL(`UPDATE fastness_session_token SET state = 1 WHERE hash = ? AND state = 2`)
)

// promote makes a handed-out token the current one at its first use; from now on its predecessors live for the grace.
func (s *Sessions) promote(ctx context.Context, h hash, session types.ID, now time.Time) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		n, err := tx.Exec(ctx, makeCurrent, h.value())
		if err != nil || n == 0 {
			return err // somebody else's request was first
		}
		until := types.IntValue(types.Micros(now.Add(Grace)))
		if _, err := tx.Exec(ctx, retireOthers, until, until, types.IDValue(session), h.value()); err != nil {
			return err
		}
		return announce(ctx, tx, session)
	})
}

// due reports whether the token of a cookie must be replaced: by age, or because roles changed.
func (s *Sessions) due(r *row, us int64) bool {
	if Transport(r.transport) != Cookie || r.state == old || r.state == fading || us < r.successorAt+reissue.Microseconds() {
		return false
	}
	return r.renew != 0 || us-r.issued >= s.cfg.Rotate.Microseconds()
}

var claimSuccessor = store.SQL(`UPDATE fastness_session SET successor_at = ?, renew = 0 WHERE id = ? AND successor_at = ?`)

// succeed hands out a successor of the same level. Of requests at once only one gets it, and none gets one for a token that was replaced
// for cause, or whose account was changed, since it was looked up.
func (s *Sessions) succeed(ctx context.Context, h hash, r *row, now time.Time) (types.Secret, error) {
	token := types.NewSecret(types.Token(32))
	won := false
	err := s.db.Write(ctx, func(tx store.Tx) error {
		won = false
		us := types.Micros(now)
		again, err := read(ctx, tx, h)
		if err != nil {
			return err
		}
		if again.state == dead || again.state == fading || again.accountState != "active" || again.epoch != again.accountEpoch {
			return ErrNone
		}
		n, err := tx.Exec(ctx, claimSuccessor, types.IntValue(us), types.IDValue(r.session), types.IntValue(r.successorAt))
		if err != nil || n == 0 {
			return err
		}
		won = true
		if err := s.addToken(ctx, tx, token, r.session, next, types.Factor(r.factors), r.freshAt, us); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, touchRow, types.IntValue(us), types.IDValue(r.session), types.IntValue(us)); err != nil {
			return err
		}
		return announce(ctx, tx, r.session)
	})
	if err != nil || !won {
		return types.Secret{}, err
	}
	return token, nil
}

// end ends the family of a token that must not be presented any more, and says in evidence why.
func (s *Sessions) end(ctx context.Context, h hash, e types.Entry) error {
	err := s.db.Write(ctx, func(tx store.Tx) error {
		again, err := read(ctx, tx, h)
		if err != nil {
			return err
		}
		if err := s.revoke(ctx, tx, again.account, again.session); err != nil {
			return err
		}
		e.Account, e.Kind, e.Session, e.Outcome, e.Count = again.account, types.Signed, again.session, types.Refused, 1
		return tx.Record(e)
	})
	if err != nil && !errors.Is(err, ErrNone) {
		return err
	}
	return ErrNone
}

func read(ctx context.Context, rd store.Reader, h hash) (row, error) {
	rows, err := rd.Query(ctx, load, h.value())
	if err != nil {
		return row{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return row{}, err
		}
		return row{}, ErrNone
	}
	return row{state: rows.Int(0), until: rows.Int(1), factors: rows.Int(2), freshAt: rows.Int(3), issued: rows.Int(4),
		session: types.ID(rows.Text(5)), account: types.ID(rows.Text(6)), transport: rows.Int(7), seen: rows.Int(8),
		expires: rows.Int(9), successorAt: rows.Int(10), renew: rows.Int(11), dev: rows.Int(12) != 0,
		org: types.ID(rows.Text(13)), epoch: rows.Int(14), accountState: rows.Text(15), accountEpoch: rows.Int(16)}, nil
}
