package session

import (
	"context"
	"errors"
	"time"

	"github.com/fastness-dev/fastness/internal/identity/feed"
	"github.com/fastness-dev/fastness/internal/store"
	"github.com/fastness-dev/fastness/internal/types"
)

// ErrNone: no such session, or it is another account's.
var ErrNone = errors.New("session: no such session")

// ErrRequired refuses what only a person who is signed in may do, and an API token may not.
var ErrRequired = types.Refuse(types.Forbidden, "session_required", "an API token may not do this; sign in")

// Fresh describes a session to be started for somebody who has just proved who he is.
type Fresh struct {
	Account   types.ID
	Epoch     int64 // the account's, read in the same transaction
	Factors   types.Factor
	Transport Transport
	Label     string    // see Label
	Address   string    // class of the address (types.Entry.Address), never the address
	Org       types.ID  // the active organisation; "": where the account is at home, if anywhere
	Dev       bool      // an operator's session in development: always freshly proved
	At        time.Time // when he proved it; zero, or in the future: now
	Since     Mark      // taken before the transaction began; zero: the session is read again at its first use
}

// Mark is a point in the news of what ended or changed. Zero is none.
type Mark int64

// Mark returns the present point. What is read after it may be remembered if no news came between.
func (s *Sessions) Mark() Mark { return Mark(s.cache.gen.Load() + 1) }

// Started is a session with the token that opens it. The token is nowhere else: it cannot be read back.
type Started struct {
	ID        types.ID
	Token     types.Secret
	Transport Transport
	MaxAge    time.Duration // until Expires
	Expires   time.Time     // at the latest

	worth *entry // of Token, as the transaction saw it; nil after Renew
	since Mark
}

// Opened returns the caller that a session of Start stands for, after its transaction: what that has read is not read again,
// and neither is it at the session's first use.
func (s *Sessions) Opened(st *Started) types.Caller {
	if st.since != 0 && s.cfg.Feed.Live() {
		s.cache.put(hashOf(st.Token.Reveal()), st.worth, int64(st.since-1))
	}
	return st.worth.found(s.now()).Caller
}

var (
	insertSession = store.SQL(`INSERT INTO fastness_session (id, account, epoch, transport, created, seen, expires,
		successor_at, renew, dev, label, address, org) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?)`)
	insertToken = store.SQL(`INSERT INTO fastness_session_token (hash, session, state, until, factors, fresh_at, issued)
		VALUES (?, ?, ?, 0, ?, ?, ?)`)
	liveOf = store.SQL(`SELECT id FROM fastness_session WHERE account = ? AND expires > ? AND seen > ? ORDER BY seen DESC, id DESC`)
	remove = store.SQL(`DELETE FROM fastness_session WHERE id = ?`)
	tidy   = store.SQL(`DELETE FROM fastness_session WHERE account = ? AND (expires <= ? OR seen <= ?)`)
	sweep  = store.SQL(`DELETE FROM fastness_session WHERE expires <= ?`)
)

// Start opens a session and ends those of the account that are more than may run side by side, longest unused first.
func (s *Sessions) Start(ctx context.Context, tx store.Tx, f Fresh) (*Started, error) {
	now := s.now()
	us, idleSince := types.Micros(now), types.Micros(now.Add(-s.cfg.Idle))
	absolute := s.cfg.Absolute
	if f.Dev {
		absolute = min(absolute, time.Hour)
	}
	out := &Started{ID: types.NewID(now), Token: types.NewSecret(types.Token(32)), Transport: f.Transport,
		MaxAge: absolute, Expires: now.Add(absolute), since: f.Since}
	if _, err := tx.Exec(ctx, tidy, types.IDValue(f.Account), types.IntValue(us), types.IntValue(idleSince)); err != nil {
		return nil, err
	}
	live, err := ids(ctx, tx, liveOf, types.IDValue(f.Account), types.IntValue(us), types.IntValue(idleSince))
	if err != nil {
		return nil, err
	}
	for i := s.cfg.Parallel - 1; i < len(live); i++ {
		if err := s.End(ctx, tx, live[i]); err != nil {
			return nil, err
		}
		if err := tx.Record(types.Entry{Event: types.SignOut, Outcome: types.Done, At: now, Account: f.Account,
			Kind: types.Signed, Session: live[i], Code: "parallel_limit", Count: 1}); err != nil {
			return nil, err
		}
	}
	if f.Org == "" && s.cfg.Home != nil {
		if f.Org, err = s.cfg.Home(ctx, tx, f.Account); err != nil {
			return nil, err
		}
	}
	if _, err := tx.Exec(ctx, insertSession, types.IDValue(out.ID), types.IDValue(f.Account), types.IntValue(f.Epoch),
		types.IntValue(int64(f.Transport)), types.IntValue(us), types.IntValue(us), types.IntValue(types.Micros(out.Expires)),
		types.BoolValue(f.Dev), types.TextValue(f.Label), types.TextValue(f.Address), types.IDValue(f.Org)); err != nil {
		return nil, err
	}
	freshAt := us
	if !f.At.IsZero() {
		freshAt = min(us, types.Micros(f.At))
	}
	out.worth, err = s.entry(ctx, tx, &row{state: current, factors: int64(f.Factors), freshAt: freshAt, issued: us, session: out.ID, account: f.Account, org: f.Org,
		transport: int64(f.Transport), seen: us, expires: types.Micros(out.Expires), dev: f.Dev, epoch: f.Epoch}, now)
	if err != nil {
		return nil, err
	}
	return out, s.addToken(ctx, tx, out.Token, out.ID, current, f.Factors, freshAt, us)
}

func (s *Sessions) addToken(ctx context.Context, tx store.Tx, token types.Secret, session types.ID, state int64, factors types.Factor, freshAt, issued int64) error {
	_, err := tx.Exec(ctx, insertToken, hashOf(token.Reveal()).value(), types.IDValue(session), types.IntValue(state),
		types.IntValue(int64(factors)), types.IntValue(freshAt), types.IntValue(issued))
	return err
}

// Level is what a renewed token is worth.
type Level struct {
	Factors types.Factor
	FreshAt time.Time
	// Cause says that the tokens before must not be honoured again: password, factors or roles changed. Otherwise they
	// keep their own level until the new one is used, and the grace after that; Fade at the most.
	Cause bool
	Epoch int64 // with Cause: the account's epoch after the change
}

var (
	sessionRow = store.SQL(`SELECT transport, expires FROM fastness_session WHERE id = ?`)
	killTokens = store.SQL(`UPDATE fastness_session_token SET state = 4, until = ? WHERE session = ? AND state <> 4`)
	fadeTokens = store.SQL(`UPDATE fastness_session_token SET state = 5, until = ? WHERE session = ? AND state < 3`)
	setEpoch   = store.SQL(`UPDATE fastness_session SET epoch = ?, renew = 0 WHERE id = ?`)
)

// Renew gives a session a new token of the level. The old ones keep their level, for a
// minute at the most, or, with Cause, are refused from now on.
func (s *Sessions) Renew(ctx context.Context, tx store.Tx, session types.ID, l Level) (*Started, error) {
	rows, err := tx.Query(ctx, sessionRow, types.IDValue(session))
	if err != nil {
		return nil, err
	}
	found := rows.Next()
	out := &Started{ID: session, Token: types.NewSecret(types.Token(32))}
	if found {
		out.Transport, out.Expires = Transport(rows.Int(0)), types.FromMicros(rows.Int(1))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrNone
	}
	now := s.now()
	out.MaxAge = out.Expires.Sub(now)
	state := int64(next)
	if !l.Cause {
		if _, err := tx.Exec(ctx, fadeTokens, types.IntValue(types.Micros(now.Add(Fade))), types.IDValue(session)); err != nil {
			return nil, err
		}
	} else {
		state = current
		if _, err := tx.Exec(ctx, killTokens, types.IntValue(types.Micros(now.Add(Grace))), types.IDValue(session)); err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, setEpoch, types.IntValue(l.Epoch), types.IDValue(session)); err != nil {
			return nil, err
		}
	}
	if err := s.addToken(ctx, tx, out.Token, session, state, l.Factors, types.Micros(l.FreshAt), types.Micros(now)); err != nil {
		return nil, err
	}
	return out, announce(ctx, tx, session)
}

// End ends a session. Ending one that is gone already is no error.
func (s *Sessions) End(ctx context.Context, tx store.Tx, session types.ID) error {
	if _, err := tx.Exec(ctx, remove, types.IDValue(session)); err != nil {
		return err
	}
	return announce(ctx, tx, session)
}

var markRenew = store.SQL(`UPDATE fastness_session SET renew = 1 WHERE account = ?`)

// RenewSoon makes every cookie session of the account take a new token at its next use: its roles changed.
func (s *Sessions) RenewSoon(ctx context.Context, tx store.Tx, account types.ID) error {
	if _, err := tx.Exec(ctx, markRenew, types.IDValue(account)); err != nil {
		return err
	}
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: account})
}

var setOrg = store.SQL(`UPDATE fastness_session SET org = ? WHERE id = ? AND account = ?`)

// SetOrg makes an organisation the active one of a session; "" for none. That the account belongs to it is the caller's
// affair.
func (s *Sessions) SetOrg(ctx context.Context, tx store.Tx, account, session, org types.ID) error {
	n, err := tx.Exec(ctx, setOrg, types.IDValue(org), types.IDValue(session), types.IDValue(account))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNone
	}
	return announce(ctx, tx, session)
}

var orgOf = store.SQL(`SELECT org FROM fastness_session WHERE id = ? AND account = ?`)

// OrgOf is the active organisation of a session; "" for none, and for a session that is gone.
func (s *Sessions) OrgOf(ctx context.Context, r store.Reader, account, session types.ID) (types.ID, error) {
	rows, err := r.Query(ctx, orgOf, types.IDValue(session), types.IDValue(account))
	if err != nil {
		return "", err
	}
	defer rows.Close()
	org := types.ID("")
	if rows.Next() {
		org = types.ID(rows.Text(0))
	}
	return org, rows.Err()
}

var leaveOrg = store.SQL(`UPDATE fastness_session SET org = NULL, renew = 1 WHERE account = ? AND org = ?`)

// LeaveOrg takes an organisation out of every session of the account in which it is active. They take a new token at their
// next use.
func (s *Sessions) LeaveOrg(ctx context.Context, tx store.Tx, account, org types.ID) error {
	if _, err := tx.Exec(ctx, leaveOrg, types.IDValue(account), types.IDValue(org)); err != nil {
		return err
	}
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Account, Subject: account})
}

// Listed is a session as its owner sees it.
type Listed struct {
	ID        types.ID
	Label     string
	Address   string
	Transport Transport
	Created   time.Time
	Seen      time.Time
	Expires   time.Time
}

var list = store.SQL(`SELECT id, label, address, transport, created, seen, expires FROM fastness_session
	WHERE account = ? AND expires > ? AND seen > ? ORDER BY seen DESC, id DESC`)

// List returns the live sessions of the account, last used first.
func (s *Sessions) List(ctx context.Context, r store.Reader, account types.ID) ([]Listed, error) {
	now := s.now()
	rows, err := r.Query(ctx, list, types.IDValue(account), types.IntValue(types.Micros(now)), types.IntValue(types.Micros(now.Add(-s.cfg.Idle))))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Listed
	for rows.Next() {
		out = append(out, Listed{ID: types.ID(rows.Text(0)), Label: rows.Text(1), Address: rows.Text(2),
			Transport: Transport(rows.Int(3)), Created: types.FromMicros(rows.Int(4)), Seen: types.FromMicros(rows.Int(5)),
			Expires: types.FromMicros(rows.Int(6))})
	}
	return out, rows.Err()
}

var allOf = store.SQL(`SELECT id FROM fastness_session WHERE account = ?`)

// Sweep deletes sessions that are over, and forgets those that were ended for cause when nothing can wait any more that they began.
func (s *Sessions) Sweep(ctx context.Context) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.Exec(ctx, sweepEnded, types.IntValue(types.Micros(s.now().Add(-longest)))); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sweep, types.IntValue(types.Micros(s.now())))
		return err
	})
}

func announce(ctx context.Context, tx store.Tx, session types.ID) error {
	return feed.Announce(ctx, tx, feed.Note{Kind: feed.Session, Subject: session})
}

func ids(ctx context.Context, r store.Reader, s *store.Stmt, args ...types.Value) ([]types.ID, error) {
	rows, err := r.Query(ctx, s, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []types.ID
	for rows.Next() {
		out = append(out, types.ID(rows.Text(0)))
	}
	return out, rows.Err()
}
